"""TIFFs of every kind, written tag by tag."""

from __future__ import annotations

import struct
from collections.abc import Sequence

Values = int | Sequence[int] | bytes
SHORT, LONG, UNDEFINED = 3, 4, 7


def tiff(tags: dict[int, Values], *strips: bytes, order: str = "<", offset_tag: int = 273) -> bytes:
    """A TIFF of one page with these tags; places and sizes of the strips are added."""
    head = 8
    places, body = [], b""
    for strip in strips:
        places.append(head + len(body))
        body += strip + b"\0" * (len(strip) % 2)
    counts = {273: 279, 324: 325}[offset_tag]
    entries = {**tags, offset_tag: places, counts: [len(strip) for strip in strips]}
    start = head + len(body)
    extra = start + 2 + 12 * len(entries) + 4
    directory, values = struct.pack(order + "H", len(entries)), b""
    for tag in sorted(entries):
        kind, count, packed = pack(tag, entries[tag], order)
        if len(packed) > 4:
            inline = struct.pack(order + "I", extra + len(values))
            values += packed + b"\0" * (len(packed) % 2)
        else:
            inline = packed.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, count) + inline
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return magic + struct.pack(order + "I", start) + body + directory + bytes(4) + values


def pack(tag: int, values: Values, order: str) -> tuple[int, int, bytes]:
    """Type, count and bytes of a value."""
    if isinstance(values, bytes):
        return UNDEFINED, len(values), values
    numbers = [values] if isinstance(values, int) else list(values)
    kind = LONG if tag in {256, 257, 273, 279, 324, 325} else SHORT
    return (
        kind,
        len(numbers),
        struct.pack(f"{order}{len(numbers)}{'I' if kind == LONG else 'H'}", *numbers),
    )


def grey(width: int = 32, height: int = 24, **changes: Values) -> dict[int, Values]:
    """The tags of a grey image of 8 bits, with changes by name."""
    names = {"bits": 258, "compression": 259, "photometric": 262, "samples": 277, "rows": 278}
    names |= {"planar": 284, "format": 339, "tile_width": 322, "tile_height": 323, "tables": 347}
    names |= {"fill_order": 266, "predictor": 317}
    tags: dict[int, Values] = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height}
    return tags | {names[name]: value for name, value in changes.items()}
