"""Hashes of keys depend on the key alone, and tell keys apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datascan.records.buffers import BytesColumn
from datascan.records.key_hashes import MAX_WORD_BYTES, hash_keys, hash_names, hash_rows


@given(st.lists(st.binary(max_size=2 * MAX_WORD_BYTES), max_size=20))
def test_a_hash_does_not_depend_on_other_keys(keys):
    alone = [int(hash_keys(BytesColumn.of([key]))[0]) for key in keys]
    assert hash_keys(BytesColumn.of(keys)).tolist() == alone


def test_no_two_keys_of_common_forms_share_a_hash():
    keys = [f"{i:08}".encode() for i in range(20_000)]
    keys += [f"class/{i}.jpg".encode() for i in range(20_000)]
    keys += [b"k" * size for size in range(200)] + [b"k" * size + b"\0" for size in range(200)]
    hashes = hash_keys(BytesColumn.of(keys))
    assert (hashes.shape, hashes.dtype) == ((40_400,), np.dtype(np.uint64))
    assert len(np.unique(hashes)) == len(keys)


def test_names_are_hashed_one_by_one():
    names = [f"cat/{i}.jpg" for i in range(1000)] + ["\udcff.jpg"]
    hashes = hash_names(names)
    assert len(np.unique(hashes)) == len(names)
    assert np.array_equal(hashes[300:], hash_names(names[300:]))


def test_rows_are_hashed_one_by_one():
    whole = hash_rows(b"a.h5:data", 0, 1000)
    assert np.array_equal(whole[100:300], hash_rows(b"a.h5:data", 100, 200))
    assert len(np.unique([whole, hash_rows(b"a.h5:more", 0, 1000)])) == 2000


EXPECTED = ["d8a77e549d1ceda4", "e87cf7c436064e72", "1a62897172175aea", "7a1098d4ea6afad5"]
ROW = "87a1037d3a963a72"
"""Reports of different hosts and versions are compared."""


def test_hashes_are_the_same_on_every_host():
    keys = BytesColumn.of([b"", b"00000017", b"cat/1.jpg", b"x" * 100])
    assert [f"{value:016x}" for value in hash_keys(keys).tolist()] == EXPECTED
    assert f"{int(hash_rows(b'a.h5:data', 7, 1)[0]):016x}" == ROW
