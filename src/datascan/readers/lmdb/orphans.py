"""Leaf pages that no tree leads to any more because a page above them is lost.

All pages of the file that claim to be leaves are collected. Leaves that a tree still leads to and
outdated leaves on the free list are dropped; the rest are records that would be lost otherwise.

Source: LMDB 0.9, mdb.c: mdb_freelist_save for the format of the free list.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.lmdb.duplicates import SubTrees
from datascan.readers.lmdb.nodes import SUB_TREE, UsedPages, read_leaf_nodes
from datascan.readers.lmdb.pages import (
    DATABASE,
    LEAF,
    LEAF2,
    NO_PAGE,
    SUB,
    PageFile,
    Tree,
    page_error,
)
from datascan.readers.lmdb.traversal import Child
from datascan.readers.lmdb.tree import TreeReader

PAGES_PER_STEP = 1 << 14


class OrphanedLeaf(Struct, frozen=True):
    """A leaf page: first and last key in comparable form, number of entries, page number."""

    first: bytes
    last: bytes
    entries: int
    page: int


def find_orphaned_leaves(file: PageFile, tree: Tree) -> list[Child]:
    """Leaf pages of ``tree`` that it does not lead to, by first key."""
    free = np.zeros(len(file.pages), np.bool_)
    reachable: set[int] = set()
    if file.meta is not None:
        reachable = find_reachable_pages(file, [file.meta.free, file.meta.main, tree])
        free_list = TreeReader(file, file.meta.free)
        free = read_free_lists(file, [leaf.page for leaf in free_list.leaves()])
    # Without a meta page the current free list is unknown; drop_outdated resolves overlaps.
    pages = [p for p in find_leaf_pages(file).tolist() if p not in reachable and not free[p]]
    if tree.has_duplicates:
        values = find_value_leaves(file, tree, pages)
        pages = [page for page in pages if page not in values and not is_value_leaf(file, page)]
    leaves = (describe_orphan(file, page, tree) for page in pages if not is_free_list(file, page))
    orphans = drop_outdated([leaf for leaf in leaves if leaf])
    return [Child(leaf.page, leaf.first) for leaf in orphans]


def find_leaf_pages(file: PageFile) -> NDArray[np.int64]:
    """Numbers of all pages whose header has the leaf flag and their own number."""
    found = [np.empty(0, np.int64)]
    for first in range(0, len(file.pages), PAGES_PER_STEP):
        heads = np.ascontiguousarray(file.pages[first : first + PAGES_PER_STEP, :16])
        numbers = heads[:, :8].copy().view("<i8")[:, 0]
        flags = heads[:, 10:12].copy().view("<u2")[:, 0]
        has_own_number = numbers == np.arange(first, first + len(heads))
        is_leaf = (flags & (LEAF | LEAF2 | SUB)) == LEAF
        found.append(first + np.flatnonzero(has_own_number & is_leaf))
    return np.concatenate(found)


def find_reachable_pages(file: PageFile, trees: list[Tree]) -> set[int]:
    """Pages to which one of ``trees``, or a database named in one, still leads.

    Each is visited once, however many databases lead to it.

    The first tree is the free list, which has no named databases. The last one is the tree being
    scanned, so a database of that name is not followed again.
    """
    found: set[int] = set()
    for tree in trees:
        if tree.root == NO_PAGE:
            continue
        visit(file, tree, found)
        if tree is not trees[0]:
            for named in TreeReader(file, tree).read_databases().values():
                if named != trees[-1]:
                    visit(file, named, found)
    return found


def visit(file: PageFile, tree: Tree, visited: set[int]) -> None:
    """Add the pages of a tree, and those of the values of its keys, to ``visited``."""
    leaves = [leaf.page for leaf in TreeReader(file, tree, shared=visited).leaves()]
    if tree.has_duplicates:
        find_value_leaves(file, tree, leaves, visited)


def find_value_leaves(
    file: PageFile, tree: Tree, pages: list[int], visited: set[int] | None = None
) -> set[int]:
    """The leaf pages of the trees of values to which entries on ``pages`` of ``tree`` lead.

    Pages in ``visited`` are passed over, and all others are added to it.
    """
    values = SubTrees(file, tree, visited)
    found: set[int] = set()
    for page in pages:
        if page_error(file, page, LEAF) is None:
            nodes = read_leaf_nodes(file, np.array([page]))
            has_tree = (nodes.storage == SUB_TREE) & (nodes.lengths == DATABASE.size)
            for row in np.flatnonzero(has_tree).tolist():
                found.update(values.find_leaves(nodes, row))
                values.lost.clear()
    return found


def is_value_leaf(file: PageFile, page: int) -> bool:
    """Whether all entries of a leaf are empty: then its keys are the values of a lost key."""
    usable = page_error(file, page, LEAF) is None
    return usable and not read_leaf_nodes(file, np.array([page])).lengths.any()


def describe_orphan(file: PageFile, page: int, tree: Tree) -> OrphanedLeaf | None:
    """The key range and size of a leaf page; None if it has no readable record."""
    if page_error(file, page, LEAF) is not None:
        return None
    keys = read_leaf_nodes(file, np.array([page])).to_batch(file).keys
    if not len(keys):
        return None
    first, last = (tree.comparable(keys[row]) for row in (0, len(keys) - 1))
    return OrphanedLeaf(first, last, len(keys), page)


def is_free_list(file: PageFile, page: int) -> bool:
    """Whether a leaf page is part of a free list.

    Keys are transaction numbers of 8 bytes; values are a count and as many page numbers.
    """
    if page_error(file, page, LEAF) is not None:
        return False
    batch = read_leaf_nodes(file, np.array([page])).to_batch(file)
    for row in range(len(batch)):
        value = batch.values.view(row)
        count = int.from_bytes(value[:8], "little")
        if batch.keys.lengths[row] != 8 or len(value) != 8 * (count + 1):
            return False
    return len(batch) > 0


def read_free_lists(file: PageFile, leaves: list[int]) -> NDArray[np.bool_]:
    """Whether pages are listed as free on these leaf pages, bool (pages,)."""
    is_free = np.zeros(len(file.pages), np.bool_)
    used = UsedPages(file)
    for page in leaves:
        if is_free_list(file, page):
            nodes = read_leaf_nodes(file, np.array([page])).mark_shared_values(file, used)
            batch = nodes.to_batch(file)
            for row in range(len(batch)):
                numbers = np.frombuffer(batch.values.view(row), "<u8")[1:]
                is_free[numbers[numbers < len(is_free)].astype(np.int64)] = True
    return is_free


def drop_outdated(leaves: list[OrphanedLeaf]) -> list[OrphanedLeaf]:
    """Leaves by first key; of leaves with overlapping keys, the one with most entries.

    LMDB copies a page before it changes it, so outdated versions of a leaf may remain in the file.
    A leaf that grew has more entries now; if the counts are equal, the later page is kept.
    """
    kept: list[OrphanedLeaf] = []
    for leaf in sorted(leaves, key=lambda leaf: (leaf.first, -leaf.entries, -leaf.page)):
        if kept and leaf.first <= kept[-1].last:
            if (leaf.entries, leaf.page) > (kept[-1].entries, kept[-1].page):
                kept[-1] = leaf
        else:
            kept.append(leaf)
    return kept
