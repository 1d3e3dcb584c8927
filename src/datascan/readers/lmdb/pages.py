"""An LMDB data file as pages: where its trees begin, and what one page says.

Source: LMDB 0.9, mdb.c: MDB_page, MDB_meta, MDB_db, MDB_node; 64-bit little-endian layout, which is
what every LMDB written on x86-64 or ARM64 has.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datascan.errors import DatasetError
from datascan.records.block import Fault

MAGIC = 0xBEEFC0DE
VERSION = 1
NO_PAGE = 0xFFFF_FFFF_FFFF_FFFF
PAGE_SIZES = (4096, 16384, 65536, 8192, 32768, 2048, 1024, 512)

BRANCH, LEAF, OVERFLOW, META, LEAF2, SUB = 0x01, 0x02, 0x04, 0x08, 0x20, 0x40
"""Page flags."""

BIG_DATA, SUB_DATA, DUP_DATA = 0x01, 0x02, 0x04
"""Node flags: the value lies on overflow pages; it is a database; it is several values."""

REVERSE_KEY, DUP_SORT, INTEGER_KEY, INTEGER_DUP, REVERSE_DUP = 0x02, 0x04, 0x08, 0x20, 0x40
"""Database flags: keys compare from their ends, have several values, are numbers; so do values."""

HEADER = struct.Struct("<QHHHH")
"""A page's number, padding, flags, and the ends of its node pointers and of its free space."""

DATABASE = struct.Struct("<IHHQQQQQ")
META_HEAD = struct.Struct("<IIQQ")
META_TAIL = struct.Struct("<QQ")
META_BYTES = 16 + META_HEAD.size + 2 * DATABASE.size + META_TAIL.size


@dataclass(frozen=True, slots=True)
class Tree:
    """The root of a B-tree, and what the store claims of it."""

    flags: int
    depth: int
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    entries: int
    root: int

    @classmethod
    def of(cls, record: bytes) -> Tree:
        """Read an MDB_db record of 48 bytes."""
        _, flags, depth, branch, leaf, overflow, entries, root = DATABASE.unpack(record)
        return cls(flags, depth, branch, leaf, overflow, entries, root)

    @property
    def is_plain(self) -> bool:
        """Whether keys are in byte order and have one value each: no flags but "created"."""
        return self.flags & 0x7FFF == 0

    @property
    def has_duplicates(self) -> bool:
        """Whether a key may have several values."""
        return self.flags & DUP_SORT > 0

    @property
    def is_backward(self) -> bool:
        """Whether keys compare from their last byte on, as little-endian numbers do."""
        return self.flags & (REVERSE_KEY | INTEGER_KEY) > 0

    def comparable(self, key: bytes) -> bytes:
        """The key in such a form that the tree is in the order of bytes."""
        return key[::-1] if self.is_backward else key

    def of_values(self, inner: Tree) -> Tree:
        """The tree ``inner`` of the values of one key, which compare as this tree's values do."""
        backward = self.flags & (INTEGER_DUP | REVERSE_DUP) > 0
        return replace(inner, flags=REVERSE_KEY if backward else 0)

    @property
    def pages(self) -> int:
        """All of the tree's pages."""
        return self.branch_pages + self.leaf_pages + self.overflow_pages


@dataclass(frozen=True, slots=True)
class Meta:
    """One of the two meta pages: a snapshot of the environment."""

    page_size: int
    free: Tree
    main: Tree
    last_page: int
    transaction: int


