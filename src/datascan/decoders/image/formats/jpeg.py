"""The segments of a JPEG (ITU-T T.81, annex B); entropy-coded data is left to the decoder."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from datascan.decoders.image.formats.metadata import describe_profile
from datascan.decoders.image.header import ImageHeader
from datascan.native import loops
from datascan.native.picture_loops import APP1, APP2, BARE_MARKERS, END, FILL, FRAMES, SCAN
from datascan.text import pluralize

MAX_SCANS = 100
"""Decoding takes as long for each scan, even an empty one, as for the whole image.

Progressive encoders write about ten.
"""

HEADER_MARKER = re.compile(rb"\xff[^\x00\xff]")
"""The next marker of a header, behind bytes that belong to no segment."""

DHT, DQT = 0xC4, 0xDB
AC = 0x10
"""The bit of a Huffman table for the other coefficients than the first one."""

APP14 = 0xEE
PROFILE = b"ICC_PROFILE\0"

METADATA = frozenset({0, *range(0xE0, 0xF0), 0xFE})
"""Segments on which no pixel depends (APPn, COM), and the start of the image."""

SCALABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""Frames that consist of discrete cosine transforms, so that a decoder can reduce them."""

SEQUENTIAL_FRAMES = frozenset({0xC0, 0xC1})
LOSSLESS_FRAMES = frozenset({0xC3, 0xCB})
FOREIGN_FRAMES = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xF7: "JPEG-LS",
}
"""Processes that libjpeg-turbo does not have."""

LENGTH = struct.Struct(">H")
FRAME = struct.Struct(">BHHB")
"""Bits per sample, height, width, and number of components."""


class JpegSegments:
    """What the segments say, while they are read."""

    exif = b""
    frame = 0
    precision = 8
    size: tuple[int, int] | None = None
    components = 0
    is_multi_picture = False
    scans = 0
    last_marker = 0

    def __init__(self) -> None:
        self.profile: list[bytes] = []
        self.stray: list[tuple[int, int]] = []

    def header(self, end: int | None = None) -> ImageHeader:
        """The header of an image that ends at ``end``.

        The end is unknown if there are several images (CIPA DC-007, Multi-Picture Format).
        """
        return ImageHeader(
            end=None if self.is_multi_picture else end,
            exif=self.exif,
            size=self.size,
            is_cut=end is None,
            is_scalable=not self.frame or self.frame in SCALABLE_FRAMES,
            unsupported=self.describe_variant(),
            components=self.components,
            stray=tuple(self.stray),
            notes=tuple(self.describe_metadata()),
        )

    def add_stray(self, data: bytes, start: int, end: int) -> None:
        """Note bytes that libjpeg skips and calls extraneous, unless they are damaged tables.

        That they are if the segment before, or they themselves, may be the rest of one.
        """
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        is_segment = length > 2 and start + 2 + length == end
        if self.last_marker in METADATA and not is_segment:
            self.stray.append((start, end))

    def describe_metadata(self) -> Iterator[str]:
        """What is wrong with the segments on which no pixel depends."""
        if self.stray:
            count, (_, end) = sum(end - start for start, end in self.stray), self.stray[0]
            yield f"{pluralize(count, 'byte')} before byte {end:,} belong to no segment"
        if self.profile:
            why = describe_profile(b"".join(self.profile))
            if why is not None:
                yield why

    def describe_variant(self) -> str | None:
        """The variant, if libjpeg-turbo cannot decode it."""
        if self.frame in FOREIGN_FRAMES:
            return FOREIGN_FRAMES[self.frame]
        if self.precision != 8:
            kind = "lossless, " if self.frame in LOSSLESS_FRAMES else ""
            return f"{kind}{self.precision} bits per sample"
        return None


