from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.constant_feature import ConstantFeature, find_channel_axis
from datascan.testing.blocks import (
    block_of,
    block_of_columns,
    column_of,
    finding,
    findings,
    images_of,
)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_a_feature_that_never_changes():
    values = noise(20, 8)
    values[:, 5] = 0
    said = finding(ConstantFeature, block_of(values[:7]), block_of(values[7:]))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message == (
        "1 of 8 features has the same value in every record: feature [5] is always 0"
    )
    assert said.details == ("feature [5] is always 0",)


def test_several_features_of_two_axes():
    values = noise(20, 4, 6).astype(np.float32)
    values[:, 1, 2], values[:, 3, 0] = 0.5, -0.0
    said = finding(ConstantFeature, block_of(values))
    assert said.message == (
        "2 of 24 features have the same value in every record: "
        "feature [1, 2] is always 0.5 and 1 more"
    )
    assert said.details == ("feature [1, 2] is always 0.5", "feature [3, 0] is always 0")


@pytest.mark.parametrize("row", [0, 1, 10, 17, 18, 19])
def test_one_record_that_differs_is_enough(row):
    values = noise(20, 8)
    values[:, 5] = 3
    values[row, 5] = 4
    assert findings(ConstantFeature, block_of(values)) == []
    assert findings(ConstantFeature, block_of(values[:9]), block_of(values[9:])) == []


def test_a_different_constant_in_every_block_is_not_constant():
    one, other = noise(5, 3), noise(5, 3)
    one[:, 0], other[:, 0] = 1, 2
    assert findings(ConstantFeature, block_of(one), block_of(other)) == []


def test_channels_first():
    values = noise(10, 3, 9, 9)
    values[:, 2] = 255
    said = finding(ConstantFeature, block_of(values))
    assert said.message == (
        "1 of 3 channels has the same value in every record: channel 2 is always 255"
    )


def test_channels_last():
    values = np.random.default_rng(0).integers(0, 256, (10, 9, 9, 4), np.uint8)
    values[..., 3] = 255
    assert finding(ConstantFeature, block_of(values)).details == ("channel 3 is always 255",)


def test_a_channel_that_differs_in_one_value_far_behind():
    values = noise(10, 3, 9, 9)
    values[:, 2] = 255
    values[6, 2, 8, 8] = 254
    assert findings(ConstantFeature, block_of(values)) == []


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((7,), None),
        ((), None),
        ((4, 5), None),
        ((1, 28, 28), None),
        ((28, 28, 1), None),
        ((3, 8, 8), 0),
        ((8, 8, 3), 2),
        ((3, 8, 3), 0),
        ((1, 3, 8, 8), 1),
        ((16, 8, 8, 4), 3),
    ],
)
def test_where_the_channels_are(shape, axis):
    assert find_channel_axis(shape) == axis


def test_channels_of_pictures():
    pictures = images_of(
        (4, 2, 2), (4, 3, 3), (3, 2, 2), low=[[0, 1, 2, 255], [5, 5, 5, 255], 0], high=255
    )
    said = finding(ConstantFeature, block_of(records=3, images=pictures))
    assert said.details == ("channel 3 is always 255",)


def test_only_the_most_frequent_shape_counts():
    many, few = noise(9, 4), np.zeros((4, 2))
    assert findings(ConstantFeature, block_of(many), block_of(few)) == []
    many[:, 1] = 2
    said = finding(ConstantFeature, block_of(few), block_of(many))
    assert said.details == ("feature [1] is always 2",)


def test_records_of_one_shape_in_two_parts():
    values = noise(6, 3)
    values[:, 0] = 1
    block = block_of_columns(
        [column_of(values[:2], [4, 5]), column_of(values[2:], [0, 1, 2, 3])], 6
    )
    assert finding(ConstantFeature, block).details == ("feature [0] is always 1",)


def test_further_columns_are_named():
    side = np.stack([np.arange(6), np.full(6, 4)], axis=1)
    block = block_of(noise(6, 3), extras={"pose": side, "depth": np.full(6, True)})
    said = finding(ConstantFeature, block)
    assert said.message.startswith("2 of 6 features have the same value in every record: ")
    assert said.details == ("depth: the value is always 1", "pose: feature [1] is always 4")


def test_records_that_are_all_the_same():
    said = finding(ConstantFeature, block_of(np.full((5, 30), 2, np.uint8)))
    assert said.message.startswith("30 of 30 features have the same value in every record")
    assert len(said.details) == 20


def test_a_single_record_and_nan_are_not_reported():
    assert findings(ConstantFeature, block_of(np.zeros((1, 4)))) == []
    assert findings(ConstantFeature, block_of(np.full((4, 1), np.nan))) == []


@pytest.mark.parametrize(
    ("values", "start"),
    [
        (np.full((3, 1), 7), "1 of 1 feature has the same value in every record: feature [0] is"),
        (np.full((3, 2), 7), "2 of 2 features have the same value in every record: feature [0] is"),
    ],
)
def test_one_feature_or_several(values, start):
    assert finding(ConstantFeature, block_of(values)).message.startswith(start)


@pytest.mark.parametrize("rows", [[0], [1], [5], [0, 1, 4, 7], [*range(7)]])
def test_nan_does_not_hide_a_constant_feature(rows):
    values = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    values[:, 3] = 2
    values[rows, 3] = np.nan
    values[rows[0], 0] = np.nan
    for cut in (1, 4, 7):
        said = finding(ConstantFeature, block_of(values[:cut]), block_of(values[cut:]))
        assert said.details == ("feature [3] is always 2",)


def test_a_feature_that_is_always_nan_is_not_constant():
    values = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    values[:, 3] = np.nan
    assert findings(ConstantFeature, block_of(values[:4]), block_of(values[4:])) == []


@pytest.mark.parametrize(
    ("shape", "dtype", "severity"),
    [
        ((8, 8), np.uint8, "info"),
        ((1, 28, 28), np.uint8, "info"),
        ((8, 8), np.float32, "warning"),
        ((8, 8), np.int64, "warning"),
        ((8, 7), np.uint8, "warning"),
        ((64,), np.uint8, "warning"),
    ],
)
def test_pixels_at_the_border_of_pictures(shape, dtype, severity):
    values = np.random.default_rng(0).integers(1, 200, (30, *shape)).astype(dtype)
    values[(slice(None), *[0] * len(shape))] = 0
    said = finding(ConstantFeature, block_of(values))
    assert said.severity == severity
    assert said.message.startswith("1 of ")


def test_a_constant_feature_beside_pictures_is_a_warning():
    values = np.random.default_rng(0).integers(1, 200, (30, 8, 8)).astype(np.uint8)
    values[:, 0, 0] = 0
    speed = np.full((30, 3), 2.5, np.float32)
    said = finding(ConstantFeature, block_of(values, extras={"speed": speed}))
    assert said.severity == "warning"
