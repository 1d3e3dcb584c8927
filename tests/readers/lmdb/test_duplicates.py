"""Sub-pages with several values of one key."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import numpy as np
import pytest

from datascan.readers.lmdb.duplicates import locate_sub_page, value_leaf_error

LEAF, LEAF2, SUB = 0x02, 0x20, 0x40


def locate(page: bytes, length: int | None = None):
    """Offsets and lengths of the values on a sub-page that is 3 bytes into the file."""
    file = SimpleNamespace(data=np.frombuffer(b"abc" + page + b"more", np.uint8))
    found = locate_sub_page(file, 3, len(page) if length is None else length)
    return found and tuple(part.tolist() for part in found)


def array_page(width: int, count: int, flags=SUB | LEAF2, lower=None, free=0) -> bytes:
    lower = 16 + 2 * count if lower is None else lower
    head = struct.pack("<QHHHH", 0, width, flags, lower, 0)
    return head + bytes(width * count) + bytes(free)


def test_values_of_one_length():
    assert locate(array_page(5, 3)) == ([19, 24, 29], [5, 5, 5])
    assert locate(array_page(5, 3, free=9)) == ([19, 24, 29], [5, 5, 5])


@pytest.mark.parametrize(
    "page",
    [
        array_page(0, 3),
        array_page(5, 3, flags=LEAF2),
        array_page(5, 3, lower=16),
        array_page(5, 3, lower=21),
        array_page(5, 3)[:-1],
        array_page(5, 3)[:15],
    ],
)
def test_arrays_that_are_damaged(page):
    assert locate(page) is None


def node_page(*values: bytes, upper=None) -> bytes:
    """Values as LMDB stores them, the last one first, each padded to an even length."""
    body, pointers = b"", []
    for value in reversed(values):
        node = struct.pack("<HHHH", 0, 0, 0, len(value)) + value
        body += node + bytes(len(node) % 2)
    lower = 16 + 2 * len(values)
    at = lower
    for value in reversed(values):
        pointers.insert(0, at)
        at += 8 + len(value) + len(value) % 2
    head = struct.pack("<QHHHH", 0, 0, SUB, lower, lower if upper is None else upper)
    return head + struct.pack(f"<{len(pointers)}H", *pointers) + body


def test_values_of_several_lengths():
    page = node_page(b"one", b"three")
    starts, lengths = locate(page)
    content = b"abc" + page
    assert [content[at : at + n] for at, n in zip(starts, lengths, strict=True)] == [
        b"one",
        b"three",
    ]
    long = node_page(b"x" * 300)
    assert locate(long) == ([3 + 18 + 8], [300])


def test_pages_that_do_not_add_up():
    page = node_page(b"one", b"three")
    assert locate(node_page(b"one", b"three", upper=18)) is None
    assert locate(node_page(b"one", b"three", upper=22)) is None
    assert locate(page[:-2]) is None


def leaf_error(width: int, count: int, flags=LEAF | LEAF2, upper=None) -> str | None:
    """What is said of a page of 4,096 bytes with an array of values."""
    size, lower = 4096, 16 + 2 * count
    upper = (size - count * (width - 2)) & 0xFFFF if upper is None else upper
    page = np.zeros(size, np.uint8)
    page[:16] = np.frombuffer(struct.pack("<QHHHH", 0, width, flags, lower, upper), np.uint8)
    file = SimpleNamespace(
        pages=page.reshape(1, -1), page_size=size, header=lambda _: (flags, lower, upper)
    )
    lost = value_leaf_error(file, 0)
    return lost and repr(lost)


@pytest.mark.parametrize(
    ("width", "count", "options", "is_usable"),
    [
        (16, 10, {}, True),
        (16, 255, {}, True),
        (17, 240, {}, True),
        (16, 256, {}, False),
        (17, 241, {}, False),
        (0, 10, {}, False),
        (16, 10, {"upper": 3955}, False),
        (16, 10, {"upper": 3957}, False),
        (16, 0, {}, True),
    ],
)
def test_pages_of_values_of_one_length(width, count, options, is_usable):
    assert (leaf_error(width, count, **options) is None) == is_usable
    if not is_usable:
        assert "page 0 has a damaged header" in leaf_error(width, count, **options)
