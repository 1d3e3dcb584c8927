"""The way down a B-tree, from its root to its leaf pages, around branch pages that are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from datascan.readers.lmdb.pages import BRANCH, NO_PAGE, LostPage, PageFile, Tree, page_error

MAX_DEPTH = 64

Span = tuple[bytes | None, bytes | None]
"""Keys from the first up to, not with, the second; None: no bound."""


@dataclass(frozen=True, slots=True)
class Child:
    """A page below a branch page: its keys are in ``key`` <= key < ``end`` (None: no bound).

    Keys are as they compare: see :meth:`datascan.readers.lmdb.pages.Tree.comparable`.
    """

    page: int
    key: bytes | None
    end: bytes | None = None

    def bounds(self, first: bytes, last: bytes) -> bool:
        """Whether keys from ``first`` to ``last`` may stand on this page."""
        above = self.key is None or first >= self.key
        return above and (self.end is None or last < self.end)


class TreeTraversal:
    """Leads to the leaf pages of one tree. Lost branch pages are collected in ``lost`` as met.

    ``strays`` gives leaf pages, by first key, that the tree does not lead to: they stand in the
    place of what lies below a lost branch page.
    """

    def __init__(
        self, file: PageFile, tree: Tree, strays: Callable[[], list[Child]] = list
    ) -> None:
        self.file = file
        self.tree = tree
        self.misplaced_pages = strays
        self.lost: list[LostPage] = []

    def leaves(self, first: bytes | None = None, stop: bytes | None = None) -> Iterator[Child]:
        """The leaf pages that may hold keys in ``first`` <= key < ``stop``, in order."""
        if self.tree.root == NO_PAGE:
            return
        yield from self._below(Child(self.tree.root, None), (first, stop), self.tree.depth, set())

    def _below(self, at: Child, span: Span, depth: int, seen: set[int]) -> Iterator[Child]:
        """The leaf pages below ``at``; ``seen`` are the branch pages that were met so far."""
        if depth <= 1:
            yield at
            return
        self.file.shrink()
        lost = page_error(self.file, at.page, BRANCH)
        if lost is None and depth > MAX_DEPTH:
            lost = LostPage(at.page, "the tree has no end", missing=False)
        if lost is None and at.page in seen:
            why = f"page {at.page:,} stands in the tree more than once"
            lost = LostPage(at.page, why, missing=False)
        if lost is not None:
            self.lost.append(lost)
            yield from self._misplaced_between(at, span)
            return
        seen.add(at.page)
        first, stop = span
        for child in self._children(at):
            too_early = first is not None and child.end is not None and child.end <= first
            too_late = stop is not None and child.key is not None and child.key >= stop
            if not too_early and not too_late:
                yield from self._below(child, span, depth - 1, seen)

    def _children(self, at: Child) -> list[Child]:
        """What lies below a branch page that is sound, between its own two keys."""
        page = self.file.pages[at.page]
        lower = int(page[12:14].view("<u2")[0])
        raw = page.tobytes()
        below: list[tuple[int, bytes | None]] = []
        for i, start in enumerate(page[16:lower].view("<u2").tolist()):
            child = int.from_bytes(raw[start : start + 6], "little")
            length = int.from_bytes(raw[start + 6 : start + 8], "little")
            key = self.tree.comparable(raw[start + 8 : start + 8 + length])
            below.append((child, at.key if i == 0 else key))
        ends = [*(key for _, key in below[1:]), at.end]
        return [Child(page, key, end) for (page, key), end in zip(below, ends, strict=True)]

    def _misplaced_between(self, at: Child, span: Span) -> Iterator[Child]:
        """Strays whose first key lies both below ``at`` and within ``span``."""
        strays = self.misplaced_pages()
        first, stop = span
        for i, stray in enumerate(strays):
            key = stray.key or b""
            following = strays[i + 1].key if i + 1 < len(strays) else None
            inside = at.bounds(key, key) and (stop is None or key < stop)
            # A stray that begins before the range asked for may still reach into it.
            reaches = first is None or key >= first or following is None or following > first
            if inside and reaches:
                yield stray
