"""Statistics, values and pictures of one record."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datascan.report.record_view import draw, pixels_of, to_npy, view_field
from tests.builders.images import encode, pixels


def test_statistics_leave_out_what_is_not_finite():
    values = np.array([[1.0, np.nan], [3.0, -np.inf]], np.float32)
    field = view_field("data", values)
    assert (field.low, field.high, field.mean, field.std) == (1.0, 3.0, 2.0, 1.0)
    assert (field.nan, field.inf, field.first_bad) == (1, 1, 1)
    assert field.excerpt_from == 0


def test_the_largest_numbers_do_not_overflow():
    values = np.array([1.7e308, 1.7e308, -1.7e308, -1.7e308])
    field = view_field("data", values)
    assert (field.mean, field.std) == (0.0, pytest.approx(1.7e308))


@pytest.mark.parametrize("dtype", ["u1", "i8", "f2", "f8", "?"])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_all_types_and_sizes(dtype, size):
    field = view_field("data", np.ones(size, dtype))
    assert field.size == size
    assert field.mean == (1.0 if size else None)
    assert len(field.excerpt) == min(size, 12)


def test_pictures_of_arrays():
    values = np.zeros((3, 500, 400), np.float32)
    values[0, 0, 0] = 1
    with Image.open(io.BytesIO(draw(None, values, 1 << 30, bgr=True, edge=1 << 20))) as image:
        assert image.size == (400, 500)
        assert image.getpixel((0, 0)) == (0, 0, 255)
    assert draw(None, np.zeros(5), 1 << 30, bgr=False) is None
    assert draw(b"no image", None, 1 << 30, bgr=False) is None


def test_values_of_an_encoded_image_are_exact():
    image = pixels(3)
    found = np.load(io.BytesIO(to_npy(pixels_of(encode(image, "PNG"), 1 << 30))))
    np.testing.assert_array_equal(found, np.asarray(image))
