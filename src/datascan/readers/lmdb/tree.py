"""The entries of a B-tree of an LMDB file, in key order, many leaf pages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np

from datascan.readers.keyvalue.batch import KeyValueBatch, clip_to_range
from datascan.readers.lmdb.duplicates import SubTrees
from datascan.readers.lmdb.nodes import Numbers, leaf_nodes, torn_pages
from datascan.readers.lmdb.pages import DATABASE, LEAF, LostPage, Tree, page_error
from datascan.readers.lmdb.traversal import Child, TreeTraversal
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn

LEAVES_PER_BATCH = 128
BATCH_BYTES = 1 << 22
BATCH_RECORDS = 4096


class TreeReader(TreeTraversal):
    """One tree of a file, and what stands in it."""

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
            if page_error(self.file, leaf.page, LEAF) is None:
                pairs = leaf_nodes(self.file, np.array([leaf.page]), databases=True).pairs(
                    self.file
                )
                for row in range(len(pairs)):
                    if pairs.values.lengths[row] == DATABASE.size:
                        found[pairs.keys[row]] = Tree.of(pairs.values[row])
        return found

    def pairs(
        self, first: bytes | None = None, stop: bytes | None = None
    ) -> Iterator[KeyValueBatch]:
        """Entries with ``first`` <= key < ``stop``, about four megabytes at a time."""
        leaves = self.leaves(first, stop)
        values = SubTrees(self.file, self.tree) if self.tree.has_duplicates else None
        while group := list(islice(leaves, LEAVES_PER_BATCH)):
            for pairs in self.of_leaves(group, values):
                inside = clip_to_range(pairs, first, stop)
                if len(inside) or inside.faults:
                    yield inside

    def of_leaves(
        self, leaves: list[Child], values: SubTrees | None = None
    ) -> Iterator[KeyValueBatch]:
        """The entries of these leaf pages; a page that cannot be used is a fault of no row."""
        size = self.file.shrink()
        lost = [problem for leaf in leaves if (problem := page_error(self.file, leaf.page, LEAF))]
        gone = {problem.page for problem in lost}
        usable = [leaf for leaf in leaves if leaf.page not in gone]
        nodes = leaf_nodes(self.file, np.array([leaf.page for leaf in usable], np.int64))
        lost += torn_pages(nodes)
        astray = nodes.misplaced(self.file, usable, self.tree)
        if astray:
            nodes = nodes.without(self.file, astray)
            lost += [
                LostPage(p, f"page {p:,} holds keys of another place", missing=False)
                for p in astray
            ]
        if values is not None:
            nodes = values.expanded(nodes)
            lost += values.lost
            values.lost = []
        faults = tuple(problem.fault for problem in lost)
        edges = split_keys(nodes.lengths)
        for start, end in pairwise(edges):
            piece = nodes.take(slice(start, end))
            held = self.file.shrink()
            if held < size:
                piece = piece.within(held)
                faults += is_truncated_since(end - start - len(piece.bad))
            yield piece.pairs(self.file, faults)
            faults = ()
        if faults:
            empty = np.empty(0, np.int64)
            nothing = BytesColumn(self.file.data, empty, empty)
            yield KeyValueBatch(nothing, nothing, faults)


def is_truncated_since(entries: int) -> tuple[Fault, ...]:
    """The fault of a file that lost so many entries between two looks at it; none where none."""
    why = "the file became shorter while it was read"
    return (Fault(None, "truncated-store", why, lost=entries),) if entries else ()


def split_keys(lengths: Numbers) -> list[int]:
    """Where to cut rows so that each piece has about four megabytes and at most 4,096 rows."""
    if not len(lengths):
        return [0]
    total = np.cumsum(lengths)
    edges = [0]
    while edges[-1] < len(lengths):
        start = edges[-1]
        before = int(total[start - 1]) if start else 0
        fitting = int(np.searchsorted(total, before + BATCH_BYTES, side="right"))
        edges.append(min(max(start + 1, fitting), start + BATCH_RECORDS, len(lengths)))
    return edges
