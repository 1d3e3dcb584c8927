"""The directories of a TIFF: which variant it is, and where its pixels are.

Source: TIFF 6.0; the BigTIFF design of AWare Systems.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.image.formats.metadata import BYTE_ORDERS, DIRECTORIES

MAX_PAGES = 10_000
MAX_NOTES = 10
TYPES = {1: "u1", 2: "u1", 3: "u2", 4: "u4", 6: "i1", 7: "u1", 8: "i2", 9: "i4", 13: "u4"}
TYPES |= {16: "u8", 17: "i8", 18: "u8"}
"""Integer types of values."""

SIZES = {kind: int(name[1]) for kind, name in TYPES.items()} | {5: 8, 10: 8, 11: 4, 12: 8}
"""Bytes of a value, by type."""

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, SUBSAMPLING = 338, 339, 347, 530
COLOR_MAP, PREDICTOR, WINDOWS_MEDIA = 320, 317, 0xBC01
PIXEL_TAGS = frozenset(
    {
        *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, STRIP_OFFSETS, SAMPLES),
        *(ROWS_PER_STRIP, STRIP_BYTES, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES),
        *(EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES, SUBSAMPLING, COLOR_MAP, PREDICTOR),
    }
)
"""The tags on which the pixels depend."""

RARE_COMPRESSIONS = {
    6: "old-style JPEG",
    32766: "NeXT",
    32771: "CCITT with words",
    32809: "ThunderScan",
    34661: "JBIG",
    34676: "LogLuv",
    34677: "LogLuv of 24 bits",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of a DNG",
    34925: "LZMA",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}
"""Those that every libtiff has."""

SAMPLE_FORMATS = {2: "signed ", 3: "float ", 5: "complex ", 6: "complex float "}
PHOTOMETRIC_NAMES = {0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK"}
PHOTOMETRIC_NAMES |= {6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab", 32803: "raw sensor data"}
YCBCR = 6


class TiffPage(Struct, frozen=True, eq=False):
    """A directory: the integer values of each tag on which pixels depend, int64 or uint64 (n,).

    ``order``: "<" or ">". ``spans``: the bytes of each value, as (start, end). ``is_big``: BigTIFF.
    ``damage``: a tag of any kind whose values lie outside of the file, or a file that ends within
    the directory. ``notes``: what is wrong with tags on which no pixel depends.
    """

    order: str
    is_big: bool
    values: dict[int, NDArray[Any]]
    spans: dict[int, tuple[int, int]]
    damage: str | None
    notes: tuple[str, ...]

    def one(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        values = self.values.get(tag)
        return default if values is None or not len(values) else int(values[0])

    def all(self, tag: int, *default: int) -> tuple[int, ...]:
        """All values of a tag that has few."""
        values = self.values.get(tag)
        return default if values is None else tuple(map(int, values[:64]))

    def describe_variant(self) -> str | None:
        """What is unusual about the page, so that a decoder may lack it; None if nothing is."""
        compression, photometric = self.one(COMPRESSION, 1), self.one(PHOTOMETRIC)
        if compression not in COMPRESSIONS:
            name = RARE_COMPRESSIONS.get(compression)
            return f"compression {compression}" if name is None else f"{name} compression"
        samples = self.describe_samples()
        if photometric == YCBCR and compression != 7:
            return f"YCbCr without JPEG, {samples}"
        if not self.is_known_mode():
            return f"{samples}, {PHOTOMETRIC_NAMES.get(photometric, f'photometric {photometric}')}"
        if TILE_WIDTH in self.values and TILE_OFFSETS not in self.values:
            return "tiles in the place of strips"
        is_odd = self.one(PLANAR, 1) == 2 or self.one(FILL_ORDER, 1) == 2
        return f"{samples}, in separate planes or with reversed bits" if is_odd else None

    def describe_samples(self) -> str:
        """The samples in words: "12 bits per sample", "3 x 64 bits per sample, float"."""
        bits, count = self.all(BITS, 1), self.one(SAMPLES, 1)
        kind = SAMPLE_FORMATS.get(self.one(SAMPLE_FORMAT, 1), "")
        each = "/".join(map(str, bits)) if len(set(bits)) > 1 else str(bits[0] if bits else 1)
        text = f"{each} bits per {kind}sample"
        return f"{count} x {text}" if count > 1 else text

    def is_known_mode(self) -> bool:
        """Whether Pillow has a mode for the samples; as its TiffImagePlugin decides it."""
        from PIL.TiffImagePlugin import OPEN_INFO  # noqa: PLC0415  (only TIFFs need it)

        formats, extra = self.all(SAMPLE_FORMAT, 1), self.all(EXTRA_SAMPLES)
        bits, count = self.all(BITS, 1), self.one(SAMPLES, 1)
        if len(set(formats)) == 1:
            formats = formats[:1]
        if self.one(PLANAR, 1) == 2 and extra and not any(extra):
            bits, count, extra = bits[: -len(extra)], count - len(extra), ()
        bits = bits * count if len(bits) == 1 and 0 < count <= 64 else bits[:count]
        prefix = b"II" if self.order == "<" else b"MM"
        key = (prefix, self.one(PHOTOMETRIC), formats, self.one(FILL_ORDER, 1), bits, extra)
        return key in OPEN_INFO


def read_pages(data: bytes) -> Iterator[TiffPage]:
    """The directories in their order, each once, up to one that cannot be read.

    The values of all of them take at most four times the file: pages may share them.
    """
    left = 4 * len(data) + (1 << 20)
    for order, is_big, entries, is_cut in islice(iter_directories(data), MAX_PAGES):
        values: dict[int, NDArray[Any]] = {}
        spans: dict[int, tuple[int, int]] = {}
        damage = "the file ends within a directory" if is_cut else None
        for tag, kind, start, end in entries:
            if end > len(data):
                damage = damage or f"the value of tag {tag} is beyond the end of the file"
                continue
            if tag not in PIXEL_TAGS or kind not in TYPES or tag in spans:
                continue
            left -= end - start
            if left < 0:
                return
            spans[tag] = start, end
            dtype = np.dtype(order + TYPES[kind])
            values[tag] = np.frombuffer(data, dtype, (end - start) // dtype.itemsize, start)
        notes = tuple(islice(describe_tags(entries), MAX_NOTES))
        yield TiffPage(order, is_big, values, spans, damage, notes)


def describe_tags(entries: Sequence[Entry]) -> Iterator[str]:
    """What libtiff warns of, but Pillow does not let it say."""
    tags = [tag for tag, _, _, _ in entries]
    if tags != sorted(tags):
        yield "the tags of a directory are not in ascending order"
    for tag, kind, _, _ in entries:
        if kind not in SIZES:
            yield f"tag {tag} has values of the unknown type {kind}"


Entry = tuple[int, int, int, int]
"""Tag, type, and the bytes of the value, from start to end."""


def iter_directories(data: bytes) -> Iterator[tuple[str, bool, list[Entry], bool]]:
    """Byte order, whether it is a BigTIFF, the entries of each directory, and if it is cut off.

    All entries together take at most four times the file: directories may overlap.
    """
    seen: set[int] = set()
    left = 4 * len(data) + (1 << 20)
    try:
        order = BYTE_ORDERS[data[:2]]
        (magic,) = struct.unpack_from(order + "H", data, 2)
        offset_type, offset_position, count_type, entry_type = DIRECTORIES[magic]
        entry = struct.Struct(order + entry_type)
        (offset,) = struct.unpack_from(order + offset_type, data, offset_position)
        while offset and offset not in seen:
            seen.add(offset)
            (count,) = struct.unpack_from(order + count_type, data, offset)
            first = offset + struct.calcsize(count_type)
            end = first + count * entry.size
            left -= end - first
            if end > len(data) or left < 0:
                return
            entries = read_entries(data, entry, first, end, order + offset_type)
            is_cut = end + struct.calcsize(offset_type) > len(data)
            yield order, magic == 43, entries, is_cut
            (offset,) = struct.unpack_from(order + offset_type, data, end)
    except (struct.error, KeyError, OverflowError):
        return


def read_entries(
    data: bytes, entry: struct.Struct, first: int, end: int, offset_type: str
) -> list[Entry]:
    """The entries of the directory from ``first`` to ``end``."""
    inline = struct.calcsize(offset_type)
    entries = []
    for position in range(first, end, entry.size):
        tag, kind, count, value = entry.unpack_from(data, position)
        size = int(count) * SIZES.get(kind, 0)
        start = position + entry.size - inline
        if size > inline:
            (start,) = struct.unpack(offset_type, value)
        entries.append((tag, kind, start, start + size))
    return entries


def count_tiff_pages(data: bytes) -> int:
    """Count the directories of a TIFF or BigTIFF (TIFF 6.0, section 2), each once.

    One that cannot be read counts too: Pillow reports it when it gets there. Pillow compares the
    place of each page with those of all others, so 50,000 pages of 100 bytes take minutes.
    """
    seen: set[int] = set()
    try:
        order = BYTE_ORDERS[data[:2]]
        (magic,) = struct.unpack_from(order + "H", data, 2)
        offset_type, offset_position, count_type, entry = DIRECTORIES[magic]
        (offset,) = struct.unpack_from(order + offset_type, data, offset_position)
        entry_bytes, count_bytes = struct.calcsize(order + entry), struct.calcsize(count_type)
        while offset and offset not in seen:
            seen.add(offset)
            (count,) = struct.unpack_from(order + count_type, data, offset)
            end = offset + count_bytes + count * entry_bytes
            (offset,) = struct.unpack_from(order + offset_type, data, end)
    except (struct.error, KeyError, OverflowError):
        pass
    return len(seen)
