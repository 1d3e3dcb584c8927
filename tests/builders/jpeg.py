"""JPEGs that Pillow cannot write: lossless ones, and changed headers."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

CODE_BITS = 5
"""All Huffman codes have this length; there is one for each number of bits from 0 to 16."""


def segment(marker: int, body: bytes) -> bytes:
    """A segment with its marker and length."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def lossless_jpeg(values: NDArray[np.unsignedinteger], precision: int = 8) -> bytes:
    """A lossless JPEG (ITU-T T.81, annex H) of (height, width) or (height, width, 3) values."""
    planes = values.reshape(*values.shape[:2], -1).astype(np.int64)
    height, width, components = planes.shape
    guess = np.roll(planes, 1, axis=1)
    guess[1:, 0] = planes[:-1, 0]
    guess[0, 0] = 1 << (precision - 1)
    bits = "".join(code_of(int(each)) for each in (planes - guess).ravel())
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHB", precision, height, width, components)
    frame += b"".join(bytes((i + 1, 0x11, 0)) for i in range(components))
    table = bytes([0, *(17 if n == CODE_BITS else 0 for n in range(1, 17)), *range(17)])
    scan = bytes([components]) + b"".join(bytes((i + 1, 0)) for i in range(components))
    # Adobe's segment says that the components are RGB.
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0") if components == 3 else b""
    return (
        b"\xff\xd8"
        + adobe
        + segment(0xC3, frame)
        + segment(0xC4, table)
        + segment(0xDA, scan + bytes((1, 0, 0)))
        + coded
        + b"\xff\xd9"
    )


def code_of(difference: int) -> str:
    """The code of the number of bits, then the bits (table H.2)."""
    size = abs(difference).bit_length()
    if not size:
        return f"{0:0{CODE_BITS}b}"
    low = difference if difference > 0 else difference + (1 << size) - 1
    return f"{size:0{CODE_BITS}b}{low:0{size}b}"


def replace_frame(data: bytes, *, marker: int | None = None, precision: int | None = None) -> bytes:
    """A JPEG with another process or number of bits per sample in its header."""
    at = next(i for i in range(len(data)) if data[i : i + 2] in (b"\xff\xc0", b"\xff\xc2"))
    changed = bytearray(data)
    changed[at + 1] = changed[at + 1] if marker is None else marker
    changed[at + 4] = changed[at + 4] if precision is None else precision
    return bytes(changed)


def replace_sampling(data: bytes, sampling: int) -> bytes:
    """A JPEG of three components whose first one claims other sampling factors."""
    at = data.index(b"\xff\xc0")
    return data[: at + 11] + bytes((sampling,)) + data[at + 12 :]
