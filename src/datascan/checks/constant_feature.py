"""A feature has the same value in every record.

What it is
    A feature (an element of a one- or two-dimensional record) or a channel (of an image) never
    changes across the dataset.

Why it breaks training
    Its variance is zero. Standardising it divides 0 by 0 and turns every record into NaN; BatchNorm
    divides by the square root of its epsilon and amplifies rounding errors into large activations.
    At best, the feature is dead weight.

How to find the cause
    The detail names the feature and its value. A 0 points to a column that was never filled, a dead
    sensor, or a one-hot class that does not occur in this split; 255 in the last channel is usually
    an opaque alpha channel.

How to fix it
    Drop the feature or exclude it from standardisation (scikit-learn's VarianceThreshold finds and
    drops such columns). If it varies in the full data, check how this split was made.

Example
    ``constant-feature: 1 of 16 features has the same value in every record: feature [9] is always
    0``

Limits
    In records with three or more axes longer than 1, the first such axis holds the channels, or the
    last if it has 1, 3 or 4 entries and the first does not. Only whole channels are compared there,
    because the corner pixels of centred digits may all be black. In greyscale pictures (``uint8``
    or ``uint16``, both axes of at least 8), such pixels are an info: pixels are usually scaled
    alike, and BatchNorm has one mean for a whole channel. For each column only the most
    frequent shape and dtype is checked, and only if at least two records have it. NaN values are
    passed over; a feature that is always NaN is reported as ``nan-value``. Of fields with more than
    4,194,304 features together, the first ones are compared.

    151 of 2,832 healthy tables and series (``docs/healthy.md``) have a constant column, such as the
    year of a survey. That is true and worth a warning, so they keep it.

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
from datascan.metrics.base import DatasetSummary, TallyMap, sorted_distinct
from datascan.metrics.traits import VALUES
from datascan.records.block import ArrayColumn, Block, ImageColumn

CHANNEL_COUNTS = (1, 3, 4)
"""The last axis holds the channels if it has one of these lengths and the first does not."""

MAX_FEATURES = 1 << 22
"""How many features of all columns are compared: each takes 16 bytes and more."""

SAMPLE_VALUES = 64
"""How many values of each channel are compared first: for most data that is enough."""


MIN_PIXELS = 8
"""Records of small integers with two axes of at least this length are greyscale pictures."""

FIX_PIXELS = "scale all pixels alike; standardise them one by one only without these"


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """Records whose features can be compared: those of one column, shape and dtype.

    ``axis`` is the axis of the channels; None if every value is a feature.
    """

    name: str
    primary: bool
    shape: tuple[int, ...]
    dtype: str
    axis: int | None

    @property
    def features(self) -> int:
        """The number of features or channels of a record."""
        return prod(self.shape) if self.axis is None else self.shape[self.axis]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantFeatures:
    """The features that are equal in all ``records``: int64 (k,), ascending, and values (k,).

    NaN values of a feature are passed over; the value of one that is always NaN is NaN.
    """

    records: int
    features: NDArray[np.int64]
    values: NDArray[Any]

    def __add__(self, right: ConstantFeatures) -> ConstantFeatures:
        both, ours, theirs = np.intersect1d(
            self.features, right.features, assume_unique=True, return_indices=True
        )
        left, other = self.values[ours], right.values[theirs]
        unknown = np.isnan(left)
        same = (left == other) | unknown | np.isnan(other)
        values = np.where(unknown, other, left)
        return ConstantFeatures(self.records + right.records, both[same], values[same])

    @property
    def known(self) -> ConstantFeatures:
        """The same without features that are always NaN."""
        kept = ~np.isnan(self.values)
        return ConstantFeatures(self.records, self.features[kept], self.values[kept])


FeatureMap = TallyMap[FeatureGroup, ConstantFeatures]
"""Constant features by group of records."""


class ConstantFeature(Check[FeatureMap]):
    """A feature (or channel) has the same value in every record."""

    rule = "constant-feature"
    title = "A column that never changes"
    image_title = "A colour that never changes"
    severity = Severity.WARNING
    subject = "features"
    needs = (VALUES,)
    fix = "drop these features, or exclude them from standardisation"

    def measure(self, block: Block) -> FeatureMap | None:
        """Constant features of every array column, and constant channels of images."""
        found: dict[FeatureGroup, ConstantFeatures] = {}
        for group, tally in (*find_array_features(block), *find_image_features(block.images)):
            found[group] = found[group] + tally if group in found else tally
        return TallyMap(found) if found else None

    def evaluate(self, tally: FeatureMap, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (the tally is enough)
        """One issue for the most frequent group of every column."""
        groups = {
            group: tally.entries[group].known
            for group in select_most_frequent(tally)
            if tally.entries[group].records > 1
        }
        count = sum(len(found.features) for found in groups.values())
        if not count:
            return
        total = sum(group.features for group in groups)
        nouns = {f"{feature_noun(group)}{'s' if total > 1 else ''}" for group in groups}
        verb = "has" if count == 1 else "have"
        texts = (text for group, found in groups.items() for text in describe(group, found))
        details = list(islice(texts, MAX_LOCATIONS))
        more = f" and {count - 1:,} more" if count > 1 else ""
        are_pixels = all(is_pixel(group) for group, found in groups.items() if len(found.features))
        yield self.dataset_issue(
            f"{count:,} of {total:,} {' and '.join(sorted(nouns))} {verb} the same value in every "
            f"record: {details[0]}{more}",
            fix=FIX_PIXELS if are_pixels else None,
            severity=Severity.INFO if are_pixels else None,
            details=details,
            locations=locations_from(details, count, *iter_contents(groups)),
        )


def find_array_features(block: Block) -> Iterator[tuple[FeatureGroup, ConstantFeatures]]:
    """The constant features of a block's array columns; of too many features none is constant."""
    left = MAX_FEATURES
    for column in block.arrays:
        if len(column.rows) and column.size:
            shape, dtype = column.shape, column.dtype.name
            axis = find_channel_axis(shape)
            group = FeatureGroup(column.name, column.primary, shape, dtype, axis)
            left -= group.features
            yield group, find_constant(column, axis) if left >= 0 else none_constant(column)


