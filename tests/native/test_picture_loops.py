"""Segments of JPEGs and figures of pixels: C and Python find the same, and what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.native import loops, picture_loops
from tests.native.calls import CODED, MARKERS

pictures = pytest.importorskip("datascan.native.pictures", reason="not compiled")

BOTH = pytest.mark.parametrize("module", [pictures, picture_loops])
SCAN = b"\xff\xda\0\2"


@st.composite
def segments(draw):
    """Segments, some of a wrong length, with bytes between them; also no segments at all."""
    pieces = []
    for marker in draw(st.lists(st.sampled_from([*MARKERS, *range(256)]), max_size=9)):
        body = draw(st.binary(max_size=9))
        length = draw(st.sampled_from([len(body) + 2] * 9 + [0, 1, 40, 0xFFFF]))
        pieces += [bytes([0xFF, marker]), length.to_bytes(2, "big"), body]
        pieces += draw(st.lists(st.sampled_from(CODED), max_size=9 if marker == 0xDA else 0))
    return draw(st.one_of(st.just(b"".join(pieces)), st.binary(max_size=99)))


@given(segments(), st.integers(0, 12))
def test_both_skip_the_same_segments(data, offset):
    ours = pictures.skip_segments(data, offset)
    assert ours == picture_loops.skip_segments(data, offset)
    # Another kind of buffer is the same.
    assert ours == pictures.skip_segments(np.frombuffer(data, np.uint8), offset)


@BOTH
@pytest.mark.parametrize(
    ("data", "result"),
    [
        (b"\xff\xd8\xff\xe0\0\4..\xff\xd9..", (8, 0xE0, 0)),
        (b"\xff\xff\xff\xd8\xff\xfe\0\2\xff\xc0..", (8, 0xFE, 0)),
        (b"\xff\xdb\0\5...a\xff\xd9", (7, 0xDB, 0)),
        (b"\xff\xdb\1\5......", (263, 0xDB, 0)),
        (b"\xff\xdb\0\0\xff\xd8..", (2, 0xDB, 0)),
        (SCAN + b"a\xff\0\xff\xd7\xff\xff\xd9..", (10, 0xDA, 1)),
        (SCAN + SCAN + b"ab\xff\xe1..", (10, 0xDA, 2)),
        (SCAN + b"abc\xff", (8, 0xDA, 1)),
        (SCAN + b"\xff\0\0\0", (8, 0xDA, 1)),
        (b"\xff\xda\1\0" + SCAN, (8, 0xDA, 1)),
        (b"\xff\xff\xff", (0, 0, 0)),
        (b"", (0, 0, 0)),
    ],
)
def test_where_it_stops(module, data, result):
    assert module.skip_segments(data, 0) == result


@BOTH
@pytest.mark.parametrize("marker", range(256))
def test_the_markers_at_which_it_stops(module, marker):
    stops = {0, 0xD9, 0xE1, 0xE2, 0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
    offset, _, _ = module.skip_segments(bytes([0xFF, marker, 0, 2, 0]), 0)
    assert (offset == 0) == (marker in stops)
    # Entropy-coded data ends at any marker but a stuffing, fill or restart; a scan has more of it.
    offset, _, _ = module.skip_segments(SCAN + bytes([0xFF, marker, 0, 0]), 0)
    is_coded = marker in {0, 0xDA, 0xFF, *range(0xD0, 0xD8)}
    assert offset == (8 if is_coded else 4 if marker in stops else 6)


@BOTH
def test_offsets_outside_of_the_data(module):
    with pytest.raises(ValueError, match="before"):
        module.skip_segments(SCAN, -1)
    for offset in (4, 5, (1 << 63) - 1):
        assert module.skip_segments(SCAN, offset) == (offset, 0, 0)


@given(st.integers(1, 4), st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32))
def test_both_measure_the_same_pixels(channels, height, width, seed):
    random = np.random.default_rng(seed)
    low, high = sorted(random.integers(0, 256, 2))
    pixels = random.integers(low, high + 1, (height, width, channels)).astype(np.uint8)
    ours = pictures.measure_pixels(pixels, channels)
    assert ours == picture_loops.measure_pixels(pixels, channels)
    wide = pixels.reshape(-1, channels).astype(np.int64)
    ends = tuple(wide.min(axis=0)), tuple(wide.max(axis=0))
    assert ours == (*ends, wide.sum(), (wide * wide).sum())


@BOTH
@pytest.mark.parametrize("size", [3071, 3072, 3073, (1 << 18) + 1, 1 << 20])
def test_sums_of_the_largest_values(module, size):
    pixels = np.full(size, 255, np.uint8)
    pixels[-1] = 254
    total, squares = 255 * (size - 1) + 254, 255**2 * (size - 1) + 254**2
    assert module.measure_pixels(pixels, 1) == ((254,), (255,), total, squares)


@BOTH
@pytest.mark.parametrize(("size", "channels"), [(0, 1), (6, 0), (6, -1), (6, 5), (6, 4)])
def test_pixels_that_are_not_whole(module, size, channels):
    with pytest.raises(ValueError, match="pixels"):
        module.measure_pixels(np.zeros(size, np.uint8), channels)


def test_the_compiled_ones_are_in_use():
    assert loops.skip_segments is pictures.skip_segments
    assert loops.measure_pixels is pictures.measure_pixels
