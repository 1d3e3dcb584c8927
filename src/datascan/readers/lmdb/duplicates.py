"""Several values per key, as in databases with ``MDB_DUPSORT``.

A few values are on a sub-page inside their entry; more are the keys of a B-tree of their own. If
all values have one length (``MDB_DUPFIXED``), their pages are plain arrays.

Source: LMDB 0.9, mdb.c: mdb_cursor_put, mdb_xcursor_init1, LEAF2KEY.
"""

from __future__ import annotations

import numpy as np

from datascan.readers.lmdb.nodes import (
    INLINE,
    LOST_VALUES,
    SUB_PAGE,
    Nodes,
    Numbers,
    find_damaged_pages,
    read_leaf_nodes,
)
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

Slices = tuple[Numbers, Numbers]
"""Offsets and lengths, int64 (n,) each."""

NO_NUMBERS = np.empty(0, np.int64)


class SubTrees:
    """Reads the values of the keys of one tree, in order. Unusable pages are added to ``lost``.

    ``visited``: pages that have been used already; all that are read are added.
    """

    def __init__(self, file: PageFile, tree: Tree, visited: set[int] | None = None) -> None:
        self.file = file
        self.tree = tree
        self.lost: list[LostPage] = []
        # A page belongs to one key, so no value is read twice even if pages are linked wrongly.
        self.visited: set[int] = set() if visited is None else visited

    def expand(self, nodes: Nodes) -> Nodes:
        """Repeat entries with several values once for each value."""
        has_several = (nodes.storage != INLINE) & (nodes.errors == 0)
        rows = np.flatnonzero(has_several)
        if not len(rows):
            return nodes
        counts = np.ones(len(nodes.storage), np.int64)
        values: list[Slices] = []
        errors = nodes.errors.copy()
        for row in rows.tolist():
            slices = self._locate_values(nodes, row)
            if slices is None:
                # Keep one unreadable record for all values that the key may have had.
                errors[row] = LOST_VALUES
                slices = nodes.offsets[row : row + 1], nodes.lengths[row : row + 1]
            values.append(slices)
            counts[row] = len(slices[0])
        owners = np.repeat(np.arange(len(counts)), counts)
        offsets, lengths = nodes.offsets[owners], nodes.lengths[owners]
        offsets[has_several[owners]] = np.concatenate([offsets for offsets, _ in values])
        lengths[has_several[owners]] = np.concatenate([lengths for _, lengths in values])
        return Nodes(
            nodes.key_offsets[owners],
            nodes.key_lengths[owners],
            offsets,
            lengths,
            errors[owners],
            np.full(len(owners), INLINE, np.int8),
        )

    def _locate_values(self, nodes: Nodes, row: int) -> Slices | None:
        if nodes.storage[row] == SUB_PAGE:
            return locate_sub_page(self.file, int(nodes.offsets[row]), int(nodes.lengths[row]))
        if nodes.lengths[row] != DATABASE.size:
            return None
        found = [self._locate_on_leaf(page) for page in self.find_leaves(nodes, row)]
        if not found:
            return NO_NUMBERS, NO_NUMBERS
        offsets, lengths = zip(*found, strict=True)
        return np.concatenate(offsets), np.concatenate(lengths)

    def find_leaves(self, nodes: Nodes, row: int) -> list[int]:
        """The usable leaf pages of the tree of values of ``row`` that no other key uses."""
        start = int(nodes.offsets[row])
        inner = Tree.parse(self.file.data[start : start + DATABASE.size].tobytes())
        tree = self.tree.value_tree(inner)
        traversal = TreeTraversal(self.file, tree, shared=self.visited)
        usable = []
        for leaf in traversal.leaves():
            lost = value_leaf_error(self.file, leaf.page)
            if lost is None:
                usable.append(leaf.page)
            else:
                self.lost.append(lost)
        self.lost += traversal.lost
        return usable

    def _locate_on_leaf(self, page: int) -> Slices:
        """Offsets and lengths of the values on a usable leaf page."""
        start = page * self.file.page_size
        _, pad, flags, lower, _ = HEADER.unpack_from(self.file.pages[page].data)
        if flags & LEAF2:
            return locate_array(start, (lower - 16) // 2, pad)
        nodes = read_leaf_nodes(self.file, np.array([page]))
        self.lost += find_damaged_pages(nodes)
        return nodes.key_offsets, nodes.key_lengths


def locate_sub_page(file: PageFile, start: int, length: int) -> Slices | None:
    """Offsets and lengths of the values on a sub-page of ``length`` bytes; None if damaged."""
    if length < HEADER.size:
        return None
    page = file.data[start : start + length]
    _, pad, flags, lower, upper = HEADER.unpack_from(page.data)
    if not flags & SUB or not lower > 16 or lower % 2:
        return None
    if flags & LEAF2:
        count = (lower - 16) // 2
        is_inside = pad > 0 and 16 + count * pad <= length
        return locate_array(start, count, pad) if is_inside else None
    if not lower <= upper <= length or not is_filled(page, lower, upper):
        return None
    pointers = page[16:lower].view("<u2").astype(np.int64)
    lengths = page[pointers + 6].astype(np.int64) | page[pointers + 7].astype(np.int64) << 8
    return start + pointers + 8, lengths


def locate_array(start: int, count: int, width: int) -> Slices:
    """Offsets and lengths of ``count`` values of one width on the page that starts at ``start``."""
    return start + 16 + width * np.arange(count), np.full(count, width, np.int64)


def value_leaf_error(file: PageFile, number: int) -> LostPage | None:
    """Why page ``number`` cannot be used as a leaf of values; None if it can."""
    lost = page_error(file, number, LEAF | LEAF2)
    header = file.header(number)
    if header is None or not header[0] & LEAF2:
        return lost
    _, pad, _, lower, upper = HEADER.unpack_from(file.pages[number].data)
    count = (lower - 16) // 2
    # LMDB lowers ``upper`` by the size of a value less two bytes, and raises ``lower`` by two.
    is_consistent = (upper + count * (pad - 2)) & 0xFFFF == file.page_size & 0xFFFF
    is_inside = pad > 0 and lower >= 16 and lower % 2 == 0 and 16 + count * pad <= file.page_size
    if is_inside and is_consistent:
        return None
    return LostPage(number, f"page {number:,} has a damaged header", missing=False)