class PageFile:
    """A data file, mapped read-only for exactly as many bytes as it has.

    Attributes:
        data: all bytes, uint8 (size,).
        pages: the whole pages, uint8 (pages, page_size); the last partial page is left out.
        meta: the newer of the two meta pages, or None where one is destroyed: the other may be the
            older one, of whose pages some are in use for something else by now.
        survivor: the meta page that is left, the newer one of two.
        lost_metas: numbers of the meta pages that are destroyed; LMDB itself refuses such a file.

    Raises:
        DatasetError: where the file cannot be opened or has another format version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mapped: mmap.mmap | None = None
        try:
            with path.open("rb") as file:
                self.size = os.fstat(file.fileno()).st_size
                if self.size:
                    self._mapped = mmap.mmap(file.fileno(), self.size, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it changes while it is read"
            raise DatasetError(f"cannot read {path}: {why}") from error
        self.data: NDArray[np.uint8] = np.frombuffer(self._mapped or b"", np.uint8)
        self.versions: list[int] = []
        self.surviving_meta, self.lost_metas = self._newer_meta()
        if self.surviving_meta is None and self.versions:
            version = self.versions[0]
            raise DatasetError(f"{path}: LMDB format version {version}, only 1 can be read")
        self.meta = None if self.lost_metas else self.surviving_meta
        known = self.surviving_meta.page_size if self.surviving_meta else 0
        self.page_size = known or self._likely_page_size()
        count = self.size // self.page_size
        self.pages = self.data[: count * self.page_size].reshape(count, self.page_size)

    def shrink(self) -> int:
        """Leave out pages that the file has lost since it was opened; the bytes it still has.

        Whoever touches a page that was cut off is killed (SIGBUS): call it before any are.
        """
        size = self._mapped.size() if self._mapped else 0
        if size < self.size:
            self.size = size
            self.pages = self.pages[: size // self.page_size]
        return self.size

    @property
    def is_truncated(self) -> bool:
        """Whether the file ends before its last page does."""
        return self.meta is not None and self.size < self.declared_bytes

    @property
    def declared_bytes(self) -> int:
        """How many bytes the pages take that the meta page knows of."""
        return (self.meta.last_page + 1) * self.page_size if self.meta else 0

    def header(self, number: int) -> tuple[int, int, int] | None:
        """Flags, lower and upper of a page; None where the page is missing or not itself."""
        if not 0 <= number < len(self.pages):
            return None
        own, _, flags, lower, upper = HEADER.unpack_from(self.pages[number].data)
        return (flags, lower, upper) if own == number else None

    def _newer_meta(self) -> tuple[Meta | None, tuple[int, ...]]:
        first = self._meta_at(0)
        sizes = (first.page_size,) if first else PAGE_SIZES
        seconds = (meta for size in sizes if (meta := self._meta_at(size)))
        metas = (first, next((meta for meta in seconds), None))
        lost = tuple(i for i, meta in enumerate(metas) if meta is None)
        valid = [meta for meta in metas if meta]
        return max(valid, key=lambda meta: meta.transaction, default=None), lost

    def _meta_at(self, offset: int) -> Meta | None:
        if offset + META_BYTES > self.size:
            return None
        page = self.data[offset : offset + META_BYTES].tobytes()
        magic, version, _, _ = META_HEAD.unpack_from(page, 16)
        if magic != MAGIC:
            return None
        if version & 0xFFFF != VERSION:
            self.versions.append(version)
            return None
        at = 16 + META_HEAD.size
        (page_size,) = struct.unpack_from("<I", page, at)
        if page_size not in PAGE_SIZES:
            return None
        free, main = (Tree.of(page[i : i + DATABASE.size]) for i in (at, at + DATABASE.size))
        last_page, transaction = META_TAIL.unpack_from(page, at + 2 * DATABASE.size)
        return Meta(page_size, free, main, last_page, transaction)

    def _likely_page_size(self) -> int:
        """The page size at which most of the first pages bear their own numbers."""

        def own_numbers(size: int) -> int:
            count = min(64, self.size // size)
            heads = [self.data[i * size : i * size + 8] for i in range(count)]
            return sum(
                int.from_bytes(head.tobytes(), "little") == i for i, head in enumerate(heads)
            )

        return max(PAGE_SIZES, key=own_numbers)


def has_magic(path: Path) -> bool:
    """Whether a file begins as an LMDB data file does; never raises."""
    try:
        with path.open("rb") as file:
            head = file.read(PAGE_SIZES[0] * 2)
    except OSError:
        return False
    magic = MAGIC.to_bytes(4, "little")
    return any(head[at + 16 : at + 20] == magic for at in (0, *PAGE_SIZES))


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


def page_error(file: PageFile, number: int, kind: int) -> LostPage | None:
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
