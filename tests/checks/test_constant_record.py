from __future__ import annotations

import numpy as np

from datascan.checks.constant_record import ConstantRecord
from datascan.testing.blocks import (
    block_of,
    block_of_columns,
    column_of,
    finding,
    findings,
    images_of,
)


def test_arrays_of_one_value():
    values = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)
    values[1], values[4] = 0, 255
    said = finding(ConstantRecord, block_of(values))
    assert said.severity == "warning"
    assert said.message == "2 of 5 records hold a single value throughout"
    assert said.named == {1: "all 3,072 values are 0", 4: "all 3,072 values are 255"}


def test_negative_zero_and_fractions():
    values = np.array([[0.0, -0.0], [0.5, 0.5], [1, 2]])
    said = finding(ConstantRecord, block_of(values))
    assert said.named == {0: "all 2 values are 0", 1: "all 2 values are 0.5"}


def test_blank_pictures():
    pictures = images_of(
        (3, 4, 5), (1, 4, 5), (3, 4, 5), low=[7, 0, [0, 0, 255]], high=[7, 9, [0, 0, 255]]
    )
    said = finding(ConstantRecord, block_of(records=3, images=pictures))
    assert said.message == "1 of 3 records holds a single value throughout"
    assert said.named == {0: "all 60 values are 7"}


def test_arrays_and_pictures_of_one_block_in_store_order():
    block = block_of_columns(
        [column_of([[1, 1]], [2]), column_of([[3, 3, 3]], [0])],
        3,
        images=images_of((1, 2, 2), low=5, high=5, rows=[1]),
    )
    said = finding(ConstantRecord, block)
    assert list(said.named.items()) == [
        (0, "all 3 values are 3"),
        (1, "all 4 values are 5"),
        (2, "all 2 values are 1"),
    ]


def test_single_values_nan_and_further_columns_are_not_constant():
    single = block_of(np.zeros((3, 1)))
    nan = block_of(np.full((2, 2), np.nan))
    side = block_of(np.array([[1, 2], [3, 4]]), extras={"depth": np.zeros((2, 4))})
    dot = block_of(records=1, images=images_of((1, 1, 1), low=3, high=3))
    assert findings(ConstantRecord, single, nan, side, dot) == []


def test_rows_of_a_coarse_table_may_be_constant_by_chance():
    values = np.random.default_rng(0).integers(0, 2, (120, 4))
    values[7] = 5
    values[8] = 0
    blank, likely = findings(ConstantRecord, block_of(values))
    assert (blank.severity, blank.named) == ("warning", {7: "all 4 values are 5"})
    assert (likely.severity, likely.fix.split(";")[0]) == ("info", "keep them")
    assert likely.message.endswith(
        " hold a single value throughout, one that all of their features often have"
    )
    assert 8 in likely.named