def none_constant(column: ArrayColumn) -> ConstantFeatures:
    """The tally of a column without constant features."""
    values = np.empty(0, column.dtype)
    return ConstantFeatures(len(column.rows), np.empty(0, np.int64), values)


def find_channel_axis(shape: tuple[int, ...]) -> int | None:
    """The axis of the channels; None if fewer than three axes are longer than 1."""
    axes = [axis for axis, length in enumerate(shape) if length != 1]
    if len(axes) < 3:
        return None
    first, last = axes[0], axes[-1]
    is_last = shape[last] in CHANNEL_COUNTS and shape[first] not in CHANNEL_COUNTS
    return last if is_last else first


def find_constant(column: ArrayColumn, axis: int | None) -> ConstantFeatures:
    """The features that are equal in all records of a column, which has at least one.

    A sample of records and values is compared first; usually it rules out every feature.
    """
    count = len(column.rows)
    rows = sorted({0, min(1, count - 1), count // 2, count - 1})
    sample = group_by_feature(column.take(np.array(rows)), column.shape, axis)
    if column.is_float and np.isnan(column.ranges[0]).any():
        return find_constant_besides_nan(column, axis, sample)
    first = sample[0, :, 0].copy()
    left = np.flatnonzero(is_constant(sample[:, :, :SAMPLE_VALUES], first))
    for chunk in column.chunks() if len(left) else ():
        cube = group_by_feature(column.flat[chunk], column.shape, axis)
        left = left[is_constant(cube if len(left) == len(first) else cube[:, left], first[left])]
        if not len(left):
            break
    return ConstantFeatures(count, left, first[left] + first.dtype.type(0))  # never -0.0


def find_constant_besides_nan(
    column: ArrayColumn, axis: int | None, sample: NDArray[Any]
) -> ConstantFeatures:
    """The same for a column with NaN values, which are passed over."""
    total = find_equal(sample[:, :, :SAMPLE_VALUES], np.arange(sample.shape[1]))
    for chunk in column.chunks():
        if not len(total.features):
            break
        cube = group_by_feature(column.flat[chunk], column.shape, axis)
        total += find_equal(cube, total.features)
    return ConstantFeatures(len(column.rows), total.features, total.values)


def find_equal(cube: NDArray[Any], features: NDArray[np.int64]) -> ConstantFeatures:
    """Those of some features of ``cube`` (m, k, r) whose values are equal or NaN.

    The number of records is left at 0.
    """
    low, high = (bound.reduce(cube[:, features], axis=(0, 2)) for bound in (np.fmin, np.fmax))
    same = (low == high) | np.isnan(low)
    with np.errstate(invalid="ignore"):  # signalling NaN
        values = low[same] + low.dtype.type(0)  # never -0.0
    return ConstantFeatures(0, features[same], values)


def group_by_feature(flat: NDArray[Any], shape: tuple[int, ...], axis: int | None) -> NDArray[Any]:
    """A view of the values (m, size) of records of ``shape`` as (m, features, values of each)."""
    if axis is None:
        return flat[:, :, None]
    records, channels = len(flat), shape[axis]
    if prod(shape[:axis]) == 1:
        return flat.reshape(records, channels, prod(shape) // channels)
    return flat.reshape(records, prod(shape) // channels, channels).swapaxes(1, 2)


def is_constant(cube: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which features of ``cube`` (m, k, r) always equal their value in ``values`` (k,).

    A feature that contains NaN never does.
    """
    return np.asarray((cube == values[:, None]).all(axis=(0, 2)))


def find_image_features(
    images: ImageColumn | None,
) -> Iterator[tuple[FeatureGroup, ConstantFeatures]]:
    """Constant channels of images, grouped by number of channels."""
    if images is None:
        return
    for count in sorted_distinct(images.channels).tolist():
        chosen = images.channels == count
        low, high = images.low[chosen, :count], images.high[chosen, :count]
        same = ((low == low[0]) & (high == low[0])).all(axis=0)
        group = FeatureGroup("image", primary=True, shape=(count,), dtype="", axis=0)
        yield group, ConstantFeatures(len(low), np.flatnonzero(same), low[0, same])


def select_most_frequent(tally: FeatureMap) -> list[FeatureGroup]:
    """The group with the most records of every column; the records' own values come first."""

    def order(group: FeatureGroup) -> tuple[Any, ...]:
        records = tally.entries[group].records
        return not group.primary, group.name, -records, group.shape, group.dtype

    first: dict[str, FeatureGroup] = {}
    for group in sorted(tally.entries, key=order):
        first.setdefault(group.name, group)
    return list(first.values())


def iter_contents(groups: Mapping[FeatureGroup, ConstantFeatures]) -> Iterator[bytes]:
    """The constant features and their values as bytes, for a hash."""
    for group, found in groups.items():
        yield f"{group.name} {group.shape}".encode("utf-8", "surrogatepass")
        yield found.features.tobytes()
        yield found.values.astype(found.values.dtype.newbyteorder("<")).tobytes()


def is_pixel(group: FeatureGroup) -> bool:
    """Whether the features of a group are the pixels of greyscale pictures."""
    axes = [length for length in group.shape if length != 1]
    is_picture = group.axis is None and len(axes) == 2 and min(axes) >= MIN_PIXELS
    return is_picture and group.dtype in {"uint8", "uint16"}


def feature_noun(group: FeatureGroup) -> str:
    """What the features of a group are called."""
    return "feature" if group.axis is None else "channel"


def describe(group: FeatureGroup, found: ConstantFeatures) -> Iterator[str]:
    """Describe each constant feature: "feature [3, 5] is always 0"."""
    prefix = "" if group.primary and group.name in ("data", "image") else f"{group.name}: "
    for feature, value in zip(found.features.tolist(), found.values.tolist(), strict=True):
        place = str(feature)
        if group.axis is None:
            place = str([int(i) for i in np.unravel_index(feature, group.shape)])
        name = f"{feature_noun(group)} {place}" if group.shape else "the value"
        yield f"{prefix}{name} is always {value:g}"
