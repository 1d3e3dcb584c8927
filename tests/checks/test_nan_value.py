from __future__ import annotations

import numpy as np

from datascan.checks.nan_value import NanValue
from datascan.testing.blocks import block_of, block_of_columns, column_of, finding, findings


def healthy(count=6):
    return np.random.default_rng(0).normal(size=(count, 2, 3)).astype(np.float32)


def test_every_record_with_nan_is_named_with_count_and_place():
    first, second = healthy(), healthy()
    first[4, 1, 2] = np.nan
    second[0, 0, 1:] = np.nan
    said = finding(NanValue, block_of(first), block_of(second))
    assert said.severity == "error"
    assert said.message == "2 of 12 records hold NaN"
    assert said.records == 2
    assert said.named == {
        4: "1 of 6 values, first nan at [1, 2]",
        6: "2 of 6 values, first nan at [0, 1]",
    }


def test_a_block_of_nothing_but_nan():
    said = finding(NanValue, block_of(np.full((1, 2), np.nan)))
    assert said.message == "1 of 1 records holds NaN"
    assert said.named == {0: "2 of 2 values, first nan at [0]"}


def test_nan_in_a_further_column_is_named_after_it():
    values, side = np.zeros((3, 2)), np.zeros(3)
    values[1, 0] = side[1] = side[2] = np.nan
    said = finding(NanValue, block_of(values, extras={"depth": side}))
    assert said.named == {
        1: "1 of 2 values, first nan at [0]; depth: 1 of 1 values, first nan",
        2: "depth: 1 of 1 values, first nan",
    }


def test_the_same_shape_in_two_parts_of_a_block():
    bad = np.array([[np.nan, 0]])
    block = block_of_columns([column_of(bad, [1]), column_of(bad, [0])], 2)
    assert sorted(finding(NanValue, block).named) == [0, 1]


def test_finite_values_infinities_and_integers_are_not_nan():
    values = healthy()
    values[2, 0, 0] = np.inf
    assert findings(NanValue, block_of(values), block_of(np.zeros((3, 2), np.int64))) == []
