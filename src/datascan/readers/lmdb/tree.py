"""The entries of an LMDB B-tree in key order, read many leaf pages at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
from msgspec.structs import replace

from datascan.readers.keyvalue.batch import KeyValueBatch, clip_to_range
from datascan.readers.lmdb.duplicates import SubTrees
from datascan.readers.lmdb.nodes import (
    Nodes,
    Numbers,
    UsedPages,
    find_damaged_pages,
    locate_nodes,
    read_leaf_nodes,
)
from datascan.readers.lmdb.pages import DATABASE, LEAF, LostPage, Tree, page_error
from datascan.readers.lmdb.traversal import MAX_LOST, Child, TreeTraversal
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn

LEAVES_PER_BATCH = 512
FIRST_LEAVES = 4
"""Leaf pages that are read at first if only a few entries are needed."""

BATCH_BYTES = 1 << 24
BATCH_RECORDS = 1 << 14


class TreeReader(TreeTraversal):
    """Reads the entries of one tree."""

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None if it does not exist or cannot be read."""
        for batch in self.iter_entries(key, key + b"\0"):
            for row in range(len(batch)):
                is_lost = any(fault.row == row for fault in batch.faults)
                if batch.keys[row] == key and not is_lost:
                    return batch.values[row]
        return None

    def read_databases(
        self, first: bytes | None = None, stop: bytes | None = None
    ) -> dict[bytes, Tree]:
        """The databases of this tree with ``first`` <= name < ``stop``, by name."""
        found = {}
        for leaf in self.leaves(first, stop):
            if page_error(self.file, leaf.page, LEAF) is None:
                nodes = read_leaf_nodes(self.file, np.array([leaf.page]), databases=True)
                batch = nodes.to_batch(self.file)
                for row in range(len(batch)):
                    if batch.values.lengths[row] == DATABASE.size:
                        found[batch.keys[row]] = Tree.parse(batch.values[row])
        return found

    def iter_entries(
        self,
        first: bytes | None = None,
        stop: bytes | None = None,
        *,
        leaves_at_first: int = LEAVES_PER_BATCH,
    ) -> Iterator[KeyValueBatch]:
        """Entries with ``first`` <= key < ``stop``, ``BATCH_BYTES`` at a time.

        The first entries come from ``leaves_at_first`` leaf pages, the next from twice as many, ...
        """
        leaves = self.leaves(first, stop)
        values = SubTrees(self.file, self.tree) if self.tree.has_duplicates else None
        used = UsedPages(self.file)
        places = 0
        count = leaves_at_first
        while group := list(islice(leaves, count)):
            count = min(2 * count, LEAVES_PER_BATCH)
            for batch in self.read_leaves(group, used, values):
                inside = limit_places(clip_to_range(batch, first, stop), places)
                places += sum(fault.row is None for fault in inside.faults)
                if len(inside) or inside.faults:
                    yield inside

    def read_leaves(
        self, leaves: list[Child], used: UsedPages, values: SubTrees | None = None
    ) -> Iterator[KeyValueBatch]:
        """The entries of these leaf pages. Unusable pages are faults that name no row."""
        size = self.file.shrink()
        # A page that occurs twice was out of its place before.
        places = {leaf.page: leaf for leaf in leaves}
        leaves = [leaf for leaf in leaves if places[leaf.page] is leaf]
        nodes = None if values is not None else locate_nodes(self.file, leaves)
        lost: list[LostPage] = []
        if nodes is None or nodes.find_misplaced(self.file, leaves, self.tree):
            nodes, lost = self._read_each(leaves)
        nodes = nodes.mark_shared_values(self.file, used)
        if values is not None:
            nodes = values.expand(nodes)
            lost += values.lost
            values.lost = []
        faults = tuple(page.fault for page in lost)
        for start, end in pairwise(split_rows(nodes.lengths)):
            chunk = nodes.take(slice(start, end))
            current_size = self.file.shrink()
            if current_size < size:
                chunk = chunk.clip_to_size(current_size)
                faults += truncation_faults(end - start - len(chunk.errors))
            yield chunk.to_batch(self.file, faults)
            faults = ()
        if faults:
            empty = np.empty(0, np.int64)
            no_strings = BytesColumn(self.file.data, empty, empty)
            yield KeyValueBatch(no_strings, no_strings, faults)

    def _read_each(self, leaves: list[Child]) -> tuple[Nodes, list[LostPage]]:
        """The entries of leaf pages that may be damaged, and the pages that have lost some."""
        lost = [page for leaf in leaves if (page := page_error(self.file, leaf.page, LEAF))]
        lost_numbers = {page.page for page in lost}
        usable = [leaf for leaf in leaves if leaf.page not in lost_numbers]
        nodes = read_leaf_nodes(self.file, np.array([leaf.page for leaf in usable], np.int64))
        lost += find_damaged_pages(nodes)
        misplaced = nodes.find_misplaced(self.file, usable, self.tree)
        if misplaced:
            nodes = nodes.exclude_pages(self.file, misplaced)
            lost += [
                LostPage(page, f"page {page:,} has keys out of its range", missing=False)
                for page in misplaced
            ]
        return nodes, lost


def limit_places(batch: KeyValueBatch, before: int) -> KeyValueBatch:
    """The batch without faults of places beyond ``MAX_LOST``; ``before`` were listed already."""
    left = MAX_LOST - before
    places = [fault for fault in batch.faults if fault.row is None]
    if len(places) <= left:
        return batch
    kept = places[: max(left, 0)]
    if left >= 0:
        kept.append(Fault(None, "damaged-store", f"more than {MAX_LOST:,} pages"))
    faults = [fault for fault in batch.faults if fault.row is not None]
    return replace(batch, faults=(*kept, *faults))


def truncation_faults(entries: int) -> tuple[Fault, ...]:
    """The fault of a file that lost ``entries`` entries while it was read; empty for 0."""
    why = "the file was truncated while it was being read"
    return (Fault(None, "truncated-store", why, lost=entries),) if entries else ()


def split_rows(lengths: Numbers) -> list[int]:
    """Split rows into runs of about ``BATCH_BYTES`` and at most ``BATCH_RECORDS``; their edges."""
    if not len(lengths):
        return [0]
    total = np.cumsum(lengths)
    edges = [0]
    while edges[-1] < len(lengths):
        start = edges[-1]
        before = int(total[start - 1]) if start else 0
        end = int(np.searchsorted(total, before + BATCH_BYTES, side="right"))
        edges.append(min(max(start + 1, end), start + BATCH_RECORDS, len(lengths)))
    return edges
