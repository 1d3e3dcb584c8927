"""What makes a page usable: it is there, it is itself, its header and entries fit one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datascan.block import Fault
from datascan.lmdb.pages import BRANCH, OVERFLOW, PageFile


@dataclass(frozen=True, slots=True)
class LostPage:
    """A page of the tree that cannot be used, and why."""

    page: int
    why: str
    missing: bool

    @property
    def fault(self) -> Fault:
        """A fault of no record."""
        return Fault(None, "truncated-store" if self.missing else "damaged-store", self.why)


def trouble(file: PageFile, number: int, kind: int) -> LostPage | None:
    """Why page ``number`` cannot be used as a page of ``kind``; None if it can."""
    if number >= len(file.pages):
        return LostPage(number, f"page {number:,} lies beyond the end of the file", missing=True)
    header = file.header(number)
    if header is None:
        return LostPage(number, f"page {number:,} is overwritten", missing=False)
    flags, lower, upper = header
    if not flags & kind:
        return LostPage(number, f"page {number:,} is of another kind", missing=False)
    if kind != OVERFLOW and not (16 <= lower <= upper <= file.page_size and lower % 2 == 0):
        return LostPage(number, f"page {number:,} has a damaged header", missing=False)
    if kind == BRANCH and not is_filled(file.pages[number], lower, upper):
        return LostPage(number, f"page {number:,} has damaged entries", missing=False)
    return None


def is_filled(page: NDArray[np.uint8], lower: int, upper: int) -> bool:
    """Whether nodes without values fill a page from ``upper`` to its end, as LMDB keeps them.

    Those of a branch are such nodes, and those whose keys are the values of one key. Each takes
    eight bytes and its key, rounded up to an even number. A header or pointer that is not as it
    was written would hide nodes, or show some that are none.
    """
    pointers = page[16:lower].view("<u2").astype(np.int64)
    if not len(pointers) or pointers.min() < upper or pointers.max() > len(page) - 8:
        return False
    lengths = page[pointers + 6].astype(np.int64) | page[pointers + 7].astype(np.int64) << 8
    sizes = 8 + lengths + lengths % 2
    order = np.argsort(pointers, kind="stable")
    ends = (pointers + sizes)[order]
    starts = np.append(pointers[order][1:], len(page))
    return int(pointers.min()) == upper and bool((ends == starts).all())
