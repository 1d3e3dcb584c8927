"""Streams are inflated to their end, or up to a limit."""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
import pytest

from datascan.decoders.image.formats.inflate import inflate


@pytest.mark.parametrize("size", [0, 1, 1 << 16, 3_000_001])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("parts", [1, 7])
def test_whole_streams(size, noisy, parts):
    values = np.random.default_rng(0).bytes(size) if noisy else bytes(size)
    stream = zlib.compress(values)
    edges = [len(stream) * i // parts for i in range(parts + 1)]
    views = [memoryview(stream)[a:b] for a, b in pairwise(edges)]
    found = inflate(views, 1 << 30)
    assert (found.nbytes, found.is_whole) == (size, True)
    assert inflate([*views, memoryview(b"more")], 1 << 30) == found


def test_streams_that_end_early():
    stream = zlib.compress(bytes(100_000))
    for cut in (1, 4, 20):
        assert not inflate([memoryview(stream)[:-cut]], 1 << 30).is_whole
    assert inflate([], 1 << 30).nbytes == 0


def test_a_bomb_is_inflated_up_to_the_limit():
    stream = zlib.compress(bytes(100_000_000))
    found = inflate([memoryview(stream)], 1 << 20)
    assert not found.is_whole
    assert 1 << 20 < found.nbytes < 3 << 20


def test_wrong_data_and_checksums():
    stream = zlib.compress(b"content" * 99)
    for broken in (stream[:-1] + bytes([stream[-1] ^ 1]), b"junk" + stream):
        with pytest.raises(zlib.error):
            inflate([memoryview(broken)], 1 << 30)
