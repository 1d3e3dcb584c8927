from __future__ import annotations

from dataclasses import replace

import numpy as np

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.testing.blocks import block_of, finding, findings, images_of


def noise(count=6):
    return np.random.default_rng(0).normal(size=(count, 40)).astype(np.float32)


def test_later_copies_are_named():
    values = noise(9)
    values[3] = values[8] = values[1]
    values[6] = values[5]
    said = finding(DuplicateRecord, block_of(values[:4]), block_of(values[4:]))
    assert said.severity == "warning"
    assert said.message == "3 of 9 records repeat the content of an earlier one"
    assert said.named == {
        3: "same content as #1",
        6: "same content as #5",
        8: "same content as #1",
    }


def test_a_single_copy():
    values = noise(3)
    values[2] = values[0]
    said = finding(DuplicateRecord, block_of(values))
    assert said.message == "1 of 3 records repeats the content of an earlier one"


def test_equal_fingerprints_are_confirmed():
    values = noise()
    values[4] = values[2]
    values[4, 7] = np.nextafter(values[2, 7], np.float32(9))  # between the sampled words
    block = block_of(values)
    signatures = block.fingerprints.copy()
    signatures[4] = signatures[2]
    assert findings(DuplicateRecord, replace(block, fingerprints=signatures)) == []


def test_other_shapes_dtypes_and_zeros_are_different_content():
    zeros = [
        block_of(np.zeros(shape, dtype))
        for shape in ((1, 2, 8), (1, 16))
        for dtype in (np.float32, np.int32)
    ]
    assert findings(DuplicateRecord, *zeros, block_of(np.full((1, 16), -0.0, np.float32))) == []


def test_pictures():
    pictures = images_of((3, 4, 4), (3, 4, 4), (3, 5, 5), low=[1, 2, 1])
    said = finding(DuplicateRecord, block_of(records=3, images=pictures))
    assert said.named == {2: "same content as #0"}


def test_single_values_and_records_without_content_are_not_duplicates():
    block = block_of(np.zeros((5, 1)))
    assert findings(DuplicateRecord, block, block_of(records=4)) == []


def test_a_dataset_that_was_written_twice():
    values = noise(6)
    values[4] = 0  # a blank record is not compared
    said = finding(DuplicateRecord, block_of(values), block_of(values))
    assert said.message == (
        "5 of 12 records repeat the content of an earlier one: "
        "the second half of the dataset is the same as the first"
    )
    part = finding(DuplicateRecord, block_of(values), block_of(values[[1, 0, 2, 3, 4, 5]]))
    assert part.message == "5 of 12 records repeat the content of an earlier one"


def test_rows_of_a_coarse_table_may_be_equal_by_chance():
    values = np.random.default_rng(0).integers(0, 3, (120, 4)).astype(np.float32)
    said = finding(DuplicateRecord, block_of(values[:60]), block_of(values[60:]))
    assert said.severity == "info"
    assert said.message.endswith("; this may be chance, as their values are few and coarse")
    assert said.fix == "keep them; split training and validation data by content"
