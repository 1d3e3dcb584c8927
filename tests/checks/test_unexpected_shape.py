"""Records whose shape is not in the expectations."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.unexpected_shape import UnexpectedShape
from datascan.config.expectations import Data, Expectations
from datascan.testing.blocks import block_of, finding, findings, images_of


def expectations(**data):
    return Expectations("datascan-expectations/1", data=Data(**data))


def test_records_of_another_shape():
    blocks = [block_of(np.zeros((3, 3, 32, 32))), block_of(np.zeros((2, 3, 28, 28)))]
    found = finding(UnexpectedShape, *blocks, expect=expectations(shapes=((3, 32, 32),)))
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == ("2 of 5 records have an unexpected shape: 3x28x28 (expected 3x32x32)")
    assert found.named == dict.fromkeys((3, 4), "shape 3x28x28, expected 3x32x32")


def test_one_record_and_every_record():
    found = finding(
        UnexpectedShape, block_of(np.zeros((1, 2))), expect=expectations(shapes=((3,),))
    )
    assert found.message == "1 of 1 records has an unexpected shape: 2 (expected 3)"


def test_at_most_three_shapes_are_named():
    blocks = [block_of(np.zeros((1, n))) for n in range(2, 7)]
    found = finding(UnexpectedShape, *blocks, expect=expectations(shapes=((9,),)))
    assert found.message == "5 of 5 records have an unexpected shape: 2, 3, 4, ... (expected 9)"


@pytest.mark.parametrize(
    "data",
    [
        {"shapes": ((3, 4, 5),)},
        {"axes": (((1, 3), (2, 8), (5, 5)),)},
        {"channels": (1, 3)},
        {"dtypes": ("float32",)},
    ],
)
def test_expected_shapes_are_healthy(data):
    block = block_of(records=1, images=images_of((3, 4, 5)))
    assert findings(UnexpectedShape, block, expect=expectations(**data)) == []


def test_ranges_and_channels():
    block = block_of(records=3, images=images_of((3, 4, 5), (3, 4, 9), (1, 4, 5)))
    found = finding(UnexpectedShape, block, expect=expectations(axes=(((3, 3), (4, 4), (1, 6)),)))
    assert sorted(found.named) == [1, 2]
    found = finding(UnexpectedShape, block, expect=expectations(channels=(3,)))
    assert found.named == {2: "shape 1x4x5, expected 3 channels"}


def test_without_expectations_and_without_records():
    block = block_of(np.zeros((2, 3)))
    assert findings(UnexpectedShape, block) == []
    assert findings(UnexpectedShape, block, expect=Expectations("datascan-expectations/1")) == []
    empty = block_of(records=0)
    assert findings(UnexpectedShape, empty, expect=expectations(shapes=((9,),))) == []
