"""Walks over a B-tree of an LMDB file, in key order, many leaf pages at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from datascan.block import Fault
from datascan.layout import Bytes, Pairs, clipped
from datascan.lmdb.pages import (
    BIG_DATA,
    BRANCH,
    DATABASE,
    LEAF,
    NO_PAGE,
    OVERFLOW,
    SUB_DATA,
    PageFile,
    Tree,
)
from datascan.native import loops

LEAVES_AT_ONCE = 128
PAIRS_BYTES = 1 << 22
PAIRS_RECORDS = 4096
MOST_DEPTH = 64

Octets = NDArray[np.uint8]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Child:
    """A page below a branch page: its keys are in ``key`` <= key < ``end`` (None: no bound)."""

    page: int
    key: bytes | None
    end: bytes | None = None

    def bounds(self, first: bytes, last: bytes) -> bool:
        """Whether keys from ``first`` to ``last`` may stand on this page."""
        above = self.key is None or first >= self.key
        return above and (self.end is None or last < self.end)


@dataclass(frozen=True, slots=True)
class LostPage:
    """A page of the tree that cannot be used, and why."""

    page: int
    why: str
    missing: bool


def children(file: PageFile, number: int, key: bytes | None) -> list[Child]:
    """What lies below branch page ``number``, which is sound; its first child inherits ``key``."""
    page = file.pages[number]
    lower = int(page[12:14].view("<u2")[0])
    raw = page.tobytes()
    found = []
    for i, at in enumerate(page[16:lower].view("<u2").tolist()):
        child = int.from_bytes(raw[at : at + 6], "little")
        length = int.from_bytes(raw[at + 6 : at + 8], "little")
        found.append(Child(child, key if i == 0 else raw[at + 8 : at + 8 + length]))
    return found


def is_filled(page: Octets, lower: int, upper: int) -> bool:
    """Whether the nodes of a branch page fill it from ``upper`` to its end, as LMDB keeps them.

    Each takes eight bytes and its key, rounded up to an even number. A header or pointer that is
    not as it was written would hide children, or show some that are none.
    """
    pointers = page[16:lower].view("<u2").astype(np.int64)
    if not len(pointers) or pointers.min() < upper or pointers.max() > len(page) - 8:
        return False
    lengths = page[pointers + 6].astype(np.int64) | page[pointers + 7].astype(np.int64) << 8
    sizes = 8 + lengths + lengths % 2
    order = np.argsort(pointers, kind="stable")
    ends = (pointers + sizes)[order]
    starts = np.append(pointers[order][1:], len(page))
    return int(pointers.min()) == upper and bool((ends == starts).all())


def trouble(file: PageFile, number: int, kind: int) -> LostPage | None:
    """Why page ``number`` cannot be used as a page of ``kind``; None if it can."""
    if number >= len(file.pages):
        return LostPage(number, f"page {number:,} lies beyond the end of the file", missing=True)
    header = file.header(number)
    if header is None:
        return LostPage(number, f"page {number:,} is overwritten", missing=False)
    flags, lower, upper = header
    if not flags & kind:
        return LostPage(number, f"page {number:,} is of another kind", missing=False)
    if kind != OVERFLOW and not (16 <= lower <= upper <= file.page_size and lower % 2 == 0):
        return LostPage(number, f"page {number:,} has a damaged header", missing=False)
    if kind == BRANCH and not is_filled(file.pages[number], lower, upper):
        return LostPage(number, f"page {number:,} has damaged entries", missing=False)
    return None


class TreeWalk:
    """One tree of a file. Lost branch pages are collected in ``lost`` as they are met.

    ``strays`` gives leaf pages, by first key, that the tree does not lead to: they are walked in
    the place of what lies below a lost branch page.
    """

    def __init__(
        self, file: PageFile, tree: Tree, strays: Callable[[], list[Child]] = list
    ) -> None:
        self.file = file
        self.tree = tree
        self.strays = strays
        self.lost: list[LostPage] = []

    def leaves(self, first: bytes | None = None, stop: bytes | None = None) -> Iterator[Child]:
        """The leaf pages that may hold keys in ``first`` <= key < ``stop``, in order."""
        if self.tree.root == NO_PAGE:
            return
        yield from self._below(Child(self.tree.root, None), None, first, stop, self.tree.depth)

    def _below(
        self, at: Child, end: bytes | None, first: bytes | None, stop: bytes | None, depth: int
    ) -> Iterator[Child]:
        if depth <= 1:
            yield Child(at.page, at.key, end)
            return
        lost = trouble(self.file, at.page, BRANCH)
        if lost is not None or depth > MOST_DEPTH:
            self.lost.append(lost or LostPage(at.page, "the tree has no end", missing=False))
            yield from self._strays_between(at.key, end, first, stop)
            return
        below = children(self.file, at.page, at.key)
        ends = [child.key for child in below[1:]] + [end]
        for child, its_end in zip(below, ends, strict=True):
            too_early = first is not None and its_end is not None and its_end <= first
            too_late = stop is not None and child.key is not None and child.key >= stop
            if not too_early and not too_late:
                yield from self._below(child, its_end, first, stop, depth - 1)

    def _strays_between(self, *bounds: bytes | None) -> Iterator[Child]:
        """Strays whose first key lies within both ranges (key, end) and (first, stop)."""
        lows, highs = bounds[::2], bounds[1::2]
        strays = self.strays()
        for i, stray in enumerate(strays):
            key = stray.key or b""
            following = strays[i + 1].key if i + 1 < len(strays) else None
            low, first = lows
            inside = (low is None or key >= low) and all(h is None or key < h for h in highs)
            # A stray that begins before the range asked for may still reach into it.
            reaches = first is None or key >= first or following is None or following > first
            if inside and reaches:
                yield stray

    def find(self, key: bytes) -> bytes | None:
        """The value of ``key``; None where there is none, or it cannot be read."""
        for pairs in self.pairs(key, key + b"\0"):
            for row in range(len(pairs)):
                lost = any(fault.row == row for fault in pairs.faults)
                if pairs.keys[row] == key and not lost:
                    return pairs.values[row]
        return None

    def databases(self, first: bytes | None = None, stop: bytes | None = None) -> dict[bytes, Tree]:
        """The databases that stand in this tree under names in ``first`` <= name < ``stop``."""
        found = {}
        for leaf in self.leaves(first, stop):
            if trouble(self.file, leaf.page, LEAF) is None:
                nodes = leaf_nodes(self.file, np.array([leaf.page]), databases=True)
                pairs = nodes.pairs(self.file, slice(None), ())
                for row in range(len(pairs)):
                    if pairs.values.lengths[row] == DATABASE.size:
                        found[pairs.keys[row]] = Tree.of(pairs.values[row])
        return found

    def pairs(self, first: bytes | None = None, stop: bytes | None = None) -> Iterator[Pairs]:
        """Entries with ``first`` <= key < ``stop``, about four megabytes at a time."""
        leaves = self.leaves(first, stop)
        while group := list(islice(leaves, LEAVES_AT_ONCE)):
            for pairs in self.of_leaves(group):
                inside = clipped(pairs, first, stop)
                if len(inside) or inside.faults:
                    yield inside

    def of_leaves(self, leaves: list[Child]) -> Iterator[Pairs]:
        """The entries of these leaf pages; a page that cannot be used is a fault of no row."""
        lost = [problem for leaf in leaves if (problem := trouble(self.file, leaf.page, LEAF))]
        gone = {problem.page for problem in lost}
        usable = [leaf for leaf in leaves if leaf.page not in gone]
        nodes = leaf_nodes(self.file, np.array([leaf.page for leaf in usable], np.int64))
        lost += [
            LostPage(page, f"page {page:,} has entries that point outside of it", missing=False)
            for page in nodes.broken
        ]
        lost += [
            LostPage(page, f"page {page:,} shows other entries than fill it", missing=False)
            for page in nodes.torn
        ]
        astray = nodes.astray(self.file, usable)
        if astray:
            nodes = nodes.without(self.file, astray)
            lost += [
                LostPage(p, f"page {p:,} holds keys of another place", missing=False)
                for p in astray
            ]
        faults = tuple(fault_of(problem) for problem in lost)
        edges = cuts(nodes.lengths)
        for start, end in pairwise(edges):
            yield nodes.pairs(self.file, slice(start, end), faults)
            faults = ()
        if faults:
            empty = np.empty(0, np.int64)
            nothing = Bytes(self.file.data, empty, empty)
            yield Pairs(nothing, nothing, faults)


def cuts(lengths: Numbers) -> list[int]:
    """Where to cut rows so that each piece has about four megabytes and at most 4,096 rows."""
    if not len(lengths):
        return [0]
    total = np.cumsum(lengths)
    edges = [0]
    while edges[-1] < len(lengths):
        start = edges[-1]
        before = int(total[start - 1]) if start else 0
        fitting = int(np.searchsorted(total, before + PAIRS_BYTES, side="right"))
        edges.append(min(max(start + 1, fitting), start + PAIRS_RECORDS, len(lengths)))
    return edges


def fault_of(lost: LostPage) -> Fault:
    """A lost page as a fault of no record."""
    return Fault(None, "truncated-store" if lost.missing else "damaged-store", lost.why)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Entries of leaf pages, int64 (n,) each: where key and value lie in the file.

    ``broken`` pages have entries of which nothing is known; the entries of ``torn`` ones are not
    those that the page was filled with. ``bad`` entries cannot be read: 1
    where the value lies beyond the file's end, 2 where its pages or the entry itself are
    overwritten.
    """

    key_offsets: Numbers
    key_lengths: Numbers
    offsets: Numbers
    lengths: Numbers
    bad: NDArray[np.int8]
    broken: tuple[int, ...] = ()
    torn: tuple[int, ...] = ()

    def key(self, file: PageFile, row: int) -> bytes:
        """The key of ``row``."""
        start = int(self.key_offsets[row])
        return file.data[start : start + int(self.key_lengths[row])].tobytes()

    def astray(self, file: PageFile, leaves: list[Child]) -> list[int]:
        """Those of ``leaves``, whose entries these are, that hold keys of another place."""
        pages = self.key_offsets // file.page_size
        starts = np.flatnonzero(np.diff(pages, prepend=-1))
        ends = [*starts[1:].tolist(), len(pages)] if len(pages) else []
        first_and_last = {
            int(pages[start]): (self.key(file, start), self.key(file, end - 1))
            for start, end in zip(starts.tolist(), ends, strict=True)
        }
        return [
            leaf.page
            for leaf in leaves
            if leaf.page in first_and_last and not leaf.bounds(*first_and_last[leaf.page])
        ]

    def without(self, file: PageFile, pages: list[int]) -> Nodes:
        """The entries that lie on none of ``pages``."""
        kept = ~np.isin(self.key_offsets // file.page_size, pages)
        return Nodes(
            self.key_offsets[kept],
            self.key_lengths[kept],
            self.offsets[kept],
            self.lengths[kept],
            self.bad[kept],
        )

    def pairs(self, file: PageFile, rows: slice, faults: tuple[Fault, ...]) -> Pairs:
        """The entries of ``rows``, with ``faults`` in front of their own."""
        bad = self.bad[rows]
        own = tuple(Fault(int(row), *BAD[int(bad[row])]) for row in np.flatnonzero(bad))
        lengths = np.where(bad > 0, 0, self.lengths[rows])
        keys = Bytes(file.data, self.key_offsets[rows], self.key_lengths[rows])
        return Pairs(keys, Bytes(file.data, self.offsets[rows], lengths), faults + own)


BAD = {
    1: ("truncated-store", "its value lies beyond the end of the file"),
    2: ("damaged-store", "the pages of its value are overwritten"),
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
    keep = sound & ((flags & SUB_DATA > 0) == databases)
    if not keep.all():
        key_at, key_length, at, length = key_at[keep], key_length[keep], at[keep], length[keep]
        big = big[keep]
    bad = np.zeros(len(at), np.int8)
    if big.any():
        where, verdict = overflow_values(file, at[big], length[big])
        at = at.copy()
        at[big], bad[big] = where, verdict
    cut = tuple(sorted(set(broken.tolist())))
    return Nodes(key_at, key_length, at, length, bad, cut, tuple(sorted(set(torn) - set(cut))))


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
    inside = (numbers >= 0) & (numbers + needed <= len(file.pages))
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


def is_plain(tree: Tree) -> bool:
    """Whether keys are in byte order and have one value each: no flags but "created"."""
    return tree.flags & 0x7FFF == 0
