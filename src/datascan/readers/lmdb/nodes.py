"""The entries of leaf pages: where their keys and values lie in the file, many pages at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.native import loops
from datascan.readers.keyvalue.batch import KeyValueBatch
from datascan.readers.lmdb.pages import (
    BIG_DATA,
    DUP_DATA,
    OVERFLOW,
    SUB_DATA,
    LostPage,
    PageFile,
    Tree,
)
from datascan.readers.lmdb.traversal import Child
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn

Octets = NDArray[np.uint8]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Entries of leaf pages, int64 (n,) each: where key and value lie in the file.

    ``broken`` pages have entries of which nothing is known; the entries of ``torn`` ones are not
    those that the page was filled with. ``bad`` entries cannot be read: 1 where the value lies
    beyond the file's end, 2 where its pages or the entry itself are overwritten, 3 where they are
    several values that cannot be told apart. ``many``: 1 where the value is a page of several
    values, 2 where it leads to a tree of them.
    """

    key_offsets: Numbers
    key_lengths: Numbers
    offsets: Numbers
    lengths: Numbers
    bad: NDArray[np.int8]
    many: NDArray[np.int8]
    broken: tuple[int, ...] = ()
    torn: tuple[int, ...] = ()

    def key(self, file: PageFile, row: int) -> bytes:
        """The key of ``row``."""
        start = int(self.key_offsets[row])
        return file.data[start : start + int(self.key_lengths[row])].tobytes()

    def misplaced(self, file: PageFile, leaves: Sequence[Child], tree: Tree) -> list[int]:
        """Those of ``leaves``, whose entries these are, that hold keys of another place."""
        pages = self.key_offsets // file.page_size
        starts = np.flatnonzero(np.diff(pages, prepend=-1))
        ends = [*starts[1:].tolist(), len(pages)] if len(pages) else []
        first_and_last = {
            int(pages[start]): (
                tree.comparable(self.key(file, start)),
                tree.comparable(self.key(file, end - 1)),
            )
            for start, end in zip(starts.tolist(), ends, strict=True)
        }
        return [
            leaf.page
            for leaf in leaves
            if leaf.page in first_and_last and not leaf.bounds(*first_and_last[leaf.page])
        ]

    def take(self, rows: Any) -> Nodes:
        """The entries of ``rows``: a mask or a slice."""
        return Nodes(
            self.key_offsets[rows],
            self.key_lengths[rows],
            self.offsets[rows],
            self.lengths[rows],
            self.bad[rows],
            self.many[rows],
        )

    def without(self, file: PageFile, pages: list[int]) -> Nodes:
        """The entries that lie on none of ``pages``."""
        return self.take(~np.isin(self.key_offsets // file.page_size, pages))

    def within(self, nbytes: int) -> Nodes:
        """The entries whose keys the first ``nbytes`` bytes of the file hold."""
        inside = self.take(self.key_offsets + self.key_lengths <= nbytes)
        beyond = inside.offsets + inside.lengths > nbytes
        return replace(inside, bad=np.where(beyond, np.int8(1), inside.bad))

    def pairs(self, file: PageFile, faults: tuple[Fault, ...] = ()) -> KeyValueBatch:
        """Keys and values, with ``faults`` in front of their own."""
        own = tuple(Fault(int(row), *BAD[int(self.bad[row])]) for row in np.flatnonzero(self.bad))
        lengths = np.where(self.bad > 0, 0, self.lengths)
        keys = BytesColumn(file.data, self.key_offsets, self.key_lengths)
        return KeyValueBatch(keys, BytesColumn(file.data, self.offsets, lengths), faults + own)


BAD = {
    1: ("truncated-store", "its value lies beyond the end of the file"),
    2: ("damaged-store", "the pages of its value are overwritten"),
    3: ("damaged-store", "the values of its key are overwritten"),
}


def leaf_nodes(file: PageFile, pages: Numbers, *, databases: bool = False) -> Nodes:
    """All entries of usable leaf pages that are records; or only those that are named databases.

    Entries that point outside their page are left out too: nothing is known of them, not even a
    key. Their pages are ``Nodes.broken``.
    """
    heads = np.ascontiguousarray(file.pages[pages, :16]).view("<u2")
    counts = (heads[:, 6].astype(np.int64) - 16) // 2
    widest = int(counts.max(initial=0))
    pointers = np.ascontiguousarray(file.pages[pages, 16 : 16 + 2 * widest]).view("<u2")
    real = np.arange(widest) < counts[:, None]
    inside = real & (pointers >= 16) & (pointers <= file.page_size - 8)
    owner = np.broadcast_to(pages[:, None], real.shape)
    broken = owner[real & ~inside]
    real = inside
    starts = (pages[:, None] * file.page_size + pointers)[real]
    ends = np.broadcast_to(((pages + 1) * file.page_size)[:, None], real.shape)[real]
    fields = gather(file.data, starts, 8).view("<u2").astype(np.int64)
    low, high, flags, key_length = fields.T
    length = low | high << 16
    key_at = starts + 8
    at = key_at + key_length
    big = flags & BIG_DATA > 0
    # Something that ends beyond its own page is no entry.
    sound = at + np.where(big, 8, length) <= ends
    broken = np.concatenate([broken, owner[real][~sound]])
    places = np.broadcast_to(np.arange(len(pages))[:, None], real.shape)[real]
    torn = not_filled(file, pages, places, 8 + key_length + np.where(big, 8, length))
    keep = sound & ((flags & (SUB_DATA | DUP_DATA) == SUB_DATA) == databases)
    if not keep.all():
        key_at, key_length, at, length = key_at[keep], key_length[keep], at[keep], length[keep]
        big, flags = big[keep], flags[keep]
    bad = np.zeros(len(at), np.int8)
    if big.any():
        where, verdict = overflow_values(file, at[big], length[big])
        at = at.copy()
        at[big], bad[big] = where, verdict
    cut = tuple(sorted(set(broken.tolist())))
    several = np.where(flags & DUP_DATA > 0, 1 + (flags & SUB_DATA > 0), 0).astype(np.int8)
    own = tuple(sorted(set(torn) - set(cut)))
    return Nodes(key_at, key_length, at, length, bad, several, cut, own)


def torn_pages(nodes: Nodes) -> list[LostPage]:
    """Pages of which some entries are lost, and why."""
    outside = "has entries that point outside of it"
    other = "shows other entries than fill it"
    return [
        LostPage(page, f"page {page:,} {why}", missing=False)
        for pages, why in ((nodes.broken, outside), (nodes.torn, other))
        for page in pages
    ]


def not_filled(file: PageFile, pages: Numbers, places: Numbers, sizes: Numbers) -> list[int]:
    """Those of ``pages`` whose entries are more or less than fill them.

    Entry i, of ``sizes[i]`` bytes, is of ``pages[places[i]]``. LMDB keeps entries side by side,
    each of an even number of bytes, from ``upper`` to the end.
    """
    uppers = np.ascontiguousarray(file.pages[pages, 14:16]).view("<u2")[:, 0]
    filled = np.bincount(places, weights=sizes + sizes % 2, minlength=len(pages))
    wrong: list[int] = pages[filled != file.page_size - uppers.astype(np.int64)].tolist()
    return wrong


def overflow_values(
    file: PageFile, pointers: Numbers, lengths: Numbers
) -> tuple[Numbers, NDArray[np.int8]]:
    """Offsets of values on overflow pages, whose numbers stand at ``pointers``; and verdicts."""
    numbers = gather(file.data, pointers, 8).view("<i8")[:, 0]
    needed = (lengths + 16 + file.page_size - 1) // file.page_size
    verdict = np.zeros(len(numbers), np.int8)
    inside = (numbers >= 0) & (numbers <= len(file.pages) - needed)
    verdict[~inside] = 1
    first = np.where(inside, numbers, 0)
    heads = gather(file.data, first * file.page_size, 16)
    flags = heads[:, 10:12].copy().view("<u2")[:, 0]
    pages = heads[:, 12:16].copy().view("<u4")[:, 0]
    own = heads[:, :8].copy().view("<i8")[:, 0] == first
    verdict[inside & ~(own & (flags & OVERFLOW > 0) & (pages >= needed))] = 2
    return first * file.page_size + 16, verdict


def gather(data: Octets, starts: Numbers, width: int) -> Octets:
    """``width`` bytes from each of ``starts`` on, (n, width), C-contiguous."""
    out = np.empty((len(starts), width), np.uint8)
    loops.gather(data, np.ascontiguousarray(starts), width, out)
    return out
