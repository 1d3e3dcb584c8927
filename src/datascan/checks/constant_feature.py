"""A feature has one and the same value in every record.

What it is
    A feature (an element of a one- or two-dimensional record) or a channel (of an image) never
    changes over the whole dataset.

Why it breaks training
    Its variance is zero. Standardising it divides 0 by 0 and makes every record NaN; BatchNorm
    divides by the square root of its epsilon and turns rounding errors into large activations. At
    best, the feature is dead weight.

How to find the cause
    The detail names the feature and its value. 0 points to a column that was never filled or a dead
    sensor; a class of a one-hot code that does not occur in this split; an alpha channel that is
    always opaque (255).

How to fix it
    Drop the feature, or leave it out of the standardisation (scikit-learn's VarianceThreshold finds
    and drops such columns). If it varies in the full data, look how this split was made.

Example
    ``constant-feature: 1 of 16 features has one value in every record: feature [9] is always 0``

Limits
    Of records of three axes and more (those of length 1 aside) the first are the channels, or the
    last if it has 1, 3 or 4 entries and the first has not: the corner pixels of centred digits may
    all be black. Of each column only the most frequent shape and dtype is looked at, in at least
    two records. A feature that is NaN throughout is ``nan-value``.

Source
    Ioffe and Szegedy (2015), Batch Normalization, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import MAX_LOCATIONS, Check, Issue, locations_from
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, TallyMap
from datascan.records.block import ArrayColumn, Block, ImageColumn

FEW_CHANNELS = (1, 3, 4)
SAMPLE_ROWS = 64
"""So many values of a channel are compared first: in most data they decide."""


@dataclass(frozen=True, slots=True)
class Column:
    """Records whose features can be compared: of one part, shape and dtype.

    ``axis`` is that of the channels; None where every value is a feature.
    """

    name: str
    primary: bool
    shape: tuple[int, ...]
    dtype: str
    axis: int | None

    @property
    def features(self) -> int:
        """How many features or channels a record has."""
        return prod(self.shape) if self.axis is None else self.shape[self.axis]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantFeatures:
    """The features in which ``records`` agree: int64 (k,), ascending, and their values (k,)."""

    records: int
    features: NDArray[np.int64]
    values: NDArray[Any]

    def __add__(self, right: ConstantFeatures) -> ConstantFeatures:
        both, ours, theirs = np.intersect1d(
            self.features, right.features, assume_unique=True, return_indices=True
        )
        same = self.values[ours] == right.values[theirs]
        return ConstantFeatures(self.records + right.records, both[same], self.values[ours[same]])


class ConstantFeature(Check[TallyMap]):
    """A feature (or channel) has one and the same value in every record."""

    rule = "constant-feature"
    severity = Severity.WARNING
    fix = "drop these features, or leave them out of the standardisation"

    def measure(self, block: Block) -> TallyMap | None:
        """Unchanging features of every part, and unchanging channels of pictures."""
        found: dict[Column, ConstantFeatures] = {}
        for column, tally in (*array_features(block), *image_features(block.images)):
            found[column] = found[column] + tally if column in found else tally
        return TallyMap(found) if found else None

    def evaluate(self, tally: TallyMap, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """Of every name the column of most records; one judgement for all of them."""
        seen = {
            column: tally.entries[column]
            for column in most_frequent(tally)
            if tally.entries[column].records > 1
        }
        count = sum(len(found.features) for found in seen.values())
        if not count:
            return
        total = sum(column.features for column in seen)
        kinds = {f"{noun(column)}{'s' if total > 1 else ''}" for column in seen}
        verb = "has" if count == 1 else "have"
        named = (text for column, found in seen.items() for text in describe(column, found))
        details = list(islice(named, MAX_LOCATIONS))
        more = f" and {count - 1:,} more" if count > 1 else ""
        yield self.dataset_issue(
            f"{count:,} of {total:,} {' and '.join(sorted(kinds))} {verb} one value in every "
            f"record: {details[0]}{more}",
            details=details,
            locations=locations_from(details, count, *contents(seen)),
        )


def array_features(block: Block) -> Iterator[tuple[Column, ConstantFeatures]]:
    """The unchanging features of a block's parts."""
    for part in block.arrays:
        if len(part.rows) and part.size:
            shape, dtype = part.shape, part.dtype.name
            axis = channel_axis(shape)
            yield Column(part.name, part.primary, shape, dtype, axis), find_constant(part, axis)


