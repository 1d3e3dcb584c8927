"""The orientation tag of EXIF and TIFF (CIPA DC-008, TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import struct

ORIENTATION_TAG = 0x0112
SHORT = 3
ORDERS = {b"II": "<", b"MM": ">"}
DIRECTORIES = {42: ("I", 4, "H", "HHI4s"), 43: ("Q", 8, "Q", "HHQ8s")}
"""Of TIFF and BigTIFF: a directory's offset and where that stands, its count, and an entry."""

TURNS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored upside down",
    5: "mirrored and turned by 90 degrees",
    6: "turned by 90 degrees",
    7: "mirrored and turned by 270 degrees",
    8: "turned by 270 degrees",
}


def orientation(exif: bytes) -> int:
    """The orientation tag in the first directory of an EXIF block or a TIFF; 1 without any."""
    order = ORDERS.get(exif[:2])
    if order is None:
        return 1
    try:
        (magic,) = struct.unpack_from(order + "H", exif, 2)
        offset, place, number, entry = DIRECTORIES[magic]
        (at,) = struct.unpack_from(order + offset, exif, place)
        (count,) = struct.unpack_from(order + number, exif, at)
        at += struct.calcsize(order + number)
        step = struct.calcsize(order + entry)
        for i in range(count):
            tag, kind, _, value = struct.unpack_from(order + entry, exif, at + i * step)
            if tag == ORIENTATION_TAG and kind == SHORT:
                return int(struct.unpack_from(order + "H", value)[0])
    except (struct.error, KeyError, OverflowError):
        return 1
    return 1
