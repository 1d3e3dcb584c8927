"""Entries of the leaf pages of an LMDB: what ``leaves.c`` does, in NumPy.

Source: LMDB 0.9, mdb.c: MDB_page, MDB_node, in the 64-bit little-endian layout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datascan.native.fallback import Octets, Offsets, require_apart

LEAF, OVERFLOW = 0x02, 0x04
BIG_DATA, SUB_DATA, DUP_DATA = 0x01, 0x02, 0x04
HEAD, NODE = 16, 8
PAGE_SIZES = [1 << bits for bits in range(9, 17)]


def locate_entries(  # noqa: PLR0913, PLR0917  (a file as pages, and two outputs)
    data: Octets,
    pages: Offsets,
    page_size: int,
    page_count: int,
    columns: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> int:
    """Locate all entries of leaf ``pages``, int64 (n,), in a file of ``page_count`` pages.

    Only intact pages whose entries have one value each are read here. Returns the number of
    entries, or -1 for any other page, or if there are more than m entries; outputs are zeros then.

    ``columns``, int64 (4, m): offsets of keys in ``data``, uint8 (s,), their lengths, and those of
    the values. ``counts``, int64 (n,): the number of entries of each page.

    Raises:
        ValueError: if ``page_size`` is not one of LMDB's, ``data`` is shorter than the pages, or an
            output has another shape or overlaps another array.
    """
    if page_size not in PAGE_SIZES:
        raise ValueError("a page size is not a power of two from 512 to 65536")
    if not 0 <= page_count <= len(data) // page_size:
        raise ValueError("there are fewer pages than that")
    if columns.ndim != 2 or len(columns) != 4 or len(counts) != len(pages):
        raise ValueError("an output has the wrong shape")
    require_apart((data, pages), (columns, counts))
    whole = data[: page_count * page_size].reshape(page_count, page_size)
    found = read_entries(whole, pages, columns.shape[1])
    if found is None:
        columns[:], counts[:] = 0, 0
        return -1
    entries, counts[:] = found
    columns[:, : entries.shape[1]] = entries
    return int(entries.shape[1])


def read_entries(whole: Octets, pages: Offsets, capacity: int) -> tuple[Offsets, Offsets] | None:
    """The columns of the entries, int64 (4, k), and their number by page; None if not intact.

    ``whole``: all pages of the file, uint8 (p, page_size).
    """
    page_count, page_size = whole.shape
    if ((pages < 0) | (pages >= page_count)).any():
        return None
    octets = np.ascontiguousarray(whole[pages, :HEAD])
    numbers, heads = octets.view("<u8")[:, 0], octets.view("<u2").astype(np.int64)
    flags, lower, upper = heads[:, 5], heads[:, 6], heads[:, 7]
    is_intact = (numbers == pages.astype(np.uint64)) & (flags & LEAF > 0) & (lower % 2 == 0)
    is_intact &= (lower >= HEAD) & (lower <= upper) & (upper <= page_size)
    counts = (lower - HEAD) // 2
    if not is_intact.all() or counts.sum() > capacity:
        return None
    most = int(counts.max(initial=0))
    pointers = np.ascontiguousarray(whole[pages, HEAD : HEAD + 2 * most]).view("<u2")
    starts = pointers[np.arange(most) < counts[:, None]].astype(np.int64)
    owners = np.repeat(np.arange(len(pages)), counts)
    entries = read_nodes(whole, pages[owners], starts)
    if entries is None:
        return None
    columns, sizes = entries
    filled = np.bincount(owners, weights=sizes + sizes % 2, minlength=len(pages))
    return (columns, counts) if (filled == page_size - upper).all() else None


def read_nodes(whole: Octets, owners: Offsets, starts: Offsets) -> tuple[Offsets, Offsets] | None:
    """The columns of the entries at ``starts`` of pages, and their sizes; None if not intact."""
    page_count, page_size = whole.shape
    if ((starts < HEAD) | (starts > page_size - NODE)).any():
        return None
    fields = take(whole, owners, starts, NODE).view("<u2").astype(np.int64)
    lengths, flags, key_lengths = fields[:, 0] | fields[:, 1] << 16, fields[:, 2], fields[:, 3]
    ends = starts + NODE + key_lengths
    is_big = flags & BIG_DATA > 0
    stored = np.where(is_big, 8, lengths)
    if (flags & (SUB_DATA | DUP_DATA)).any() or (ends + stored > page_size).any():
        return None
    offsets = owners * page_size + ends
    if is_big.any():
        rows, at = owners[is_big], ends[is_big]
        first = take(whole, rows, at, 8).view("<i8")[:, 0]
        needed = (lengths[is_big] + HEAD + page_size - 1) // page_size
        is_inside = (first > 0) & (first <= page_count - needed) & (first != rows)
        if not (is_inside & (lengths[is_big] > 0)).all():
            return None
        heads = take(whole, first, np.zeros_like(first), HEAD)
        has_own_number = heads.view("<i8")[:, 0] == first
        is_overflow = heads.view("<u2")[:, 5] & OVERFLOW > 0
        if not (has_own_number & is_overflow & (heads.view("<u4")[:, 3] >= needed)).all():
            return None
        offsets[is_big] = first * page_size + HEAD
    key_offsets = owners * page_size + starts + NODE
    return np.stack([key_offsets, key_lengths, offsets, lengths]), NODE + key_lengths + stored


def take(whole: Octets, pages: Offsets, starts: Offsets, size: int) -> Octets:
    """The ``size`` bytes at each of ``starts`` of ``pages``, uint8 (n, size), C-contiguous."""
    return np.ascontiguousarray(whole[pages[:, None], starts[:, None] + np.arange(size)])


def claim_pages(
    key_offsets: Offsets, offsets: Offsets, lengths: Offsets, page_size: int, used: Octets
) -> bool:
    """Mark the pages of values in ``used``, uint8 (p,); return False if one is used already.

    Nothing is marked then. A value begins at its offset after the head of its first page. One of
    length 0, or on the page of its key, takes no page.

    Raises:
        ValueError: if ``page_size`` is not one of LMDB's, an offset or length is negative, a value
            extends beyond the pages, or the arrays differ in length or overlap.
    """
    if page_size not in PAGE_SIZES:
        raise ValueError("a page size is not a power of two from 512 to 65536")
    if not len(key_offsets) == len(offsets) == len(lengths):
        raise ValueError("a column has another length than the keys")
    if any((column < 0).any() for column in (key_offsets, offsets, lengths)):
        raise ValueError("a value is outside of the pages")
    is_apart = (key_offsets // page_size != offsets // page_size) & (lengths > 0)
    first, lengths = offsets[is_apart] // page_size, lengths[is_apart]
    count = len(used)
    if (first > count).any() or (lengths > count * page_size).any():
        raise ValueError("a value is outside of the pages")
    needed = (lengths + HEAD + page_size - 1) // page_size
    if (needed > count - first).any():
        raise ValueError("a value is outside of the pages")
    require_apart((key_offsets, offsets, lengths), (used,))
    pages = np.repeat(first - np.cumsum(needed) + needed, needed) + np.arange(needed.sum())
    if used[pages].any() or len(np.unique(pages)) < len(pages):
        return False
    used[pages] = 1
    return True
