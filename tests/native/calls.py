"""Random calls of all functions in C, with arguments that fit."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datascan.readers.leveldb.log import masked_crc
from tests.builders.leveldb_coding import varint

GUARD = 0xA5
MARGIN = 64
EDGES = [0, 1, 2, 7, -1, -2, 1 << 31, -(1 << 31), (1 << 32) + 1, 1 << 60, 1 << 61, 1 << 62]
EDGES += [(1 << 63) - 1, (1 << 63) - 8, -(1 << 63), 1 << 63, (1 << 64) - 1, 1 << 64, -(1 << 64)]
ODD_INTS = [edge for edge in EDGES if -(1 << 63) <= edge < 1 << 63]
ODD_FLOATS = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1.8e308, -3.4e38, 1e-45]
MARKERS = [0xC4, 0xDA, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE, 0xFF, 1, 0xC0, 0xD0, 0xD8, 0xD9, 0xE1]
CODED = [b"\xff\0", b"\xff\xd0", b"\xff", b"\xff\x02", b"a" * 30, b"b", b"\0"]


class Memory:
    """Arrays of a call: each ends where its memory ends, or has guard bytes around it.

    A sanitizer notices what is read or written after the end of memory, and guard bytes show what
    is written even without one.
    """

    def __init__(self, margin: int = 0) -> None:
        self.margin = margin
        self.blocks: list[np.ndarray[Any, Any]] = []

    def array(self, values: np.ndarray[Any, Any], shift: int = 0) -> np.ndarray[Any, Any]:
        """A copy of ``values``, ``shift`` bytes from an aligned address."""
        octets = np.frombuffer(values.tobytes(), np.uint8)
        start = self.margin + shift
        block = np.full(start + len(octets) + self.margin, GUARD, np.uint8)
        block[start : start + len(octets)] = octets
        self.blocks.append(block)
        return np.ndarray(values.shape, values.dtype, block.data, start)

    def is_intact(self) -> bool:
        """Whether all guard bytes are as they were."""
        return all(
            (block[: self.margin] == GUARD).all()
            and (block[len(block) - self.margin :] == GUARD).all()
            for block in self.blocks
        )


@dataclass
class Call:
    """Arguments of a function; ``outputs`` are the positions of those that it writes to."""

    name: str
    arguments: list[Any]
    outputs: tuple[int, ...] = ()
    memory: Memory = field(default_factory=Memory)


def stats_call(chance: random.Random) -> Call:
    """Rows of a random kind."""
    kind = chance.choice("BbfdtBf")
    dtype = np.dtype("f" if kind == "t" else kind)
    stride = 5 if kind == "t" else dtype.itemsize
    width, count = chance.choice([1, 3, 8, 17, 40]), chance.choice([1, 2, 5])
    source = np.frombuffer(chance.randbytes(width * stride * count + 9), np.uint8).copy()
    if chance.random() < 0.3:
        odd = np.array(chance.choices(ODD_FLOATS, k=len(source) // 8)).tobytes()
        source[: len(odd)] = np.frombuffer(odd, np.uint8)
    offsets = np.array([chance.randrange(width * stride * (count - 1) + 10) for _ in range(count)])
    ends = [np.zeros(count, dtype), np.zeros(count, dtype)]
    sums = [np.zeros(count, t) for t in (np.float64, np.float64, np.uint64, np.uint8)]
    return Call("compute_stats", [source, offsets, kind, width, *ends, *sums], (4, 5, 6, 7, 8, 9))


def sum_call(chance: random.Random) -> Call:
    """Values of any bits, and limbs that may be full."""
    values = np.frombuffer(chance.randbytes(8 * chance.randrange(9)), np.float64)
    limbs = np.array([chance.choice([0, 0, chance.choice(ODD_INTS)]) for _ in range(68)], np.int64)
    return Call("add_exactly", [values, limbs], (1,))


def gather_call(chance: random.Random) -> Call:
    """Rows of bytes."""
    width, count = chance.choice([0, 1, 8, 70]), chance.randrange(5)
    source = np.frombuffer(chance.randbytes(width + 20), np.uint8)
    offsets = np.array([chance.randrange(21) for _ in range(count)], np.int64)
    return Call("gather", [source, offsets, width, np.zeros((count, width), np.uint8)], (3,))


def numbers_call(chance: random.Random) -> Call:
    """Numbers, some of which share their low bits."""
    numbers = np.frombuffer(chance.randbytes(8 * chance.randrange(60)), np.uint64)
    bits = chance.choice([3, 5, 10])
    return Call("mark_repeated", [numbers, bits, np.zeros(len(numbers), np.uint8)], (2,))


def records_call(chance: random.Random) -> Call:
    """Records of one template, some of which differ from it."""
    kind = chance.choice("BfftbdB")
    dtype = np.dtype("f" if kind == "t" else kind)
    stride = 5 if kind == "t" else dtype.itemsize
    width, count = chance.choice([0, 1, 8, 17, 40]), chance.choice([1, 2, 5])
    head, label = chance.randbytes(chance.randrange(1, 9)), varint(chance.choice([3, 300, 1 << 63]))
    records = []
    for _ in range(count):
        tagged = (b"\x35" + chance.randbytes(4) for _ in range(width))
        payload = b"".join(tagged) if kind == "t" else chance.randbytes(width * stride)
        record = bytearray(head + b"\x28" + label + payload + b"\x38\0")
        if chance.random() < 0.3:
            record[chance.randrange(len(record))] = chance.choice([0, 0x35, 0x80, 0xFF])
        records.append(bytes(record))
    length, start = len(records[0]), len(head) + 1
    payload_offset = start + len(label)
    places = [(0, start), (length - 2, 2)]
    template = [np.array(places, np.int64), np.frombuffer(head + b"\x28\x38\0", np.uint8)]
    template += [start, len(label), payload_offset, kind, width]
    source = np.frombuffer(b"".join(records), np.uint8)
    offsets = length * np.array([chance.randrange(count) for _ in range(count)], np.int64)
    columns = [np.zeros(count, np.int64), np.zeros(count, np.uint8), *np.zeros((2, count), dtype)]
    columns += [np.zeros(count), np.zeros(count), np.zeros(count, np.uint64)]
    outputs = tuple(range(10, 17))
    return Call("measure_records", [source, offsets, length, *template, *columns], outputs)


def key_numbers_call(chance: random.Random) -> Call:
    """Keys with numbers of up to 20 digits after a prefix, or without."""
    prefix = chance.choice([b"a", b"image-", b""])
    keys = [
        chance.choice([prefix, prefix, b"x", b""])
        + chance.choice([b"", b"%d" % chance.randrange(10 ** chance.randrange(1, 21))])
        + chance.choice([b"", b".jpg", b"/"])
        for _ in range(chance.randrange(1, 9))
    ]
    lengths = np.array(list(map(len, keys)), np.int64)
    source = np.frombuffer(b"".join(keys) or b"0", np.uint8)
    columns = [source, np.cumsum(lengths) - lengths, lengths, np.frombuffer(prefix, np.uint8)]
    return Call("key_numbers", [*columns, np.zeros(len(keys), np.int64)], (4,))


def entries_call(chance: random.Random) -> Call:
    """Leaf pages and a value on overflow pages, one of them sometimes damaged."""
    size, entries = 512, []
    for number in range(chance.randrange(1, 6)):
        key = b"%d" % number * chance.randrange(1, 4)
        entries.append(leaf_entry(key, value=chance.randbytes(chance.randrange(60))))
    entries.append(leaf_entry(b"big", length=chance.choice([1, 496, 497, 1000]), first=3))
    file = bytearray(bytes(size) + leaf_page(1, entries) + leaf_page(2, entries[:-1]))
    file += struct.pack("<QHHI", 3, 0, 4, 2).ljust(2 * size, b"v")
    if chance.random() < 0.4:
        mutated = chance.randrange(size, 3 * size + 16)
        file[mutated] = chance.choice([0, 1, 2, 4, 16, 0x7F, 0xFF])
    data = np.frombuffer(bytes(file), np.uint8)
    pages = np.array([chance.choice([1, 2, 2]) for _ in range(chance.randrange(1, 4))], np.int64)
    room = chance.choice([20, 20, 20, 2])
    outputs = [np.zeros((4, room), np.int64), np.zeros(len(pages), np.int64)]
    return Call("locate_entries", [data, pages, size, len(file) // size, *outputs], (4, 5))


def leaf_entry(
    key: bytes, value: bytes = b"", *, length: int = 0, first: int = 0, flags: int = 0
) -> bytes:
    """An entry of a leaf page with its value, or with ``length`` bytes on page ``first``."""
    stored = struct.pack("<Q", first) if first else value
    flags |= 1 if first else 0
    return struct.pack("<IHH", length or len(value), flags, len(key)) + key + stored


def leaf_page(number: int, entries: list[bytes], size: int = 512) -> bytes:
    """A leaf page; entries are padded to an even number of bytes, and begin at its end."""
    padded = [entry + bytes(len(entry) % 2) for entry in entries]
    starts = [size - len(b"".join(padded[: i + 1])) for i in range(len(padded))]
    upper = starts[-1] if starts else size
    pointers = struct.pack(f"<{len(starts)}H", *starts)
    page = struct.pack("<QHHHH", number, 0, 2, 16 + len(pointers), upper) + pointers
    return page.ljust(upper, b"\0") + b"".join(reversed(padded))


def pages_call(chance: random.Random) -> Call:
    """Values on their leaf page, or on pages that may be used already."""
    size, count = 512, chance.randrange(1, 6)
    keys = size + 20 * np.arange(count)
    places = [chance.choice([int(key) + 8, size * (2 + 3 * i) + 16]) for i, key in enumerate(keys)]
    lengths = np.array([chance.choice([0, 1, 100, 496, 900]) for _ in range(count)], np.int64)
    used = np.array([chance.random() < 0.05 for _ in range(20)], np.uint8)
    return Call("claim_pages", [keys, np.array(places, np.int64), lengths, size, used], (4,))


def planes_call(chance: random.Random) -> Call:
    """Shuffled elements of some size."""
    size, count = chance.choice([1, 2, 3, 4, 8, 12, 16, 24]), chance.randrange(1, 50)
    planes = np.frombuffer(chance.randbytes(size * count), np.uint8)
    return Call("unshuffle", [planes, size, np.zeros(size * count, np.uint8)], (2,))


def segments_call(chance: random.Random) -> Call:
    """Segments of a JPEG, with fill bytes, restarts, scans and wrong lengths among them."""
    data = b""
    for _ in range(chance.randrange(1, 12)):
        marker = chance.choice(MARKERS)
        body = chance.randbytes(chance.randrange(9))
        data += bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
        if marker == 0xDA:
            data += b"".join(chance.choices(CODED, k=chance.randrange(1, 20)))
    offset = chance.choice([0, 0, 0, 1, chance.randrange(len(data))])
    return Call("skip_segments", [np.frombuffer(data, np.uint8), offset])


def pixels_call(chance: random.Random) -> Call:
    """Pixels of a picture."""
    channels = chance.randrange(1, 5)
    shape = (chance.randrange(1, 40), chance.randrange(1, 60), channels)
    values = np.frombuffer(chance.randbytes(shape[0] * shape[1] * shape[2]), np.uint8)
    return Call("measure_pixels", [values.reshape(shape), channels])


def fingerprints_call(chance: random.Random) -> Call:
    """Hashes and ranges of records of a random type."""
    count, dtype = chance.choice([1, 2, 5]), np.dtype(chance.choice("Bbfd"))
    low, high = (
        np.frombuffer(chance.randbytes(count * dtype.itemsize), dtype).copy() for _ in range(2)
    )
    if dtype.kind == "f" and chance.random() < 0.5:
        low[0], high[0] = chance.choices(ODD_FLOATS[:5], k=2)
    mixed = np.frombuffer(chance.randbytes(8 * count), np.uint64)
    type_hash = chance.randrange(1 << 32)
    arguments = [mixed, low, high, type_hash, np.zeros(count, np.uint64)]
    return Call("finish_fingerprints", arguments, (4,))


def runs_call(chance: random.Random) -> Call:
    """Labels of an epoch."""
    classes, dtype = chance.choice([1, 2, 5]), chance.choice([np.int16, np.int32, np.int64])
    codes = np.array([chance.randrange(classes) for _ in range(chance.randrange(5, 40))], dtype)
    runs = np.zeros(len(codes), chance.choice([np.int32, np.int64]))
    return Call("free_runs", [codes, classes, runs], (2,))


def batches_call(chance: random.Random) -> Call:
    """Labels of an epoch, and a batch size."""
    codes, classes, _ = runs_call(chance).arguments
    size = chance.randrange(1, 50)
    return Call("count_batches", [codes, classes, size, np.zeros(classes, np.int64)], (3,))


def blocks_call(chance: random.Random) -> Call:
    """Blocks of a table, some of them damaged, with bounds or without."""
    file, handles, bounds, places = b"", [], b"", [(0, 1)]
    for number in range(chance.randrange(1, 4)):
        content = random_block(chance, number)
        handles.append((len(file), len(content)))
        file += sealed(content, int(chance.random() < 0.2))
    for number in range(len(handles)):
        bounds += b"%d~" % number
        places.append((2 * number, 2))
    if chance.random() < 0.5:
        bounds, places = b"", []
    arguments = [
        np.frombuffer(file, np.uint8),
        np.array(handles, np.int64),
        chance.choice([0, 100, 1 << 20]),
        chance.random() < 0.5,
        bounds,
        np.array(places, np.int64).reshape(-1, 2),
        chance.random() < 0.5,
    ]
    return Call("decode_blocks", arguments)


def handles_call(chance: random.Random) -> Call:
    """Entries of an index."""
    data, rows = b"", []
    for i in range(chance.randrange(5)):
        value = varint(chance.choice([i * 100, 1 << 40])) + varint(chance.choice([20, 95, 96]))
        rows.append((0, 1, len(data), len(value), 0))
        data += value
    return Call("decode_handles", [data, np.array(rows, np.int64).tobytes(), 1000])


CALLS: dict[str, Callable[[random.Random], Call]] = {
    "compute_stats": stats_call,
    "add_exactly": sum_call,
    "gather": gather_call,
    "mark_repeated": numbers_call,
    "measure_records": records_call,
    "key_numbers": key_numbers_call,
    "locate_entries": entries_call,
    "claim_pages": pages_call,
    "unshuffle": planes_call,
    "skip_segments": segments_call,
    "measure_pixels": pixels_call,
    "finish_fingerprints": fingerprints_call,
    "free_runs": runs_call,
    "count_batches": batches_call,
    "decode_blocks": blocks_call,
    "decode_handles": handles_call,
}


def random_block(chance: random.Random, number: int) -> bytes:
    """Entries with keys after ``number``, and restart points; sometimes with wrong numbers."""
    content = b""
    for i in range(chance.randrange(5)):
        key = b"%d%c" % (number, 97 + i) + struct.pack("<Q", 256 * (9 - i) + chance.randrange(2))
        value = chance.randbytes(chance.randrange(12))
        lengths = [0, len(key), len(value)]
        if chance.random() < 0.1:
            lengths[chance.randrange(3)] = chance.choice([1, 200, 1 << 31, 1 << 62, (1 << 64) - 1])
        content += b"".join(map(varint, lengths)) + key + value
    restarts = chance.choice([1, 1, 1, 0, 2, 1 << 31])
    return content + struct.pack("<II", 0, restarts)


def sealed(content: bytes, packing: int) -> bytes:
    """A block with its trailer; ``packing`` 1 calls it Snappy data, which it rarely is."""
    framed = content + bytes([packing])
    return framed + struct.pack("<I", masked_crc(framed))
