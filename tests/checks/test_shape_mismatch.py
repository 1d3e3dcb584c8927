from __future__ import annotations

import numpy as np

from datascan.checks.shape_mismatch import ShapeMismatch
from datascan.testing.blocks import (
    block_of,
    block_of_columns,
    column_of,
    finding,
    findings,
    images_of,
)


def test_a_record_of_another_shape():
    block = block_of_columns(
        [
            column_of(np.zeros((1, 3, 16, 32)), [4]),
            column_of(np.zeros((5, 3, 32, 32)), [0, 1, 2, 3, 5]),
        ],
        6,
    )
    said = finding(ShapeMismatch, block)
    assert said.severity == "error"
    assert said.message == "1 of 6 records has a different shape from most (3x32x32)"
    assert said.named == {4: "shape 3x16x32, most are 3x32x32"}


def test_of_two_equally_frequent_shapes_the_first_counts():
    # The later records are in the first column.
    block = block_of_columns(
        [column_of(np.zeros((2, 5)), [2, 3]), column_of(np.zeros((2, 7)), [0, 1])], 4
    )
    said = finding(ShapeMismatch, block)
    assert said.message == "2 of 4 records have a different shape from most (7)"
    assert said.named == dict.fromkeys((2, 3), "shape 5, most are 7")


def test_scalars_have_a_name():
    said = finding(ShapeMismatch, block_of(np.zeros((3, 2))), block_of(np.zeros(2)))
    assert said.named == dict.fromkeys((3, 4), "shape scalar, most are 2")


def test_sizes_of_images_are_a_warning():
    pictures = images_of(*[(3, 4, 5)] * 98, (1, 4, 5), (3, 5, 4))
    said = finding(ShapeMismatch, block_of(records=100, images=pictures))
    assert said.severity == "warning"
    assert said.message == "1 of 100 images has a different size from most (5x4)"
    assert said.named == {99: "size 4x5, most are 5x4"}


def test_images_of_many_sizes_are_normal():
    pictures = images_of(*[(3, 4, 5)] * 98, (3, 5, 4), (3, 5, 4))
    assert findings(ShapeMismatch, block_of(records=100, images=pictures)) == []


def test_images_among_arrays_are_compared_with_images():
    array = block_of(np.zeros((4, 3, 4, 5)))
    assert findings(ShapeMismatch, array, block_of(records=1, images=images_of((3, 4, 5)))) == []
    pictures = images_of(*[(3, 4, 5)] * 99, (3, 9, 9))
    said = finding(ShapeMismatch, array, block_of(records=100, images=pictures))
    assert said.message == "1 of 100 images has a different size from most (5x4)"
    assert list(said.named) == [103]


def test_a_different_dtype_is_not_a_mismatch():
    blocks = [block_of(np.zeros((2, 4), dtype)) for dtype in (np.uint8, np.float32)]
    assert findings(ShapeMismatch, *blocks) == []


def test_datasets_of_a_file_scanned_whole_are_not_compared():
    blocks = [block_of(np.zeros((2, 4))), block_of(np.zeros((2, 5)))]
    assert findings(ShapeMismatch, *blocks, plan={"layout": "hdf5-datasets"}) == []
    assert len(findings(ShapeMismatch, *blocks)) == 1
