"""Records whose dtype is not in the expectations."""

from __future__ import annotations

import numpy as np

from datascan.checks.unexpected_dtype import UnexpectedDtype
from datascan.config.expectations import Data, Expectations
from datascan.testing.blocks import block_of, finding, findings, images_of


def expectations(*dtypes):
    return Expectations("datascan-expectations/1", data=Data(dtypes=dtypes))


def test_records_of_another_dtype():
    blocks = [block_of(np.zeros((3, 2), np.float32)), block_of(np.zeros((2, 2), np.uint8))]
    found = finding(UnexpectedDtype, *blocks, expect=expectations("float32"))
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records have an unexpected dtype: uint8 (expected float32)"
    assert found.named == dict.fromkeys((3, 4), "uint8, expected float32")


def test_one_record_and_several_expected_dtypes():
    block = block_of(np.zeros((1, 2), np.float64))
    found = finding(UnexpectedDtype, block, expect=expectations("float16", "float32"))
    assert found.message == (
        "1 of 1 records has an unexpected dtype: float64 (expected float16 or float32)"
    )


def test_images_have_the_dtype_they_decode_to():
    block = block_of(records=2, images=images_of((3, 4, 4), (1, 4, 4)))
    assert findings(UnexpectedDtype, block, expect=expectations("uint8")) == []
    assert finding(UnexpectedDtype, block, expect=expectations("float32")).records == 2


def test_byte_order_does_not_matter():
    block = block_of(np.zeros((2, 3), ">f4"))
    assert findings(UnexpectedDtype, block, expect=expectations("float32")) == []


def test_without_expectations_and_without_records():
    block = block_of(np.zeros((2, 3)))
    assert findings(UnexpectedDtype, block) == []
    shapes = Expectations("datascan-expectations/1", data=Data(shapes=((3,),)))
    assert findings(UnexpectedDtype, block, expect=shapes) == []
    assert findings(UnexpectedDtype, block_of(records=0), expect=expectations("uint8")) == []
