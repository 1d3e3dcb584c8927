"""Traversal of a B-tree from its root to its leaf pages, past lost branch pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

import numpy as np
from msgspec import Struct

from datascan.readers.lmdb.pages import (
    BRANCH,
    LEAF,
    NO_PAGE,
    LostPage,
    PageFile,
    Tree,
    page_error,
)

MAX_DEPTH = 64
MAX_LOST = 10_000
"""Lost pages that are listed one by one, for each tree or shard."""

MAX_KEPT = 16
"""Branch pages whose children are kept, because shards and look-ups begin at the root."""

Span = tuple[bytes | None, bytes | None]
"""A range of keys, first <= key < stop; None means no bound."""


class Child(Struct, frozen=True):
    """A page below a branch page, with keys in ``key`` <= k < ``end`` (None means no bound).

    Keys are in the form of :meth:`datascan.readers.lmdb.pages.Tree.comparable`.
    """

    page: int
    key: bytes | None
    end: bytes | None = None

    def covers(self, first: bytes, last: bytes) -> bool:
        """Whether this page may have the keys ``first`` to ``last``."""
        starts_before = self.key is None or first >= self.key
        return starts_before and (self.end is None or last < self.end)


class Branch(Struct, frozen=True):
    """An intact branch page as it was read: its place in the tree, its bytes, and its children."""

    parent: Child
    raw: bytes
    children: list[Child]


class TreeTraversal:
    """Finds the leaf pages of one tree. Lost branch pages are added to ``lost``.

    ``find_orphans`` returns leaf pages, by first key, that the tree does not lead to. They replace
    the pages below a lost branch page. Trees that are given the same set as ``shared`` have no
    page in common: what one of them has visited is lost to the others.
    """

    def __init__(
        self,
        file: PageFile,
        tree: Tree,
        find_orphans: Callable[[], list[Child]] = list,
        shared: set[int] | None = None,
    ) -> None:
        self.file = file
        self.tree = tree
        self.find_orphans = find_orphans
        self.shared = shared
        self.lost: list[LostPage] = []
        self._kept: dict[int, Branch] = {}

    def leaves(self, first: bytes | None = None, stop: bytes | None = None) -> Iterator[Child]:
        """The leaf pages that may hold keys in ``first`` <= key < ``stop``, in order.

        Each page occurs once. Only a leaf that was not in its place is repeated in its place.
        """
        if self.tree.root == NO_PAGE:
            return
        root = Child(self.tree.root, None)
        visited = set() if self.shared is None else self.shared
        yield from self._leaves_below(root, (first, stop), self.tree.depth, visited)

    def _leaves_below(
        self, parent: Child, span: Span, depth: int, visited: set[int]
    ) -> Iterator[Child]:
        """The leaf pages below ``parent``, or itself; ``visited`` are all pages so far."""
        if parent.page in visited:
            self._lose(parent.page, f"page {parent.page:,} is used more than once")
            if depth <= 1 and self.shared is None and self._is_in_place(parent):
                # Ranges of keys are disjoint, so this leaf was out of its range before.
                yield parent
            else:
                yield from self._orphans_below(parent, span, visited)
            return
        visited.add(parent.page)
        if depth <= 1:
            yield parent
            return
        children = self._open_branch(parent, depth)
        if children is None:
            yield from self._orphans_below(parent, span, visited)
            return
        first, stop = span
        for child in children:
            too_early = first is not None and child.end is not None and child.end <= first
            too_late = stop is not None and child.key is not None and child.key >= stop
            if too_early or too_late:
                continue
            if depth == 2 and child.page not in visited:
                visited.add(child.page)
                yield child
            else:
                yield from self._leaves_below(child, span, depth - 1, visited)

    def _open_branch(self, parent: Child, depth: int) -> list[Child] | None:
        """The pages below a branch page; None if it is lost."""
        if depth > MAX_DEPTH:
            self._lose(parent.page, f"the tree has more than {MAX_DEPTH} levels")
            return None
        self.file.shrink()
        kept = self._kept.get(parent.page)
        is_inside = parent.page < len(self.file.pages)
        # A writer may change the page: its bytes are read once, and before they are checked.
        raw = self.file.pages[parent.page].tobytes() if is_inside else b""
        if kept is not None and kept.parent == parent and kept.raw == raw:
            return kept.children
        lost = page_error(self.file, parent.page, BRANCH)
        if lost is not None:
            self._lose(lost.page, lost.why, missing=lost.missing)
            return None
        children = self._read_children(parent, raw)
        if not children:  # a writer has changed the page since it was checked
            self._lose(parent.page, f"page {parent.page:,} has no entries")
            return None
        if not are_ascending(children):
            self._lose(parent.page, f"page {parent.page:,} has keys that do not ascend")
            return None
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[parent.page] = Branch(parent, raw, children)
        return children

    def _is_in_place(self, leaf: Child) -> bool:
        """Whether the first key of a leaf page is in the range of its branch page."""
        if page_error(self.file, leaf.page, LEAF) is not None:
            return False
        raw = self.file.pages[leaf.page].tobytes()
        start = int.from_bytes(raw[16:18], "little")
        length = int.from_bytes(raw[start + 6 : start + 8], "little")
        key = self.tree.comparable(raw[start + 8 : start + 8 + length])
        return leaf.covers(key, key)

    def _lose(self, page: int, why: str, *, missing: bool = False) -> None:
        if len(self.lost) == MAX_LOST:
            page, why, missing = -1, f"more than {MAX_LOST:,} pages of the tree", False
        if len(self.lost) <= MAX_LOST:
            self.lost.append(LostPage(page, why, missing))

    def _read_children(self, parent: Child, raw: bytes) -> list[Child]:
        """The pages below an intact branch page, whose bytes are ``raw``."""
        lower = min(int.from_bytes(raw[12:14], "little"), len(raw))
        pointers = np.frombuffer(raw, "<u2", max(0, lower - 16) // 2, 16)
        children: list[tuple[int, bytes | None]] = []
        for i, start in enumerate(pointers.tolist()):
            number = int.from_bytes(raw[start : start + 6], "little")
            length = int.from_bytes(raw[start + 6 : start + 8], "little")
            key = self.tree.comparable(raw[start + 8 : start + 8 + length])
            # The first node of a branch page has no key of its own.
            children.append((number, parent.key if i == 0 else key))
        ends = [*(key for _, key in children[1:]), parent.end][: len(children)]
        return [Child(page, key, end) for (page, key), end in zip(children, ends, strict=True)]

    def _orphans_below(self, parent: Child, span: Span, visited: set[int]) -> Iterator[Child]:
        """Orphaned leaves with keys both in the range of ``parent`` and in ``span``."""
        orphans = self.find_orphans()
        first, stop = span
        start = bisect_left(orphans, parent.key or b"", key=first_key)
        if first is not None:
            # An orphan that starts before the span may still extend into it.
            start = max(start, bisect_right(orphans, first, key=first_key) - 1)
        bounds = [bound for bound in (parent.end, stop) if bound is not None]
        ends = [bisect_left(orphans, bound, key=first_key) for bound in bounds]
        for orphan in orphans[start : min(ends, default=len(orphans))]:
            if orphan.page not in visited:
                visited.add(orphan.page)
                yield orphan


def first_key(child: Child) -> bytes:
    """The first key of an orphan."""
    return child.key or b""


def are_ascending(children: list[Child]) -> bool:
    """Whether the keys of a branch page ascend, so that no two children share a key.

    The first child has the key of the branch page itself, and the last one its end. A range of
    keys without any would mean a page that cannot have entries.
    """
    return all(
        child.key is None or child.end is None or child.key < child.end for child in children
    )
