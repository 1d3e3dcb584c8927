"""What a key may be, given how a report shows it."""

from __future__ import annotations

import os

import pytest

from datascan.readers.image_folder.reader import format_name
from datascan.readers.key_spellings import key_bytes, key_spellings
from datascan.readers.keyvalue.keys import format_key
from datascan.text import escape_control


@pytest.mark.parametrize(
    "key",
    [
        b"00000017_cat.jpg",
        b"\xff\xfe\x80",
        b"a\nb\tc\x1b[2J\x00",
        "gr\u00f6\u00dfe \u200b \U000e0100 \x85".encode(),
        rb"C:\new\x41",
        b"back\\slash",
    ],
)
def test_every_key_is_among_the_spellings_of_what_is_shown(key):
    assert key in key_bytes(format_key(key))
    assert key in key_bytes(escape_control(format_key(key)))
    name = os.fsdecode(key)
    assert name in key_spellings(format_name(name))


def test_the_text_itself_comes_first():
    assert key_spellings(r"a\x41") == (r"a\x41", "aA")
    assert key_spellings("plain") == ("plain",)


def test_surrogates_that_are_no_bytes_are_no_keys():
    assert key_bytes("\ud83d") == ()
