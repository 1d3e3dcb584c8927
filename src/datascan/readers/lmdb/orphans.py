"""Leaf pages that no tree leads to any more, because a page above them is lost.

The whole file is swept for pages that are leaves by their own account. Those that a tree still
leads to are known, those on the free list are out of date; the rest hold records that would be
lost otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.readers.lmdb.duplicates import SubTrees
from datascan.readers.lmdb.nodes import leaf_nodes
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

SWEEP_PAGES = 1 << 14


@dataclass(frozen=True, slots=True)
class OrphanedLeaf:
    """A leaf page with its first and last keys and its number of entries."""

    first: bytes
    last: bytes
    entries: int
    page: int


def find_orphaned_leaves(file: PageFile, tree: Tree) -> list[Child]:
    """Leaf pages of ``tree`` that it does not lead to, by first key."""
    free: set[int] = set()
    known: set[int] = set()
    if file.meta is not None:
        known = reachable(file, [file.meta.free, file.meta.main, tree])
        free = free_pages(file, [leaf.page for leaf in TreeReader(file, file.meta.free).leaves()])
    # Without a meta page no free list can be told from an older one: overlaps decide.
    swept = [page for page in sweep(file).tolist() if page not in known and page not in free]
    if tree.has_duplicates:
        values = value_leaves(file, tree, swept)
        swept = [p for p in swept if p not in values and not holds_values_only(file, p)]
    strays = (describe_orphan(file, page, tree) for page in swept if not is_free_list(file, page))
    return [Child(stray.page, stray.first) for stray in newest([s for s in strays if s])]


def sweep(file: PageFile) -> NDArray[np.int64]:
    """Numbers of all pages that say they are a leaf, and that they are themselves."""
    found = [np.empty(0, np.int64)]
    for first in range(0, len(file.pages), SWEEP_PAGES):
        heads = np.ascontiguousarray(file.pages[first : first + SWEEP_PAGES, :16])
        numbers = heads[:, :8].copy().view("<i8")[:, 0]
        flags = heads[:, 10:12].copy().view("<u2")[:, 0]
        own = numbers == np.arange(first, first + len(heads))
        leaf = (flags & (LEAF | LEAF2 | SUB)) == LEAF
        found.append(first + np.flatnonzero(own & leaf))
    return np.concatenate(found)


def reachable(file: PageFile, trees: list[Tree]) -> set[int]:
    """Leaf pages to which one of ``trees``, or a database named in one, still leads."""
    found: set[int] = set()
    for tree in trees:
        if tree.root == NO_PAGE:
            continue
        walk = TreeReader(file, tree)
        found |= own_leaves(file, tree)
        if tree is not trees[0]:
            for named in walk.databases().values():
                if named != trees[-1]:
                    found |= own_leaves(file, named)
    return found


def own_leaves(file: PageFile, tree: Tree) -> set[int]:
    """The leaf pages of a tree, and those of the values of its keys."""
    found = {leaf.page for leaf in TreeReader(file, tree).leaves()}
    return found | value_leaves(file, tree, list(found)) if tree.has_duplicates else found


def value_leaves(file: PageFile, tree: Tree, pages: list[int]) -> set[int]:
    """The leaf pages to which entries on ``pages`` of ``tree`` lead: of the values of a key."""
    values = SubTrees(file, tree)
    found: set[int] = set()
    for page in pages:
        if page_error(file, page, LEAF) is None:
            nodes = leaf_nodes(file, np.array([page]))
            trees = np.flatnonzero((nodes.many == 2) & (nodes.lengths == DATABASE.size))
            for row in trees.tolist():
                found.update(values.pages_of(nodes, row))
    return found


def holds_values_only(file: PageFile, page: int) -> bool:
    """Whether no entry of a leaf has a value: its keys are the values of a key that is lost."""
    usable = page_error(file, page, LEAF) is None
    return usable and not leaf_nodes(file, np.array([page])).lengths.any()


def describe_orphan(file: PageFile, page: int, tree: Tree) -> OrphanedLeaf | None:
    """What lies on a leaf page; None where it holds no record that can be read."""
    if page_error(file, page, LEAF) is not None:
        return None
    keys = leaf_nodes(file, np.array([page])).pairs(file).keys
    if not len(keys):
        return None
    first, last = (tree.comparable(keys[row]) for row in (0, len(keys) - 1))
    return OrphanedLeaf(first, last, len(keys), page)


def is_free_list(file: PageFile, page: int) -> bool:
    """Whether a leaf holds lists of free pages: 8-byte keys, values of a count and that many."""
    if page_error(file, page, LEAF) is not None:
        return False
    pairs = leaf_nodes(file, np.array([page])).pairs(file)
    for row in range(len(pairs)):
        value = pairs.values[row]
        count = int.from_bytes(value[:8], "little")
        if len(pairs.keys[row]) != 8 or len(value) != 8 * (count + 1):
            return False
    return len(pairs) > 0


def free_pages(file: PageFile, leaves: list[int]) -> set[int]:
    """The pages that free lists on these leaf pages name."""
    found: set[int] = set()
    for page in leaves:
        if is_free_list(file, page):
            pairs = leaf_nodes(file, np.array([page])).pairs(file)
            for row in range(len(pairs)):
                found.update(np.frombuffer(pairs.values[row], "<u8")[1:].tolist())
    return found


def newest(strays: list[OrphanedLeaf]) -> list[OrphanedLeaf]:
    """Strays by first key; of those whose keys overlap, the fuller and then the later page.

    LMDB never writes over a page in use, so an older version of a leaf may lie about: a leaf that
    grew has more entries now.
    """
    kept: list[OrphanedLeaf] = []
    for stray in sorted(strays, key=lambda stray: (stray.first, -stray.entries, -stray.page)):
        if kept and stray.first <= kept[-1].last:
            if (stray.entries, stray.page) > (kept[-1].entries, kept[-1].page):
                kept[-1] = stray
        else:
            kept.append(stray)
    return kept
