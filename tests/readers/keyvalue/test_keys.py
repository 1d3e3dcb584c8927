"""Metadata keys, keys as text, and the numbers in keys."""

from __future__ import annotations

import pytest

from datascan.native.record_loops import MAX_DIGITS
from datascan.readers.keyvalue.keys import (
    METADATA_KEYS,
    format_key,
    metadata_rows,
    parse_key_numbers,
)
from datascan.records.buffers import BytesColumn


def numbers_of(*keys: bytes):
    found = parse_key_numbers(BytesColumn.of(keys))
    return found and (found.prefix, found.values.tolist())


def test_metadata_keys_are_found_among_keys_of_the_same_initials():
    others = [b"0", b"", b"lengths", b"len", b"num-sample", b"num-samples-more", b"_", b"meta_inf0"]
    keys = [key for pair in zip(METADATA_KEYS, others, strict=False) for key in pair]
    assert metadata_rows(BytesColumn.of(keys)) == [0, 2, 4, 6, 8, 10]
    assert metadata_rows(BytesColumn.of(others)) == []


def test_keys_as_text():
    assert format_key(b"a\xff\xc3\xa4") == "a\\xffä"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ([b"0", b"1", b"10"], ("", [0, 1, 10])),
        ([b"image-7", b"image-0012", b"label-3", b"image-"], ("image-", [7, 12, -1, -1])),
        ([b"a1_cat", b"a22.jpg", b"a3", b"b4", b"a"], ("a", [1, 22, 3, -1, -1])),
        ([b"a9", b"a/9", b"a:9", b"aa9"], ("a", [9, -1, -1, -1])),
        ([b"x" * 64 + b"5"], ("x" * 64, [5])),
        ([b"9" * MAX_DIGITS], ("", [int("9" * MAX_DIGITS)])),
        ([b"1", b"9" * MAX_DIGITS, b"9" * (MAX_DIGITS + 1)], ("", [1, int("9" * 18), -1])),
    ],
)
def test_numbers_after_the_prefix_of_the_first_key(keys, expected):
    assert numbers_of(*keys) == expected


@pytest.mark.parametrize("key", [b"cat", b"", b"x" * 65 + b"5", b"9" * (MAX_DIGITS + 1)])
def test_a_first_key_without_a_number(key):
    assert numbers_of(key, b"1") is None


def test_no_keys():
    assert numbers_of() is None
