"""An LMDB data file as pages: meta pages, page headers, and checks of single pages.

Source: LMDB 0.9, mdb.c: MDB_page, MDB_meta, MDB_db, MDB_node; in the 64-bit little-endian layout
of every LMDB written on x86-64 or ARM64.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from datascan.errors import DatasetError
from datascan.files import open_regular
from datascan.memory import map_file
from datascan.records.block import Fault

MAGIC = 0xBEEFC0DE
VERSION = 1
NO_PAGE = 0xFFFF_FFFF_FFFF_FFFF
FOREIGN_LAYOUTS: Mapping[tuple[Literal["big", "little"], int], int] = {
    ("big", 64): 16,
    ("big", 32): 12,
    ("little", 32): 12,
}
"""The offset of the magic number by byte order and bits of the processor, other than our own."""

MAX_VERSION = 1 << 16
COPY = "copy it with mdb_dump and mdb_load"
DUMP = "dump it with mdb_dump"
PAGE_SIZES = (4096, 16384, 65536, 8192, 32768, 2048, 1024, 512)

BRANCH, LEAF, OVERFLOW, META, LEAF2, SUB = 0x01, 0x02, 0x04, 0x08, 0x20, 0x40
"""Page flags."""

BIG_DATA, SUB_DATA, DUP_DATA = 0x01, 0x02, 0x04
"""Node flags: the value is on overflow pages; it is a database; it is several values."""

REVERSE_KEY, DUP_SORT, INTEGER_KEY, INTEGER_DUP, REVERSE_DUP = 0x02, 0x04, 0x08, 0x20, 0x40
"""Database flags: keys compare from their ends; they have several values; they are integers;
values are integers; values compare from their ends."""

HEADER = struct.Struct("<QHHHH")
"""A page's number, padding, flags, ``lower`` (end of pointers), ``upper`` (end of free space)."""

DATABASE = struct.Struct("<IHHQQQQQ")
META_HEAD = struct.Struct("<IIQQ")
META_TAIL = struct.Struct("<QQ")
META_BYTES = 16 + META_HEAD.size + 2 * DATABASE.size + META_TAIL.size


class Tree(Struct, frozen=True):
    """The root of a B-tree, and the counts that the store keeps of it."""

    flags: int
    depth: int
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    entries: int
    root: int

    @classmethod
    def parse(cls, record: bytes) -> Tree:
        """Parse an MDB_db record of 48 bytes."""
        _, flags, depth, branch, leaf, overflow, entries, root = DATABASE.unpack(record)
        return cls(flags, depth, branch, leaf, overflow, entries, root)

    @property
    def is_plain(self) -> bool:
        """Whether keys are in byte order and have one value each: no flag but MDB_VALID."""
        return self.flags & 0x7FFF == 0

    @property
    def has_duplicates(self) -> bool:
        """Whether a key may have several values."""
        return self.flags & DUP_SORT > 0

    @property
    def is_backward(self) -> bool:
        """Whether keys compare from their last byte, as little-endian integers do."""
        return self.flags & (REVERSE_KEY | INTEGER_KEY) > 0

    def comparable(self, key: bytes) -> bytes:
        """The key in a form in which the tree's order is byte order."""
        return key[::-1] if self.is_backward else key

    def value_tree(self, inner: Tree) -> Tree:
        """The tree ``inner`` of the values of one key, with the key order of this tree's values."""
        backward = self.flags & (INTEGER_DUP | REVERSE_DUP) > 0
        return replace(inner, flags=REVERSE_KEY if backward else 0)

    @property
    def pages(self) -> int:
        """The number of pages of the tree."""
        return self.branch_pages + self.leaf_pages + self.overflow_pages


class Meta(Struct, frozen=True):
    """One of the two meta pages: a snapshot of the environment."""

    page_size: int
    free: Tree
    main: Tree
    last_page: int
    transaction: int


