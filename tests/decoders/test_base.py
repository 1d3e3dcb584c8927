"""Progress among rows, and detection by the first decoder that recognises a value."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.config.options import ReadOptions
from datascan.decoders.base import detect_decoders, make_decoder, track_among
from tests.builders.images import photo
from tests.builders.lmdb import random_datums
from tests.decoders.test_laws import npy


@pytest.mark.parametrize(
    ("value", "count", "expected"), [(0, 1, (2, 1)), (0, 2, (2, 4)), (1, 2, (5, 3)), (2, 9, (7, 1))]
)
def test_rows_between_those_that_are_read_count(value, count, expected):
    announced = []
    track_among(lambda *rows: announced.append(rows), np.array([2, 5, 7]), value, count)
    assert announced == [expected]


def test_each_value_has_the_first_decoder_that_recognises_it():
    values = [npy(np.arange(3)), photo(0), random_datums(1)[0], b"\xff\xffanything", b""]
    assert detect_decoders(values) == ["npy", "image", "caffe-datum", "raw", "raw"]


def test_decoders_by_name():
    decoder = make_decoder("image", ReadOptions(max_pixels=7))
    assert (decoder.name, decoder.options.max_pixels) == ("image", 7)
