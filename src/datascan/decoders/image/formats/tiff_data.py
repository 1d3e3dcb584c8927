"""The strips and tiles of a TIFF, verified without keeping their pixels.

libtiff stops when it has as many rows as it needs, so it never gets to the checksums of deflated
data, and what libjpeg warns of is lost in it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import simplejpeg
from msgspec import Struct

from datascan.decoders.image.formats.inflate import inflate
from datascan.decoders.image.formats.jpeg import read_jpeg_header
from datascan.decoders.image.formats.tiff import (
    BITS,
    COMPRESSION,
    FILL_ORDER,
    HEIGHT,
    JPEG_TABLES,
    PHOTOMETRIC,
    PLANAR,
    ROWS_PER_STRIP,
    SAMPLES,
    STRIP_BYTES,
    STRIP_OFFSETS,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    YCBCR,
    TiffPage,
    read_pages,
)

NONE, JPEG, PACKBITS = 1, 7, 32773
DEFLATE = {8, 32946}
MAX_TABLES = 1 << 16
"""Tables that all strips share are copied for each; four of each kind take 2 KB."""

PACKBITS_BYTES = 16 << 20
"""How many bytes of PackBits are verified, about a second in Python."""

MIN_INFLATED_BYTES = 64 << 20
JPEG_MODES = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}


class Budget(Struct):
    """What may still be verified, in bytes.

    Pages may share strips, so each is verified once; strips may overlap, so ``read`` is limited.
    """

    inflated: int
    read: int
    packbits: int = PACKBITS_BYTES
    seen: set[tuple[int, int]] = set()


class Piece(Struct, frozen=True):
    """A strip or tile: its name, its bytes in the file, and how many it needs once decompressed.

    ``needed`` is 0 if that is unknown.
    """

    name: str
    start: int
    nbytes: int
    needed: int
    pixels: int


def find_tiff_damage(data: bytes, limit: int) -> str | None:
    """What is wrong with the strips and tiles of all pages; None if nothing is.

    About ``limit`` pixels are verified.
    """
    budget = Budget(max(3 * limit, MIN_INFLATED_BYTES), 4 * len(data) + (1 << 20))
    for number, page in enumerate(read_pages(data)):
        damage = find_page_damage(data, page, budget)
        if damage is not None:
            return f"page {number + 1}: {damage}" if number else damage
    return None


def find_page_damage(data: bytes, page: TiffPage, budget: Budget) -> str | None:
    """What is wrong with the strips and tiles of a page."""
    if page.damage is not None:
        return page.damage
    compression = page.one(COMPRESSION, 1)
    is_readable = page.one(FILL_ORDER, 1) != 2
    for piece in iter_pieces(page):
        if (piece.start, piece.nbytes) in budget.seen or not piece.nbytes:
            continue
        budget.seen.add((piece.start, piece.nbytes))
        size = piece.needed if compression == NONE and piece.needed else piece.nbytes
        if piece.start + size > len(data):
            missing = piece.start + size - len(data)
            return f"{piece.name} ends {missing:,} bytes after the end of the file"
        budget.read -= piece.nbytes
        if budget.read < 0:
            return None
        view = memoryview(data)[piece.start : piece.start + piece.nbytes]
        damage = None
        if compression in DEFLATE and is_readable:
            damage = check_deflated(view, piece, budget)
        elif compression == PACKBITS and is_readable:
            damage = check_packbits(view, piece, budget)
        elif compression == JPEG:
            damage = check_jpeg(page, data, view, piece)
        if damage is not None:
            return f"{piece.name}: {damage}"
    return None


def iter_pieces(page: TiffPage) -> Iterator[Piece]:
    """The strips or tiles of a page; none if the page does not say how large they are."""
    width, height = page.one(WIDTH), page.one(HEIGHT)
    is_tiled = TILE_WIDTH in page.values
    offsets = page.values.get(TILE_OFFSETS, page.values.get(STRIP_OFFSETS))
    counts = page.values.get(TILE_BYTES, page.values.get(STRIP_BYTES))
    rows = page.one(TILE_HEIGHT) if is_tiled else page.one(ROWS_PER_STRIP, height)
    columns = page.one(TILE_WIDTH) if is_tiled else width
    if offsets is None or counts is None or min(width, height, rows, columns) <= 0:
        return
    bits = page.all(BITS, 1) or (1,)
    samples = page.one(SAMPLES, 1)
    bits_per_pixel = sum(bits) if len(bits) == samples else bits[0] * samples
    if page.one(PLANAR, 1) == 2:
        bits_per_pixel = bits[0]
    if page.one(PHOTOMETRIC) == YCBCR:
        bits_per_pixel = 0
    across = -(-width // columns)
    down = -(-height // min(rows, height)) if not is_tiled else -(-height // rows)
    for i, (start, nbytes) in enumerate(zip(offsets.tolist(), counts.tolist(), strict=False)):
        own = rows if is_tiled else min(rows, height - (i // across % down) * rows)
        needed = (columns * bits_per_pixel + 7) // 8 * own
        name = f"{'tile' if is_tiled else 'strip'} {i + 1:,} of {len(offsets):,}"
        yield Piece(name, start, nbytes, needed, columns * own)


def check_deflated(view: memoryview, piece: Piece, budget: Budget) -> str | None:
    """Inflate a strip or tile to its end, and verify its Adler-32."""
    if budget.inflated <= 0:
        return None
    # A strip may hold more rows than the image has left.
    limit = min(budget.inflated, 2 * piece.needed + (1 << 20))
    try:
        found = inflate([view], limit)
    except zlib.error as error:
        return str(error)
    budget.inflated -= found.nbytes
    if not found.is_whole and found.nbytes <= limit:
        return f"the deflated data ends early: {found.nbytes:,} of {piece.needed:,} bytes"
    if found.nbytes < piece.needed:
        return f"inflates to {found.nbytes:,} of {piece.needed:,} bytes"
    return None


def check_packbits(view: memoryview, piece: Piece, budget: Budget) -> str | None:
    """Add up the lengths of all runs (TIFF 6.0, section 9)."""
    budget.packbits -= len(view)
    if budget.packbits < 0 or not piece.needed:
        return None
    offset, total, end, needed = 0, 0, len(view), piece.needed
    while offset < end and total < needed:
        code = view[offset]
        if code < 128:
            total += code + 1
            offset += code + 2
        elif code > 128:
            total += 257 - code
            offset += 2
        else:
            offset += 1
    if offset > end:
        return "the last run of PackBits is cut off"
    if total != needed:
        verb = "ends early" if total < needed else "is too long"
        return f"PackBits {verb}: {total:,} of {needed:,} bytes"
    return None


def check_jpeg(page: TiffPage, data: bytes, view: memoryview, piece: Piece) -> str | None:
    """Decode a strip or tile as strictly as a JPEG file, at 1/8 scale."""
    start, end = page.spans.get(JPEG_TABLES, (0, 0))
    if end - start > MAX_TABLES:
        return f"tables for JPEG of {end - start:,} bytes"
    stream = join_jpeg(page, data, view)
    header = read_jpeg_header(stream)
    if header.unsupported is not None or not header.is_scalable or header.size is None:
        return None
    if header.size[0] * header.size[1] > 4 * piece.pixels + (1 << 20):
        return f"a JPEG of {header.size[0]:,} x {header.size[1]:,} pixels"
    try:
        colorspace = simplejpeg.decode_jpeg_header(stream)[2]
        target = JPEG_MODES.get(colorspace, "RGB")
        quick = {"min_height": 1, "min_width": 1, "min_factor": 8}
        simplejpeg.decode_jpeg(stream, target, fastdct=True, fastupsample=True, **quick)
    except KeyError:
        return None
    except ValueError as error:
        text = str(error)
        return text if text.startswith(("Corrupt", "Premature", "Bogus", "Invalid")) else None
    return None


def join_jpeg(page: TiffPage, data: bytes, view: memoryview) -> bytes:
    """A strip or tile as a JPEG file, with the tables that all of them share."""
    if JPEG_TABLES not in page.spans:
        return bytes(view)
    start, end = page.spans[JPEG_TABLES]
    tables = data[start:end]
    return tables[: -2 if tables.endswith(b"\xff\xd9") else None] + bytes(view[2:])


def describe_jpeg_variant(data: bytes, page: TiffPage) -> str | None:
    """The variant of the JPEGs in a page, if a decoder may lack it."""
    first = next(iter_pieces(page), None)
    if page.one(COMPRESSION) != JPEG or first is None:
        return None
    view = memoryview(data)[first.start : first.start + first.nbytes]
    header = read_jpeg_header(join_jpeg(page, data, view))
    return header.unsupported or (None if header.is_scalable else "lossless JPEG")