class PageFile:
    """A data file, mapped read-only at its exact size.

    Attributes:
        data: all bytes, uint8 (size,).
        pages: all complete pages, uint8 (pages, page_size).
        meta: the meta page of ``transaction``, or else the newer of the two; None if one is
            damaged, because the other may be the older one, some of whose pages may have been
            reused.
        surviving_meta: the newer meta page that is not damaged, if there is one.
        lost_metas: numbers of the damaged meta pages; LMDB itself refuses such a file.

    Raises:
        DatasetError: if the file cannot be opened, has another format version, or was written on a
            machine with other numbers.
    """

    def __init__(self, path: Path, transaction: int | None = None) -> None:
        self.path = path
        self._transaction = transaction
        self._open()
        if self.is_truncated:
            # A writer may have extended the file after its size and before its meta page was read.
            self._open()

    def _open(self) -> None:
        self._mapped: mmap.mmap | None = None
        path = self.path
        try:
            with open_regular(path) as file:
                self.size = os.fstat(file.fileno()).st_size
                if self.size:
                    self._mapped = map_file(file.fileno(), self.size)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it changed while it was being opened"
            raise DatasetError(f"cannot read {path}: {why}") from error
        self.data: NDArray[np.uint8] = np.frombuffer(self._mapped or b"", np.uint8)
        self.versions: list[int] = []
        self.surviving_meta, self.lost_metas = self._find_metas()
        if self.surviving_meta is None and self.versions:
            version = self.versions[0]
            raise DatasetError(
                f"{path}: LMDB format version {version} is not supported, only version {VERSION}; "
                f"{COPY} of the release that wrote it"
            )
        if self.surviving_meta is None and (layout := find_foreign_layout(self._head())):
            raise DatasetError(
                f"{path} is the LMDB of a {layout} machine, which only such a machine can read; "
                f"{DUMP} there, and load it here with mdb_load"
            )
        self.meta = None if self.lost_metas else self.surviving_meta
        meta_page_size = self.surviving_meta.page_size if self.surviving_meta else 0
        self.page_size = meta_page_size or self._guess_page_size()
        count = self.size // self.page_size
        self.pages = self.data[: count * self.page_size].reshape(count, self.page_size)

    def shrink(self) -> int:
        """Drop pages that the file has lost since it was opened; return its size in bytes.

        Call it before pages are accessed, because access beyond the file's end raises SIGBUS.
        """
        size = self._mapped.size() if self._mapped else 0
        if size < self.size:
            self.size = size
            self.pages = self.pages[: size // self.page_size]
        return self.size

    @property
    def is_truncated(self) -> bool:
        """Whether the file is shorter than its pages need."""
        return self.meta is not None and self.size < self.declared_bytes

    @property
    def declared_bytes(self) -> int:
        """The size in bytes of all pages that the meta page counts; 0 without a meta page."""
        return (self.meta.last_page + 1) * self.page_size if self.meta else 0

    def header(self, number: int) -> tuple[int, int, int] | None:
        """Flags, lower and upper of a page; None if it is missing or has another number."""
        if not 0 <= number < len(self.pages):
            return None
        own_number, _, flags, lower, upper = HEADER.unpack_from(self.pages[number].data)
        return (flags, lower, upper) if own_number == number else None

    def _find_metas(self) -> tuple[Meta | None, tuple[int, ...]]:
        """The newer intact meta page, and the numbers of those that are damaged."""
        first = self._read_meta(0)
        sizes = (first.page_size,) if first else PAGE_SIZES
        second = next((meta for size in sizes if (meta := self._read_meta(size))), None)
        metas = (first, second)
        lost = tuple(i for i, meta in enumerate(metas) if meta is None)
        valid = [meta for meta in metas if meta]
        if not lost:
            valid = [meta for meta in valid if meta.transaction == self._transaction] or valid
        return max(valid, key=lambda meta: meta.transaction, default=None), lost

    def _head(self) -> bytes:
        """The bytes that may hold the beginnings of both meta pages."""
        return self.data[: max(PAGE_SIZES) + META_BYTES].tobytes()

    def _read_meta(self, offset: int) -> Meta | None:
        if offset + META_BYTES > self.size:
            return None
        page = self.data[offset : offset + META_BYTES].tobytes()
        magic, version, _, _ = META_HEAD.unpack_from(page, 16)
        if magic != MAGIC:
            return None
        if version & 0xFFFF != VERSION:
            self.versions.append(version)
            return None
        free_start = 16 + META_HEAD.size
        main_start = free_start + DATABASE.size
        # MDB_meta keeps the page size in the padding of the free list's record.
        (page_size,) = struct.unpack_from("<I", page, free_start)
        if page_size not in PAGE_SIZES:
            return None
        free, main = (Tree.parse(page[i : i + DATABASE.size]) for i in (free_start, main_start))
        last_page, transaction = META_TAIL.unpack_from(page, main_start + DATABASE.size)
        return Meta(page_size, free, main, last_page, transaction)

    def _guess_page_size(self) -> int:
        """The page size with which most of the first pages have their own numbers."""

        def count_own_numbers(size: int) -> int:
            count = min(64, self.size // size)
            heads = [self.data[i * size : i * size + 8] for i in range(count)]
            return sum(
                int.from_bytes(head.tobytes(), "little") == i for i, head in enumerate(heads)
            )

        return max(PAGE_SIZES, key=count_own_numbers)


def has_magic(path: Path) -> bool:
    """Whether a file starts like an LMDB data file, of any machine; never raises."""
    try:
        with open_regular(path) as file:
            head = file.read(PAGE_SIZES[0] * 2)
    except OSError:
        return False
    magic = MAGIC.to_bytes(4, "little")
    is_own = any(head[start + 16 : start + 20] == magic for start in (0, *PAGE_SIZES))
    return is_own or find_foreign_layout(head) is not None


def find_foreign_layout(head: bytes) -> str | None:
    """The machine that wrote a file that starts with ``head``: "big-endian 64-bit"; None if own.

    LMDB writes numbers and pointers as the processor has them: a page begins with its number, of 8
    or 4 bytes, and 8 bytes more, and in a meta page, the magic number is next.
    """
    for start in (0, *PAGE_SIZES):
        for (order, bits), offset in FOREIGN_LAYOUTS.items():
            number = head[start + offset : start + offset + 8]
            magic, version = number[:4], number[4:]
            if magic == MAGIC.to_bytes(4, order) and int.from_bytes(version, order) < MAX_VERSION:
                return f"{order}-endian {bits}-bit"
    return None


class LostPage(Struct, frozen=True):
    """A page of a tree that cannot be used, why, and whether it is beyond the end of the file."""

    page: int
    why: str
    missing: bool

    @property
    def fault(self) -> Fault:
        """The fault to report; it names no record."""
        return Fault(None, "truncated-store" if self.missing else "damaged-store", self.why)


def page_error(file: PageFile, number: int, page_type: int) -> LostPage | None:
    """Why page ``number`` cannot be used; None if it can.

    ``page_type``: the page flags of which it must have at least one.
    """
    if number >= len(file.pages):
        return LostPage(number, f"page {number:,} is beyond the end of the file", missing=True)
    header = file.header(number)
    if header is None:
        return LostPage(number, f"page {number:,} is overwritten", missing=False)
    flags, lower, upper = header
    if not flags & page_type:
        return LostPage(number, f"page {number:,} has the wrong type", missing=False)
    if page_type != OVERFLOW and not (16 <= lower <= upper <= file.page_size and lower % 2 == 0):
        return LostPage(number, f"page {number:,} has a damaged header", missing=False)
    if page_type == BRANCH and not is_filled(file.pages[number], lower, upper):
        return LostPage(number, f"page {number:,} has damaged entries", missing=False)
    return None


def is_filled(page: NDArray[np.uint8], lower: int, upper: int) -> bool:
    """Whether nodes without values fill a page from ``upper`` to its end without gaps.

    Branch nodes have no values, nor have nodes whose keys are the values of one key. Each takes
    eight bytes plus its key, padded to an even number of bytes. Any other size means that a
    damaged header or pointer hides nodes or invents some.
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
