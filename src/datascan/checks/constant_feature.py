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
    Records of three axes and more are looked at by channel, which is axis 0 (or the last axis if
    only that one has 1, 3 or 4 entries): the corner pixels of centred digits may all be black. Only
    the most frequent shape of each column is looked at, and at least two records are needed. JPEGs
    are measured at 1/8 scale unless they look blank there.

Source
    Ioffe and Szegedy (2015), Batch Normalization, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.model import EXAMPLES, Block, Check, Dataset, Judgement, Part, Pictures, Severity
from datascan.tally import ByName

FEW_CHANNELS = (1, 3, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Unchanging:
    """Features that are the same in all of ``records``: bool (features,), with their values."""

    records: int
    constant: NDArray[np.bool_]
    values: NDArray[Any]

    def __add__(self, right: Unchanging) -> Unchanging:
        same = self.constant & right.constant
        same[same] = self.values[same] == right.values[same]
        return Unchanging(self.records + right.records, same, self.values)


@dataclass(frozen=True, slots=True)
class Column:
    """Whose features they are: a part's name, a record's shape, and whether they are channels."""

    name: str
    shape: tuple[int, ...]
    channels: bool
    primary: bool


class ConstantFeature(Check[ByName]):
    """A feature (or channel) has one and the same value in every record."""

    rule = "constant-feature"
    severity = Severity.WARNING
    fix = "drop this feature, or leave it out of the standardisation"

    def measure(self, block: Block) -> ByName | None:
        """Unchanging features of every part, and unchanging channels of pictures."""
        found: dict[Column, Unchanging] = {}
        for part in block.parts:
            if len(part.rows) and part.size:
                column, tally = unchanging(part)
                found[column] = found[column] + tally if column in found else tally
        if block.pictures is not None:
            found.update(of_pictures(block.pictures))
        return ByName(found) if found else None

    def judge(self, tally: ByName, dataset: Dataset) -> Iterator[Judgement]:  # noqa: ARG002
        """Per column, the most frequent shape's unchanging features."""
        usual: dict[str, tuple[Column, Unchanging]] = {}
        for column, seen in tally.entries.items():
            if column.name not in usual or seen.records > usual[column.name][1].records:
                usual[column.name] = column, seen
        for column, seen in usual.values():
            constant = np.flatnonzero(seen.constant)
            if seen.records >= 2 and len(constant):
                yield self._say(column, seen, constant)

    def _say(self, column: Column, seen: Unchanging, constant: NDArray[np.int64]) -> Judgement:
        what = "channel" if column.channels else "feature"
        details = [
            f"{what} {place(column, int(at))} is always {seen.values[at]:g}"
            for at in constant[:EXAMPLES]
        ]
        whose = "" if column.primary else f"{column.name}: "
        total = len(seen.constant)
        verb = "has" if len(constant) == 1 else "have"
        plural = "s" if total > 1 else ""
        message = f"{whose}{len(constant):,} of {total:,} {what}{plural} {verb} one value"
        return self.dataset_wide(
            f"{message} in all {seen.records:,} records: {details[0]}", details=details
        )


def place(column: Column, at: int) -> str:
    """A feature's position in its record."""
    if column.channels:
        return str(at)
    return str([int(i) for i in np.unravel_index(at, column.shape)])


def unchanging(part: Part) -> tuple[Column, Unchanging]:
    """A part's unchanging features: elements, or channels of records of three axes and more."""
    long_axes = [length for length in part.shape if length > 1]
    if len(long_axes) >= 3:
        last = part.shape[-1] in FEW_CHANNELS and part.shape[0] not in FEW_CHANNELS
        axis = len(part.shape) - 1 if last else 0
        values = np.moveaxis(part.flat.reshape(len(part.flat), *part.shape), axis + 1, 1)
        tally = unchanging_channels(values.reshape(len(values), part.shape[axis], -1))
        return Column(part.name, part.shape, channels=True, primary=part.primary), tally
    tally = unchanging_elements(part.flat)
    return Column(part.name, part.shape, channels=False, primary=part.primary), tally


def unchanging_elements(flat: NDArray[Any]) -> Unchanging:
    """Columns of (n, k) that hold one value: a few rows rule most of them out."""
    first = flat[0]
    alive = (flat[len(flat) // 2] == first) & (flat[-1] == first)
    left = np.flatnonzero(alive)
    if len(left):
        alive[left] = (flat[:, left] == first[left]).all(axis=0)
    return Unchanging(len(flat), alive, first.copy())


def unchanging_channels(values: NDArray[Any]) -> Unchanging:
    """Channels of (n, channels, k) that hold one value."""
    first = values[0, :, 0]
    alive = (values[0] == first[:, None]).all(axis=1)
    for channel in np.flatnonzero(alive):
        alive[channel] = bool((values[:, channel] == first[channel]).all())
    return Unchanging(len(values), alive, first.copy())


def of_pictures(pictures: Pictures) -> Iterator[tuple[Column, Unchanging]]:
    """Unchanging channels of images, apart for each number of channels."""
    for count in np.unique(pictures.channels).tolist():
        chosen = pictures.channels == count
        low, high = pictures.low[chosen, :count], pictures.high[chosen, :count]
        constant = (low == low[0]).all(axis=0) & (high == low[0]).all(axis=0)
        column = Column("image", (count,), channels=True, primary=True)
        yield column, Unchanging(len(low), constant, low[0])
