"""LMDB files page by page, for stores that no library writes. Layout: LMDB 0.9, mdb.c."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PAGE = 4096
NO_PAGE = (1 << 64) - 1
BRANCH, LEAF, OVERFLOW, META = 0x01, 0x02, 0x04, 0x08
BIG_DATA, SUB_DATA, DUP_DATA = 0x01, 0x02, 0x04


@dataclass(frozen=True)
class Entry:
    """An entry of a leaf page. ``length``: what it claims, if not the length of ``value``."""

    key: bytes
    value: bytes
    flags: int = 0
    length: int | None = None


def on_overflow(key: bytes, page: int, length: int) -> Entry:
    """An entry whose value is on overflow pages."""
    return Entry(key, struct.pack("<Q", page), BIG_DATA, length)


def tree_record(root: int, depth: int = 1, *, flags: int = 0, **counts: int) -> bytes:
    """The record of a tree, MDB_db: 48 bytes."""
    order = ("branch_pages", "leaf_pages", "overflow_pages", "entries")
    return struct.pack("<IHHQQQQQ", 0, flags, depth, *(counts.get(name, 1) for name in order), root)


def node_page(number: int, page_type: int, nodes: Sequence[bytes], repeat: int = 1) -> bytes:
    """A page with these nodes; each is pointed at ``repeat`` times."""
    pointers, end, body = [], PAGE, b""
    for node in nodes:
        padded = node + bytes(len(node) % 2)
        end -= len(padded)
        body = padded + body
        pointers += [end] * repeat
    lower = 16 + 2 * len(pointers)
    assert lower <= end, "the page is full"
    head = struct.pack("<QHHHH", number, 0, page_type, lower, end)
    return (head + struct.pack(f"<{len(pointers)}H", *pointers)).ljust(end, b"\0") + body


def leaf_page(number: int, entries: Sequence[Entry], repeat: int = 1) -> bytes:
    """A leaf page."""
    nodes = []
    for entry in entries:
        length = len(entry.value) if entry.length is None else entry.length
        head = struct.pack("<HHHH", length & 0xFFFF, length >> 16, entry.flags, len(entry.key))
        nodes.append(head + entry.key + entry.value)
    return node_page(number, LEAF, nodes, repeat)


def branch_page(number: int, children: Sequence[tuple[bytes, int]]) -> bytes:
    """A branch page; LMDB ignores the first key."""
    nodes = [
        struct.pack("<IHH", child & 0xFFFFFFFF, child >> 32, len(key)) + key
        for key, child in children
    ]
    return node_page(number, BRANCH, nodes)


def overflow_pages(number: int, value: bytes) -> bytes:
    """A run of overflow pages."""
    count = -(-(16 + len(value)) // PAGE)
    head = struct.pack("<QHHI", number, 0, OVERFLOW, count)
    return (head + value).ljust(count * PAGE, b"\0")


def lmdb_file(pages: Sequence[bytes], main: bytes, free: bytes | None = None) -> bytes:
    """A data file: two meta pages, then ``pages``, the first of which has number 2.

    ``main``, ``free``: the records of the main database and of the free list.
    """
    body = b"".join(pages)
    free = tree_record(NO_PAGE, 0, flags=8) if free is None else free
    free = struct.pack("<I", PAGE) + free[4:]
    metas = b""
    for number in (0, 1):
        head = struct.pack("<QHHI", number, 0, META, 0)
        head += struct.pack("<IIQQ", 0xBEEFC0DE, 1, 0, 1 << 30)
        tail = struct.pack("<QQ", 1 + len(body) // PAGE, 1 + number)
        metas += (head + free + main + tail).ljust(PAGE, b"\0")
    return metas + body
