"""Numbers and byte strings of LevelDB's files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.coding import MAX_NUMBER, CodingError, take_string, take_varint
from tests.builders.leveldb_coding import varint


@given(st.integers(0, MAX_NUMBER), st.binary(max_size=3), st.binary(max_size=3))
def test_a_number_comes_back_with_the_offset_after_it(number, before, after):
    data = before + varint(number) + after
    assert take_varint(data, len(before)) == (number, len(data) - len(after))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\xff" * 30])
def test_a_number_without_an_end(data):
    with pytest.raises(CodingError, match="without an end"):
        take_varint(data, 0)


@given(st.integers(MAX_NUMBER + 1, (1 << 70) - 1))
def test_a_number_that_no_store_has(number):
    with pytest.raises(CodingError):
        take_varint(bytes(varint(number)), 0)


@given(st.binary(max_size=300), st.binary(max_size=3))
def test_a_string_comes_back(text, after):
    data = bytes(varint(len(text))) + text + after
    assert take_string(data, 0) == (text, len(data) - len(after))


@pytest.mark.parametrize("length", [4, 1 << 40, MAX_NUMBER])
def test_a_string_that_is_longer_than_the_data(length):
    with pytest.raises(CodingError, match="string without an end"):
        take_string(bytes(varint(length)) + b"abc", 0)
