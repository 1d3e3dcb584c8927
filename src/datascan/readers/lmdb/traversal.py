"""Traversal of a B-tree from its root to its leaf pages, past lost branch pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from datascan.readers.lmdb.pages import BRANCH, NO_PAGE, LostPage, PageFile, Tree, page_error

MAX_DEPTH = 64

Span = tuple[bytes | None, bytes | None]
"""A range of keys, first <= key < stop; None means no bound."""


@dataclass(frozen=True, slots=True)
class Child:
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


class TreeTraversal:
    """Finds the leaf pages of one tree. Lost branch pages are added to ``lost``.

    ``find_orphans`` returns leaf pages, by first key, that the tree does not lead to. They replace
    the pages below a lost branch page.
    """

    def __init__(
        self, file: PageFile, tree: Tree, find_orphans: Callable[[], list[Child]] = list
    ) -> None:
        self.file = file
        self.tree = tree
        self.find_orphans = find_orphans
        self.lost: list[LostPage] = []

    def leaves(self, first: bytes | None = None, stop: bytes | None = None) -> Iterator[Child]:
        """The leaf pages that may hold keys in ``first`` <= key < ``stop``, in order."""
        if self.tree.root == NO_PAGE:
            return
        yield from self._leaves_below(
            Child(self.tree.root, None), (first, stop), self.tree.depth, set()
        )

    def _leaves_below(
        self, parent: Child, span: Span, depth: int, visited: set[int]
    ) -> Iterator[Child]:
        """The leaf pages below ``parent``, or itself; ``visited`` are the branch pages so far."""
        if depth <= 1:
            yield parent
            return
        self.file.shrink()
        lost = page_error(self.file, parent.page, BRANCH)
        if lost is None and depth > MAX_DEPTH:
            lost = LostPage(
                parent.page, f"the tree has more than {MAX_DEPTH} levels", missing=False
            )
        if lost is None and parent.page in visited:
            why = f"page {parent.page:,} occurs more than once in the tree"
            lost = LostPage(parent.page, why, missing=False)
        if lost is not None:
            self.lost.append(lost)
            yield from self._orphans_below(parent, span)
            return
        visited.add(parent.page)
        first, stop = span
        for child in self._read_children(parent):
            too_early = first is not None and child.end is not None and child.end <= first
            too_late = stop is not None and child.key is not None and child.key >= stop
            if not too_early and not too_late:
                yield from self._leaves_below(child, span, depth - 1, visited)

    def _read_children(self, parent: Child) -> list[Child]:
        """The pages below an intact branch page."""
        page = self.file.pages[parent.page]
        lower = int(page[12:14].view("<u2")[0])
        raw = page.tobytes()
        children: list[tuple[int, bytes | None]] = []
        for i, start in enumerate(page[16:lower].view("<u2").tolist()):
            number = int.from_bytes(raw[start : start + 6], "little")
            length = int.from_bytes(raw[start + 6 : start + 8], "little")
            key = self.tree.comparable(raw[start + 8 : start + 8 + length])
            # The first node of a branch page has no key of its own.
            children.append((number, parent.key if i == 0 else key))
        ends = [*(key for _, key in children[1:]), parent.end]
        return [Child(page, key, end) for (page, key), end in zip(children, ends, strict=True)]

    def _orphans_below(self, parent: Child, span: Span) -> Iterator[Child]:
        """Orphaned leaves with keys both in the range of ``parent`` and in ``span``."""
        orphans = self.find_orphans()
        first, stop = span
        for i, orphan in enumerate(orphans):
            key = orphan.key or b""
            next_key = orphans[i + 1].key if i + 1 < len(orphans) else None
            inside = parent.covers(key, key) and (stop is None or key < stop)
            # An orphan that starts before the span may still extend into it.
            reaches = first is None or key >= first or next_key is None or next_key > first
            if inside and reaches:
                yield orphan
