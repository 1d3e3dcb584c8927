"""The entries of leaf pages, located in the file many pages at a time.

Source: LMDB 0.9, mdb.c: MDB_node, mdb_node_add.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
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


INLINE, SUB_PAGE, SUB_TREE = 0, 1, 2
"""How an entry stores its value: as it is, or several values on a sub-page or in a tree."""

BEYOND_END, OVERWRITTEN, LOST_VALUES, SHARED = 1, 2, 3, 4
VALUE_ERRORS = {
    BEYOND_END: ("truncated-store", "the value is beyond the end of the file"),
    OVERWRITTEN: ("damaged-store", "the pages of the value are overwritten"),
    LOST_VALUES: ("damaged-store", "the values of this key are overwritten"),
    SHARED: ("damaged-store", "the pages of the value belong to another record"),
}
"""Why a value cannot be read: rule and detail."""


class Nodes(Struct, frozen=True, eq=False):
    """Entries of leaf pages: offsets in the file and lengths of keys and values, int64 (n,) each.

    ``errors``: 0, or a key of ``VALUE_ERRORS`` for values that cannot be read. ``storage``:
    ``INLINE``, ``SUB_PAGE`` or ``SUB_TREE``. ``broken_pages`` have entries that cannot be located.
    ``inconsistent_pages`` have entries that do not add up to the space that the page uses.
    """

    key_offsets: Numbers
    key_lengths: Numbers
    offsets: Numbers
    lengths: Numbers
    errors: NDArray[np.int8]
    storage: NDArray[np.int8]
    broken_pages: tuple[int, ...] = ()
    inconsistent_pages: tuple[int, ...] = ()

    def find_misplaced(self, file: PageFile, leaves: Sequence[Child], tree: Tree) -> list[int]:
        """Pages among ``leaves`` with keys outside of the range that their branch page states."""
        pages = self.key_offsets // file.page_size
        is_first = np.diff(pages, prepend=-1) != 0
        firsts = dict(zip(pages[is_first].tolist(), self._keys(file, is_first), strict=True))
        is_last = np.diff(pages, append=-1) != 0
        lasts = dict(zip(pages[is_last].tolist(), self._keys(file, is_last), strict=True))
        return [
            leaf.page
            for leaf in leaves
            if leaf.page in firsts
            and not leaf.covers(
                tree.comparable(firsts[leaf.page]), tree.comparable(lasts[leaf.page])
            )
        ]

    def _keys(self, file: PageFile, rows: NDArray[np.bool_]) -> list[bytes]:
        """The keys of ``rows``."""
        view = file.data.data
        places = zip(self.key_offsets[rows].tolist(), self.key_lengths[rows].tolist(), strict=True)
        return [bytes(view[start : start + length]) for start, length in places]

    def take(self, rows: Any) -> Nodes:
        """The entries of ``rows``: a mask or a slice."""
        return Nodes(
            self.key_offsets[rows],
            self.key_lengths[rows],
            self.offsets[rows],
            self.lengths[rows],
            self.errors[rows],
            self.storage[rows],
        )

    def mark_shared_values(self, file: PageFile, used: UsedPages) -> Nodes:
        """The same entries; values on overflow pages that other records use are errors."""
        if not self.errors.any() and used.claim_all(self, file.page_size):
            return self
        on_overflow = np.flatnonzero(
            (self.offsets // file.page_size != self.key_offsets // file.page_size)
            & (self.lengths > 0)
            & (self.errors == 0)
        )
        if not len(on_overflow):
            return self
        first = self.offsets[on_overflow] // file.page_size
        # The first page begins with a header of 16 bytes.
        stop = first + -(-(16 + self.lengths[on_overflow]) // file.page_size)
        shared = on_overflow[~used.claim(first, stop)]
        if not len(shared):
            return self
        errors = self.errors.copy()
        errors[shared] = SHARED
        return replace(self, errors=errors)

    def exclude_pages(self, file: PageFile, pages: list[int]) -> Nodes:
        """The entries that are not on ``pages``."""
        return self.take(~np.isin(self.key_offsets // file.page_size, pages))

    def clip_to_size(self, nbytes: int) -> Nodes:
        """The entries whose keys are within the first ``nbytes`` of the file."""
        inside = self.take(self.key_offsets + self.key_lengths <= nbytes)
        beyond = inside.offsets + inside.lengths > nbytes
        return replace(inside, errors=np.where(beyond, np.int8(BEYOND_END), inside.errors))

    def to_batch(self, file: PageFile, faults: tuple[Fault, ...] = ()) -> KeyValueBatch:
        """Keys and values, with ``faults`` before those of single entries."""
        own_faults = tuple(
            Fault(int(row), *VALUE_ERRORS[int(self.errors[row])])
            for row in np.flatnonzero(self.errors)
        )
        lengths = np.where(self.errors > 0, 0, self.lengths)
        keys = BytesColumn(file.data, self.key_offsets, self.key_lengths)
        values = BytesColumn(file.data, self.offsets, lengths)
        return KeyValueBatch(keys, values, faults + own_faults)


def locate_nodes(file: PageFile, leaves: Sequence[Child]) -> Nodes | None:
    """The records of ``leaves``; None if a page is not intact, or has other entries than records.

    ``read_leaf_nodes`` reads such pages, and says what is wrong with them.
    """
    pages = [leaf.page for leaf in leaves]
    if not pages or max(pages) >= len(file.pages):
        return None
    numbers = np.array(pages, np.int64)
    lowers = np.ascontiguousarray(file.pages[numbers, 12:14]).view("<u2")[:, 0].astype(np.int64)
    # A damaged page may state more entries than it has bytes. It is not read here.
    capacity = int(np.clip((lowers - 16) // 2, 0, file.page_size // 10).sum())
    columns, counts = np.empty((4, capacity), np.int64), np.empty(len(pages), np.int64)
    size, count = file.page_size, len(file.pages)
    found = loops.locate_entries(file.data, numbers, size, count, columns, counts)
    if found < 0:
        return None
    return Nodes(*columns[:, :found], *np.zeros((2, found), np.int8))


def read_leaf_nodes(file: PageFile, pages: Numbers, *, databases: bool = False) -> Nodes:
    """All records of usable leaf pages, or, with ``databases``, all named databases.

    Entries that extend beyond their page are left out, because not even their key is known. Their
    pages are ``Nodes.broken_pages``.
    """
    heads = np.ascontiguousarray(file.pages[pages, :16]).view("<u2")
    # A writer may have changed the page since it was checked.
    counts = np.clip((heads[:, 6].astype(np.int64) - 16) // 2, 0, (file.page_size - 16) // 2)
    max_count = int(counts.max(initial=0))
    pointers = np.ascontiguousarray(file.pages[pages, 16 : 16 + 2 * max_count]).view("<u2")
    is_pointer = np.arange(max_count) < counts[:, None]
    is_inside = is_pointer & (pointers >= 16) & (pointers <= file.page_size - 8)
    owner = np.broadcast_to(pages[:, None], is_pointer.shape)
    broken = owner[is_pointer & ~is_inside]
    starts = (pages[:, None] * file.page_size + pointers)[is_inside]
    ends = np.broadcast_to(((pages + 1) * file.page_size)[:, None], is_inside.shape)[is_inside]
    fields = gather(file.data, starts, 8).view("<u2").astype(np.int64)
    low, high, flags, key_length = fields.T
    length = low | high << 16
    key_offset = starts + 8
    offset = key_offset + key_length
    has_overflow = flags & BIG_DATA > 0
    stored_length = np.where(has_overflow, 8, length)
    is_complete = offset + stored_length <= ends
    broken = np.concatenate([broken, owner[is_inside][~is_complete]])
    page_index = np.broadcast_to(np.arange(len(pages))[:, None], is_inside.shape)[is_inside]
    sizes = 8 + key_length + stored_length
    inconsistent = find_unfilled_pages(file, pages, page_index, sizes)
    if inconsistent:
        is_damaged = np.isin(pages, inconsistent)[page_index]
        is_complete &= ~(is_damaged & is_repeated(starts, sizes, page_index, file.page_size))
    keep = is_complete & ((flags & (SUB_DATA | DUP_DATA) == SUB_DATA) == databases)
    if not keep.all():
        key_offset, key_length = key_offset[keep], key_length[keep]
        offset, length = offset[keep], length[keep]
        has_overflow, flags = has_overflow[keep], flags[keep]
    errors = np.zeros(len(offset), np.int8)
    if has_overflow.any():
        offset = offset.copy()
        offset[has_overflow], errors[has_overflow] = locate_overflow_values(
            file, offset[has_overflow], length[has_overflow]
        )
    storage = np.where(flags & DUP_DATA > 0, SUB_PAGE + (flags & SUB_DATA > 0), INLINE)
    broken_pages = set(broken.tolist())
    return Nodes(
        key_offset,
        key_length,
        offset,
        length,
        errors,
        storage.astype(np.int8),
        tuple(sorted(broken_pages)),
        tuple(sorted(set(inconsistent) - broken_pages)),
    )


def find_damaged_pages(nodes: Nodes) -> list[LostPage]:
    """Pages that have lost some of their entries."""
    reasons = (
        (nodes.broken_pages, "has entries that extend beyond it"),
        (nodes.inconsistent_pages, "has entries that do not match the space it uses"),
    )
    return [
        LostPage(page, f"page {page:,} {why}", missing=False)
        for pages, why in reasons
        for page in pages
    ]


def find_unfilled_pages(
    file: PageFile, pages: Numbers, page_index: Numbers, sizes: Numbers
) -> list[int]:
    """Those of ``pages`` whose entries take more or less space than the page uses.

    Entry i has ``sizes[i]`` bytes and is on ``pages[page_index[i]]``. LMDB stores entries without
    gaps, each padded to an even number of bytes, from ``upper`` to the end of the page.
    """
    uppers = np.ascontiguousarray(file.pages[pages, 14:16]).view("<u2")[:, 0]
    filled = np.bincount(page_index, weights=sizes + sizes % 2, minlength=len(pages))
    unfilled: list[int] = pages[filled != file.page_size - uppers.astype(np.int64)].tolist()
    return unfilled


def is_repeated(
    starts: Numbers, sizes: Numbers, page_index: Numbers, page_size: int
) -> NDArray[np.bool_]:
    """Whether entries use bytes again that entries before them have used, bool (n,).

    Entry i has ``sizes[i]`` bytes from ``starts[i]`` on. Each is used once, and those of one page
    have at most twice the size of the page: one damaged length does not hide the entries after it.
    """
    repeated = np.ones(len(starts), np.bool_)
    repeated[np.unique(starts, return_index=True)[1]] = False
    total = np.cumsum(np.where(repeated, 0, sizes))
    is_first = np.diff(page_index, prepend=-1) > 0
    before = np.maximum.accumulate(np.where(is_first, total - sizes, 0))
    return repeated | (total - before > 2 * page_size)


class UsedPages:
    """The overflow pages that the values of a tree or shard have used so far."""

    def __init__(self, file: PageFile) -> None:
        self.is_used = np.zeros(len(file.pages), np.bool_)

    def claim_all(self, nodes: Nodes, page_size: int) -> bool:
        """Claim the pages of all values; claim none and return False if one was used before."""
        offsets = (nodes.key_offsets, nodes.offsets, nodes.lengths)
        columns = [np.ascontiguousarray(column, np.int64) for column in offsets]
        claimed: bool = loops.claim_pages(*columns, page_size, self.is_used.view(np.uint8))
        return claimed

    def claim(self, first: Numbers, stop: Numbers) -> NDArray[np.bool_]:
        """Whether no value has used the pages ``first`` <= page < ``stop`` before, bool (n,).

        Of runs that overlap, the one that begins first counts, then the one of the lowest row.
        """
        order = np.argsort(first, kind="stable")
        reach = np.maximum.accumulate(stop[order])
        is_unused = np.ones(len(first), np.bool_)
        is_unused[order[1:]] = first[order[1:]] >= reach[:-1]
        is_unused &= ~self.is_used[first]
        rows = np.flatnonzero(is_unused)
        counts = (stop - first)[rows]
        # These runs do not overlap, so together they are no longer than the file.
        owners = np.repeat(rows, counts)
        pages = (
            first[owners] + np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        )
        is_unused[owners[self.is_used[pages]]] = False
        self.is_used[pages[is_unused[owners]]] = True
        return is_unused


def locate_overflow_values(
    file: PageFile, pointers: Numbers, lengths: Numbers
) -> tuple[Numbers, NDArray[np.int8]]:
    """Offsets of values on overflow pages, and their errors.

    ``pointers``: the offsets of the overflow pages' numbers; ``lengths``: of the values.
    """
    numbers = gather(file.data, pointers, 8).view("<i8")[:, 0]
    needed = (lengths + 16 + file.page_size - 1) // file.page_size
    errors = np.zeros(len(numbers), np.int8)
    inside = (numbers >= 0) & (numbers <= len(file.pages) - needed)
    errors[~inside] = BEYOND_END
    first = np.where(inside, numbers, 0)
    heads = gather(file.data, first * file.page_size, 16)
    flags = heads[:, 10:12].copy().view("<u2")[:, 0]
    pages = heads[:, 12:16].copy().view("<u4")[:, 0]
    has_own_number = heads[:, :8].copy().view("<i8")[:, 0] == first
    is_intact = has_own_number & (flags & OVERFLOW > 0) & (pages >= needed)
    errors[inside & ~is_intact] = OVERWRITTEN
    return first * file.page_size + 16, errors


def gather(data: Octets, starts: Numbers, width: int) -> Octets:
    """Copy the ``width`` bytes at each of ``starts``: (n, width), C-contiguous."""
    out = np.empty((len(starts), width), np.uint8)
    loops.gather(data, np.ascontiguousarray(starts), width, out)
    return out
