"""Colour profiles and EXIF blocks: only the structure that a reader needs to find its way."""

from __future__ import annotations

import struct

BYTE_ORDERS = {b"II": "<", b"MM": ">"}
DIRECTORIES = {42: ("I", 4, "H", "HHI4s"), 43: ("Q", 8, "Q", "HHQ8s")}
"""By magic number (TIFF, BigTIFF): the type and position of the first directory's offset, the
type of a directory's count, and an entry."""

PROFILE_HEADER = 128
PROFILE_SIGNATURE = b"acsp"
EXIF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def describe_profile(profile: bytes) -> str | None:
    """What is wrong with an ICC profile (ISO 15076-1, section 7.2); None if nothing is."""
    if len(profile) < PROFILE_HEADER:
        return f"the ICC profile has {len(profile):,} bytes, less than its header"
    size = int.from_bytes(profile[:4], "big")
    if size > len(profile):
        return f"the ICC profile is cut off: {len(profile):,} of {size:,} bytes"
    if profile[36:40] != PROFILE_SIGNATURE:
        return "the ICC profile has no signature"
    return None


def describe_exif(exif: bytes) -> str | None:
    """What is wrong with the first directory of an EXIF block (TIFF 6.0); None if nothing is."""
    if not exif.strip(b"\0"):
        return None
    order = EXIF_ORDERS.get(exif[:4])
    if order is None:
        return f"the EXIF block starts with {exif[:4]!r}"
    try:
        (offset,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, offset)
    except struct.error:
        return "the EXIF block ends before its first directory"
    if offset + 2 + 12 * count > len(exif):
        return "the EXIF block ends within its first directory"
    return None
