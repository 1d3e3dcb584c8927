"""Encodings of values that cannot be read, by their first bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.records.buffers import BytesColumn

HEAD = 8
"""How many bytes of a value are compared with signatures."""

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    *((bytes([0x80, version]), "pickles") for version in range(2, 6)),
    (b"PK\3\4", "zip files (torch.save, .npz)"),
    (b"\x1f\x8b", "gzip streams"),
    *((bytes([0x78, level]), "zlib streams") for level in (0x01, 0x5E, 0x9C, 0xDA)),
    (b"\x28\xb5\x2f\xfd", "Zstandard frames"),
    (b"\x04\x22\x4d\x18", "LZ4 frames"),
    (b"BZh", "bzip2 streams"),
    (b"\xfd7zXZ\0", "xz streams"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 files"),
    (b"ARROW1", "Arrow files"),
    (b"\xff\xff\xff\xff", "Arrow streams"),
    (b"PAR1", "Parquet files"),
    (b"RIFF", "RIFF files (audio, video)"),
    (b"fLaC", "FLAC audio"),
    (b"OggS", "Ogg audio"),
    (b"ID3", "MP3 audio"),
    (b"%PDF", "PDF files"),
)
"""Signatures in the formats' own specifications; the first that matches counts."""

UNKNOWN = "bytes of an unknown encoding"
TEXT, JSON = "texts", "JSON texts"


def count_encodings(values: BytesColumn) -> Iterator[tuple[str, int]]:
    """The encodings of values that are not empty, and how many values have each."""
    head = read_heads(values)
    left = np.ones(len(values), np.bool_)
    found: dict[str, int] = {}
    for signature, encoding in SIGNATURES:
        size = len(signature)
        fits = left & (values.lengths >= size)
        fits &= (head[:, :size] == np.frombuffer(signature, np.uint8)).all(axis=1)
        left &= ~fits
        found[encoding] = found.get(encoding, 0) + int(np.count_nonzero(fits))
    inside = np.arange(HEAD) < values.lengths[:, None]
    is_text = left & (is_printable(head) | ~inside).all(axis=1)
    is_json = is_text & np.isin(head[:, 0], np.frombuffer(b"{[", np.uint8))
    found[JSON] = int(np.count_nonzero(is_json))
    found[TEXT] = int(np.count_nonzero(is_text & ~is_json))
    found[UNKNOWN] = int(np.count_nonzero(left & ~is_text))
    yield from ((encoding, count) for encoding, count in found.items() if count)


def read_heads(values: BytesColumn) -> NDArray[np.uint8]:
    """The first bytes of each value, uint8 (n, HEAD); undefined beyond its end."""
    if not len(values.buffer):
        return np.zeros((len(values), HEAD), np.uint8)
    places = values.offsets[:, None] + np.arange(HEAD)
    return np.asarray(values.buffer[np.minimum(places, len(values.buffer) - 1)])


def is_printable(characters: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which bytes may be part of a text in ASCII."""
    is_space = (characters >= 9) & (characters <= 13)
    return np.asarray(is_space | ((characters >= 32) & (characters < 127)))
