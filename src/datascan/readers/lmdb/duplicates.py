"""Several values of one key, as databases with ``MDB_DUPSORT`` keep them.

A few lie on a small page inside their entry, more in a B-tree of their own whose keys they are.
Where all have one length, their pages hold nothing but them, side by side.

Source: LMDB 0.9, mdb.c: mdb_cursor_put, mdb_xcursor_init1, LEAF2KEY.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datascan.readers.lmdb.nodes import Nodes, Numbers, leaf_nodes, torn_pages
from datascan.readers.lmdb.pages import (
    DATABASE,
    HEADER,
    LEAF,
    LEAF2,
    SUB,
    LostPage,
    PageFile,
    Tree,
    is_filled,
    page_error,
)
from datascan.readers.lmdb.traversal import TreeTraversal

NOTHING = np.empty(0, np.int64)


class SubTrees:
    """The values of the keys of one tree, met in order. What cannot be used is in ``lost``."""

    def __init__(self, file: PageFile, tree: Tree) -> None:
        self.file = file
        self.tree = tree
        self.lost: list[LostPage] = []
        # A page holds values of one key: so nothing is read twice, however pages are linked.
        self.seen: NDArray[np.bool_] = np.zeros(len(file.pages), np.bool_)

    def expanded(self, nodes: Nodes) -> Nodes:
        """The entries, those with several values once for each of them."""
        several = (nodes.many > 0) & (nodes.bad == 0)
        rows = np.flatnonzero(several)
        if not len(rows):
            return nodes
        counts = np.ones(len(nodes.many), np.int64)
        held: list[tuple[Numbers, Numbers]] = []
        bad = nodes.bad.copy()
        for row in rows.tolist():
            values = self._values_of(nodes, row)
            if values is None:
                # One record stands for all that the key may have had.
                bad[row] = 3
                values = nodes.offsets[row : row + 1], nodes.lengths[row : row + 1]
            held.append(values)
            counts[row] = len(values[0])
        owners = np.repeat(np.arange(len(counts)), counts)
        offsets, lengths = nodes.offsets[owners], nodes.lengths[owners]
        offsets[several[owners]] = np.concatenate([offsets for offsets, _ in held])
        lengths[several[owners]] = np.concatenate([lengths for _, lengths in held])
        return Nodes(
            nodes.key_offsets[owners],
            nodes.key_lengths[owners],
            offsets,
            lengths,
            bad[owners],
            np.zeros(len(owners), np.int8),
        )

    def _values_of(self, nodes: Nodes, row: int) -> tuple[Numbers, Numbers] | None:
        if nodes.many[row] == 1:
            return values_inside(self.file, int(nodes.offsets[row]), int(nodes.lengths[row]))
        if nodes.lengths[row] != DATABASE.size:
            return None
        found = [self._values_on(page) for page in self.pages_of(nodes, row)]
        if not found:
            return NOTHING, NOTHING
        offsets, lengths = zip(*found, strict=True)
        return np.concatenate(offsets), np.concatenate(lengths)

    def pages_of(self, nodes: Nodes, row: int) -> list[int]:
        """The leaf pages of a tree of values, those that are usable and met for the first time."""
        at = int(nodes.offsets[row])
        inner = Tree.of(self.file.data[at : at + DATABASE.size].tobytes())
        down = TreeTraversal(self.file, self.tree.of_values(inner))
        usable = []
        for leaf in down.leaves():
            lost = leaf_error(self.file, leaf.page)
            if lost is None and self.seen[leaf.page]:
                why = f"page {leaf.page:,} holds values of more than one place"
                lost = LostPage(leaf.page, why, missing=False)
            if lost is None:
                self.seen[leaf.page] = True
                usable.append(leaf.page)
            else:
                self.lost.append(lost)
        self.lost += down.lost
        return usable

    def _values_on(self, page: int) -> tuple[Numbers, Numbers]:
        """Where the values on a usable leaf page lie."""
        start = page * self.file.page_size
        _, pad, flags, lower, _ = HEADER.unpack_from(self.file.pages[page].data)
        if flags & LEAF2:
            return concatenate_values(start, (lower - 16) // 2, pad)
        nodes = leaf_nodes(self.file, np.array([page]))
        self.lost += torn_pages(nodes)
        return nodes.key_offsets, nodes.key_lengths


def values_inside(file: PageFile, at: int, length: int) -> tuple[Numbers, Numbers] | None:
    """Offsets and lengths of values on a page of ``length`` bytes inside an entry; None if torn."""
    if length < HEADER.size:
        return None
    page = file.data[at : at + length]
    _, pad, flags, lower, upper = HEADER.unpack_from(page.data)
    if not flags & SUB or not lower > 16 or lower % 2:
        return None
    if flags & LEAF2:
        count = (lower - 16) // 2
        return (
            concatenate_values(at, count, pad) if pad > 0 and 16 + count * pad <= length else None
        )
    if not lower <= upper <= length or not is_filled(page, lower, upper):
        return None
    pointers = page[16:lower].view("<u2").astype(np.int64)
    lengths = page[pointers + 6].astype(np.int64) | page[pointers + 7].astype(np.int64) << 8
    return at + pointers + 8, lengths


def concatenate_values(start: int, count: int, width: int) -> tuple[Numbers, Numbers]:
    """Offsets and lengths of the values of a page that begins at ``start`` and holds only them."""
    return start + 16 + width * np.arange(count), np.full(count, width, np.int64)


def leaf_error(file: PageFile, number: int) -> LostPage | None:
    """Why page ``number`` cannot be used as a leaf of values; None if it can."""
    lost = page_error(file, number, LEAF | LEAF2)
    header = file.header(number)
    if header is None or not header[0] & LEAF2:
        return lost
    _, pad, _, lower, upper = HEADER.unpack_from(file.pages[number].data)
    count = (lower - 16) // 2
    # As LMDB counts: a value takes its own bytes, two of which it books below ``upper``.
    booked = (upper + count * (pad - 2)) & 0xFFFF == file.page_size & 0xFFFF
    fits = pad > 0 and lower >= 16 and lower % 2 == 0 and 16 + count * pad <= file.page_size
    if fits and booked:
        return None
    return LostPage(number, f"page {number:,} has a damaged header", missing=False)