def read_jpeg_header(data: bytes) -> ImageHeader:
    """Read the segments up to the end of the image."""
    found = JpegSegments()
    offset = 2
    while True:
        offset, last, scans = loops.skip_segments(data, offset)
        found.last_marker = last or found.last_marker
        found.scans += scans
        if found.scans > MAX_SCANS:
            return ImageHeader(damage=f"more than {MAX_SCANS} scans")
        if offset + 4 > len(data):
            return found.header(offset + 2 if data[offset : offset + 2] == b"\xff\xd9" else None)
        marker = data[offset + 1] if data[offset] == FILL else 0
        if marker == END:
            return found.header(offset + 2)
        if marker:
            (length,) = LENGTH.unpack_from(data, offset + 2)
            read_segment(data, offset + 4, offset + 2 + length, found, marker=marker)
            found.last_marker = marker
            offset += 2 + length
            continue
        match = HEADER_MARKER.search(data, offset)
        if found.scans or match is None:
            return found.header()
        found.add_stray(data, offset, match.start())
        offset = match.start()


def read_segment(data: bytes, start: int, end: int, found: JpegSegments, *, marker: int) -> None:
    """Note what a segment's body, from ``start`` to ``end``, says."""
    if marker == APP1:
        if not found.exif and data.startswith(b"Exif\0\0", start):
            found.exif = data[start + 6 : end]
    elif marker == APP2:
        found.is_multi_picture |= data.startswith(b"MPF\0", start)
        if data.startswith(PROFILE, start):
            found.profile.append(data[start + len(PROFILE) + 2 : end])
    elif marker in FRAMES and not found.frame:
        found.frame = marker
        found.precision, height, width, found.components = FRAME.unpack_from(data, start)
        found.size = width, height


def remove_stray_bytes(data: bytes, stray: tuple[tuple[int, int], ...]) -> bytes:
    """The image without the bytes between header segments that belong to none of them."""
    edges = [0, *(edge for span in stray for edge in span), len(data)]
    return b"".join(data[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2))


def remove_segments(data: bytes, removed: int) -> bytes:
    """The image without the segments with this marker before its first scan."""
    offset, start, kept = 2, 0, []
    while offset + 4 <= len(data) and data[offset] == 0xFF:
        marker, (length,) = data[offset + 1], LENGTH.unpack_from(data, offset + 2)
        if marker in (SCAN, END):
            break
        step = BARE_MARKERS.get(marker, 2 + length)
        if marker == removed:
            kept.append(data[start:offset])
            start = offset + step
        offset += step
    return b"".join((*kept, data[start:]))


def has_all_tables(data: bytes) -> bool:
    """Whether all tables of the first scan are in the header; libjpeg has defaults for some.

    ``data`` has no stray bytes.
    """
    try:
        quantization, huffman, needed = read_tables(data)
    except (IndexError, struct.error):
        return False
    return needed[0] <= quantization and needed[1] <= huffman


def read_tables(data: bytes) -> tuple[set[int], set[int], tuple[set[int], set[int]]]:
    """The numbers of the tables for quantization and of Huffman codes, and those in use.

    Raises:
        IndexError, struct.error: if the header ends before a scan.
    """
    quantization: set[int] = set()
    huffman: set[int] = set()
    used: set[int] = set()
    frame, offset = 0, 2
    while True:
        marker, (length,) = data[offset + 1], LENGTH.unpack_from(data, offset + 2)
        if step := BARE_MARKERS.get(marker):
            offset += step
            continue
        body = data[offset + 4 : offset + 2 + length]
        if marker == DQT:
            quantization |= set(iter_quantization_tables(body))
        elif marker == DHT:
            huffman |= set(iter_huffman_tables(body))
        elif marker in FRAMES:
            frame, used = marker, set(body[8::3])
        elif marker == SCAN:
            selected = body[2 : 1 + 2 * body[0] : 2]
            codes = {each >> 4 for each in selected}
            if frame in SEQUENTIAL_FRAMES:
                codes |= {AC | each & 15 for each in selected}
            return quantization, huffman, (used, codes)
        offset += 2 + length


def iter_quantization_tables(body: bytes) -> Iterator[int]:
    """The numbers of the tables of a DQT segment."""
    offset = 0
    while offset < len(body):
        yield body[offset] & 15
        offset += 129 if body[offset] >> 4 else 65


def iter_huffman_tables(body: bytes) -> Iterator[int]:
    """The classes and numbers of the tables of a DHT segment, as in it."""
    offset = 0
    while offset + 17 <= len(body):
        yield body[offset]
        offset += 17 + sum(body[offset + 1 : offset + 17])
