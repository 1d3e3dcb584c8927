"""Whether small records may be equal, or constant, by chance.

Two rows of a table of ages and grades are often equal without one being a copy of the other, and
a row of yes and no may be all no. Two pictures are not. The difference is how many different
records the values allow, which a sample of them shows.
"""

from __future__ import annotations

from math import inf, log2, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary

MAX_VALUES = 256
"""Records of more values are never equal by chance."""

MIN_RECORDS = 30
"""Fewer records show too little of how coarse their features are."""

POWER = 3
"""Records are expected to be equal by chance if two of them are with a probability of N**-3 or
more, were their features independent. Among N records are N**2 / 2 pairs; the third N allows for
features that depend on each other. Healthy tables were the measure (docs/healthy.md)."""


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
    """Whether a record that has only one of ``values`` (n,) is likely by chance, bool (n,).

    It is if every feature often has that value in records that are not constant.
    """
    sample = dataset.derive(read_sample) if dataset.records >= MIN_RECORDS else None
    varied = None if sample is None else sample[(sample != sample[:, :1]).any(axis=1)]
    if varied is None or not len(varied):
        return np.zeros(len(values), np.bool_)
    distinct, back = np.unique(values, return_inverse=True)
    shares = ((varied == value).mean(axis=0).prod() for value in distinct.tolist())
    # The square root allows for features that depend on each other.
    likely = [dataset.records * sqrt(share) >= 1 for share in shares]
    return np.array(likely, np.bool_)[back.reshape(-1)]
