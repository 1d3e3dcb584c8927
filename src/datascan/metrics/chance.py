"""Whether small records may be equal, or constant, by chance.

Two rows of a table of ages and grades are often equal without one being a copy of the other, and
a row of yes and no may be all no. Two pictures are not. The difference is how many different
records the values allow, which a sample of them shows.
"""

from __future__ import annotations

from math import inf, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary

MAX_VALUES = 256
"""Records of more values are never equal by chance."""

MIN_RECORDS = 30
"""Fewer records show too little of how coarse their features are."""

POWER = 2
"""Records may be equal by chance if two of them are with a probability of N**-2 or more, were their
features independent: then, N records have half a pair of equal ones. Healthy tables were the
measure (docs/healthy.md)."""

FEW = 0.1
"""If there are less than this share of the constant records that independent features would have,
the features depend on each other, and chance says nothing."""


def read_sample(dataset: DatasetSummary) -> NDArray[Any] | None:
    """Some distinct records of at most ``MAX_VALUES`` values, (m, d); None if they are larger."""
    if dataset.read_sample is None:
        return None
    values = dataset.read_sample(dataset)
    return None if values is None or len(values) == 0 else np.unique(values, axis=0)


def may_repeat(dataset: DatasetSummary) -> bool:
    """Whether records of the dataset may have equal content by chance."""
    sample = dataset.derive(read_sample) if dataset.records >= MIN_RECORDS else None
    if sample is None or len(sample) < 2:
        return False
    return count_bits(sample) < POWER * log2(dataset.records)


def count_bits(sample: NDArray[Any]) -> float:
    """How unlikely it is that two distinct records (m, d) agree: -log2 of the probability.

    It is that of independent features, and infinite if there is a feature in which no two of them
    agree: a number, or a measurement with many digits.
    """
    pairs = len(sample) * (len(sample) - 1) / 2
    bits = 0.0
    for feature in sample.T:
        counts = np.unique(feature, return_counts=True)[1].astype(float)
        agreeing = float((counts * (counts - 1)).sum()) / 2
        if agreeing == 0:
            return inf
        bits += log2(pairs / agreeing)
    return bits


def may_be_constant(dataset: DatasetSummary, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the constant records, each with one of ``values`` (n,), may be chance, bool (n,).

    They may if every feature often has that value in records that are not constant, and about as
    many records have it throughout as that lets expect.
    """
    sample = dataset.derive(read_sample) if dataset.records >= MIN_RECORDS else None
    varied = None if sample is None else sample[(sample != sample[:, :1]).any(axis=1)]
    if varied is None or not len(varied):
        return np.zeros(len(values), np.bool_)
    distinct, back, counts = np.unique(values, return_inverse=True, return_counts=True)
    shares = [(varied == value).mean(axis=0).prod() for value in distinct.tolist()]
    fewest = FEW * dataset.records * np.array(shares)
    # The square root allows for features that depend on each other.
    most = dataset.records * np.sqrt(shares)
    return np.asarray((fewest <= counts) & (counts <= most))[back.reshape(-1)]
