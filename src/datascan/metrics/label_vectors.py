"""Labels that are vectors: one-hot, multi-hot, or targets of several numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, DatasetSummary, Highest, Lowest, Tally
from datascan.records.block import Block

MIN_ONE_HOT_SHARE = 0.95
"""Labels are one-hot if at least this share of them has exactly one 1, and else zeros."""

SEVERAL, OTHER, NOT_FINITE = -1, -2, -3
"""In place of a class: no 1 or several among zeros; other values; NaN or Inf."""

BLOCK_VALUES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class VectorTally(Tally):
    """The labels of the records at ``addresses``, int64 (n,).

    ``hot``, int32 (n,): the position of the only 1, or one of ``SEVERAL``, ``OTHER``,
    ``NOT_FINITE``. ``narrowest`` and ``widest``: how many numbers a label has. ``low`` and
    ``high``: the range of finite values.
    """

    addresses: Concatenated
    hot: Concatenated
    narrowest: Lowest
    widest: Highest
    low: Lowest
    high: Highest


@dataclass(frozen=True, slots=True, eq=False)
class VectorSummary:
    """What is known about labels that are vectors of ``width`` numbers.

    ``indices``, int64 (n,), and ``hot``, int32 (n,), as in ``VectorTally``.
    """

    kind: Literal["one-hot", "multi-hot", "vector"]
    width: int
    low: float
    high: float
    indices: NDArray[np.int64]
    hot: NDArray[np.int32]


def measure_label_vectors(block: Block) -> VectorTally | None:
    """The vectors among the block's labels; None if labels are single numbers."""
    if block.labels is None or not block.labels.present.any():
        return None
    width = prod(block.labels.values.shape[1:])
    if width < 2:
        return None
    rows = np.flatnonzero(block.labels.present)
    step = max(1, BLOCK_VALUES // width)
    hot = np.empty(len(rows), np.int32)
    low, high = np.inf, -np.inf
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        values = block.labels.values[part].reshape(len(part), width)
        finite = np.isfinite(values)
        hot[start : start + step] = find_hot(values, finite)
        if finite.any():
            known = values if finite.all() else values[finite]
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return VectorTally(
        Concatenated((block.start + rows,)),
        Concatenated((hot,)),
        Lowest(float(width)),
        Highest(float(width)),
        Lowest(low),
        Highest(high),
    )


def find_hot(values: NDArray[np.generic], finite: NDArray[np.bool_]) -> NDArray[np.int32]:
    """The position of the only 1 of each row, or what else the row is, int32 (n,)."""
    ones = values == 1
    is_binary = (ones | (values == 0)).all(axis=1)
    hot = np.where(ones.sum(axis=1) == 1, ones.argmax(axis=1), SEVERAL)
    hot = np.where(is_binary, hot, OTHER)
    return np.where(finite.all(axis=1), hot, NOT_FINITE).astype(np.int32)


def summarize_vectors(dataset: DatasetSummary) -> VectorSummary | None:
    """Whether labels are one-hot, multi-hot or other vectors; None if they are not vectors.

    Call it as ``dataset.derive(summarize_vectors)``, so that it runs once.
    """
    tally: VectorTally | None = dataset.tally(measure_label_vectors)
    if tally is None:
        return None
    hot = tally.hot.array
    width = int(tally.widest.value)
    kind: Literal["one-hot", "multi-hot", "vector"] = "vector"
    if tally.narrowest.value == width:
        if np.count_nonzero(hot >= 0) >= MIN_ONE_HOT_SHARE * len(hot):
            kind = "one-hot"
        elif (hot >= SEVERAL).all():
            kind = "multi-hot"
    indices = dataset.indices(tally.addresses.array)
    return VectorSummary(kind, width, tally.low.value, tally.high.value, indices, hot)