def channel_axis(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels; None for less than three axes, those of length 1 aside."""
    axes = [axis for axis, length in enumerate(shape) if length != 1]
    if len(axes) < 3:
        return None
    first, last = axes[0], axes[-1]
    return last if shape[last] in FEW_CHANNELS and shape[first] not in FEW_CHANNELS else first


def find_constant(part: ArrayColumn, axis: int | None) -> ConstantFeatures:
    """The features in which all records of a part (one at least) agree: mostly a glance tells."""
    count = len(part.rows)
    rows = sorted({0, min(1, count - 1), count // 2, count - 1})
    glance = by_feature(part.take(np.array(rows)), part.shape, axis)
    first = glance[0, :, 0].copy()
    left = np.flatnonzero(agrees(glance[:, :, :SAMPLE_ROWS], first))
    for piece in part.chunks() if len(left) else ():
        cube = by_feature(part.flat[piece], part.shape, axis)
        left = left[agrees(cube if len(left) == len(first) else cube[:, left], first[left])]
        if not len(left):
            break
    return ConstantFeatures(count, left, first[left] + first.dtype.type(0))  # no -0.0


def by_feature(flat: NDArray[Any], shape: tuple[int, ...], axis: int | None) -> NDArray[Any]:
    """Values (m, size) of records of ``shape`` as (m, features, values of one), not copied."""
    if axis is None:
        return flat[:, :, None]
    records, channels = len(flat), shape[axis]
    if prod(shape[:axis]) == 1:
        return flat.reshape(records, channels, prod(shape) // channels)
    return flat.reshape(records, prod(shape) // channels, channels).swapaxes(1, 2)


def agrees(cube: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which features of (m, k, r) are equal to theirs of ``values`` (k,) throughout; no NaN is."""
    return np.asarray((cube == values[:, None]).all(axis=(0, 2)))


def image_features(pictures: ImageColumn | None) -> Iterator[tuple[Column, ConstantFeatures]]:
    """Unchanging channels of images, apart for each number of channels."""
    if pictures is None:
        return
    for count in np.unique(pictures.channels).tolist():
        chosen = pictures.channels == count
        low, high = pictures.low[chosen, :count], pictures.high[chosen, :count]
        same = ((low == low[0]) & (high == low[0])).all(axis=0)
        column = Column("image", primary=True, shape=(count,), dtype="", axis=0)
        yield column, ConstantFeatures(len(low), np.flatnonzero(same), low[0, same])


def most_frequent(tally: TallyMap) -> list[Column]:
    """Of every name the column of most records; the records' own values come first."""

    def order(column: Column) -> tuple[Any, ...]:
        records = tally.entries[column].records
        return not column.primary, column.name, -records, column.shape, column.dtype

    first: dict[str, Column] = {}
    for column in sorted(tally.entries, key=order):
        first.setdefault(column.name, column)
    return list(first.values())


def contents(seen: Mapping[Column, ConstantFeatures]) -> Iterator[bytes]:
    """All that is known of the unchanging features, as bytes."""
    for column, found in seen.items():
        yield f"{column.name} {column.shape}".encode("utf-8", "surrogatepass")
        yield found.features.tobytes()
        yield found.values.astype(found.values.dtype.newbyteorder("<")).tobytes()


def noun(column: Column) -> str:
    """What the column's features are called."""
    return "feature" if column.axis is None else "channel"


def describe(column: Column, found: ConstantFeatures) -> Iterator[str]:
    """Words for each unchanging feature: "feature [3, 5] is always 0"."""
    whose = "" if column.primary and column.name in ("data", "image") else f"{column.name}: "
    for feature, value in zip(found.features.tolist(), found.values.tolist(), strict=True):
        place = str(feature)
        if column.axis is None:
            place = str([int(i) for i in np.unravel_index(feature, column.shape)])
        name = f"{noun(column)} {place}" if column.shape else "the value"
        yield f"{whose}{name} is always {value:g}"
