"""Values of records: Datums, arrays and images that claim to be large."""

from __future__ import annotations

import random
from functools import cache

import numpy as np

from tests.builders.images import encode, pixels
from tests.builders.leveldb_coding import varint
from tests.builders.lmdb import datum
from tests.builders.odd_images import bombs
from tests.fuzz.hostile.common import number


def record(chance: random.Random) -> bytes:
    """One value."""
    return chance.choice([healthy, healthy, hostile_datum, npy, bomb, encoded_bomb])(chance)


def healthy(chance: random.Random) -> bytes:
    """A Datum as it should be."""
    return datum(np.full((1, 3, 3), chance.randrange(256), np.uint8), chance.randrange(3))


def hostile_datum(chance: random.Random) -> bytes:
    """Fields of a Datum with any number, in any order, any number of times."""
    out = b""
    for _ in range(chance.choice([1, 5, 60])):
        field = chance.choice([1, 2, 3, 4, 5, 6, 7, 8, 1 << 28])
        kind = chance.choice([0, 0, 1, 2, 2, 3, 5])
        out += varint(field << 3 | kind)
        if kind == 2:
            body = chance.choice([bytes(12), bytes(9), chance.randbytes(40)])
            out += varint(chance.choice([len(body), number(chance, 32)])) + body
        else:
            out += varint(number(chance)) if kind == 0 else chance.randbytes(8 if kind == 1 else 4)
    return out


def npy(chance: random.Random) -> bytes:
    """An array in NumPy's format whose header says anything."""
    shape = ", ".join(str(number(chance, 63)) for _ in range(chance.choice([1, 3, 33, 200])))
    kind = chance.choice(["<f4", "|u1", "|O", "<U1000000000", "V2147483647", "<f16", "<M8[ns]"])
    depth = chance.choice([0, 0, 90, 5000])
    shape = "(" * depth + f"({shape},)" + ")" * depth
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    body = chance.choice([b"cos\nsystem\n(S'touch /tmp/x'\ntR.", bytes(36), b""])
    header = text.encode().ljust(117) + b"\n"
    length = chance.choice([len(header), number(chance, 32)])
    if chance.randrange(2):
        return b"\x93NUMPY\x02\x00" + length.to_bytes(4, "little") + header + body
    return b"\x93NUMPY\x01\x00" + (length & 0xFFFF).to_bytes(2, "little") + header + body


@cache
def all_bombs() -> list[bytes]:
    return list(bombs().values())


def bomb(chance: random.Random) -> bytes:
    """An image that would decompress to gigabytes."""
    return chance.choice(all_bombs())


def encoded_bomb(chance: random.Random) -> bytes:
    """Such an image inside a Datum."""
    content = chance.choice([bomb(chance), encode(pixels(1), "PNG")])
    return datum(np.zeros((1, 1, 1), np.uint8), chance.randrange(3), encoded=content)
