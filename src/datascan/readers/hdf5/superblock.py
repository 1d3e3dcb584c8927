"""What the superblock says: whether a file is HDF5, and whether it is one of several.

The drivers family, split and multi write one HDF5 file as several. The first file of a family, and
the one for metadata of the others, begin with a superblock that names the driver; HDF5 opens them
only with that driver. The rest of the files have no signature.

Source: HDF5 File Format Specification 3.0, sections II.A (superblock), II.B (driver information)
and IV.A.2.u (driver info message).
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from datascan.files import open_regular

SIGNATURE = b"\x89HDF\r\n\x1a\n"
DRIVERS = {b"NCSAfami": "family", b"NCSAmult": "multi"}
HEAD_BYTES = 4096
MAX_BLOCK_BYTES = 512
"""The driver information is within this distance of the address in the superblock."""

ADDRESSES = {0: 48, 1: 52, 2: 20, 3: 20}
"""By version of the superblock: the offset of the address of the block with the driver."""

NUMBER = re.compile(r"\d+")
METADATA, RAW = "-m.h5", "-r.h5"


def describe_driver(path: Path) -> str | None:
    """What a file is if it is one of several that make up one HDF5 file; None if it is not."""
    driver = find_driver(path)
    if driver is None:
        return None
    tool = "h5repart" if driver == "family" else "h5repack"
    return f"one of several files that make up one (HDF5 driver {driver}); join them with {tool}"


def find_driver(path: Path) -> str | None:
    """The driver of a file, or of the one that it belongs to: "family", "multi". Never raises."""
    driver = read_driver(path)
    if driver is not None:
        return driver
    for first in first_files(path):
        if (driver := read_driver(first)) is not None:
            return driver
    return None


def first_files(path: Path) -> list[Path]:
    """The files that may have the superblock of an HDF5 file to which ``path`` belongs."""
    name = path.name
    found = [path.with_name(name.removesuffix(RAW) + METADATA)] if name.endswith(RAW) else []
    for number in NUMBER.finditer(name):
        start, end = name[: number.start()], name[number.end() :]
        zeros = {"0", "0" * len(number[0])}
        found += [path.with_name(f"{start}{zero}{end}") for zero in sorted(zeros)]
    return [first for first in found if first != path]


def read_driver(path: Path) -> str | None:
    """The driver that the superblock of a file names; None if it names none. Never raises."""
    try:
        with open_regular(path) as file:
            head = file.read(HEAD_BYTES)
            if not head.startswith(SIGNATURE) or len(head) < 64 or head[8] not in ADDRESSES:
                return None
            (address,) = struct.unpack_from("<Q", head, ADDRESSES[head[8]])
            if address >= 1 << 62:
                return None
            file.seek(address)
            block = file.read(MAX_BLOCK_BYTES)
    except OSError:
        return None
    return next((driver for mark, driver in DRIVERS.items() if mark in block), None)
