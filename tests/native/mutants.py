"""Small stores and Datums, mutated, and read in this process.

Blocks of tables and fragments of logs get new checksums after a mutation, or the checksum would be
the only thing that is ever tested. Some keep the old one.
"""

from __future__ import annotations

import random
import shutil
import signal
import struct
import traceback
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

import numpy as np

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.decoders.datum.decoder import DatumDecoder
from datascan.errors import DatasetError
from datascan.executors.serial import SerialExecutor
from datascan.native import loops
from datascan.readers.base import open_reader
from datascan.readers.leveldb.log import BLOCK_BYTES, HEADER, masked_crc
from datascan.readers.leveldb.tables import TableError, index_handle, read_index
from datascan.records.buffers import BytesColumn
from datascan.scanner.scan import collect_metrics, scan
from datascan.session import select_checks
from tests.builders.images import encode, pixels
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb
from tests.native.calls import CALLS
from tests.native.hostile import is_refused_or_right

MAX_SECONDS = 60
"""A mutant that takes longer ends the process."""

MAX_PRINTED = 5
"""Failures that are printed in full."""

NUMBERS = [0, 1, 2, 3, 4, 7, 15, 16, 17, 127, 128, 255, 256, 4095, 4096, 65535, 65536]
NUMBERS += [(1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63]
NUMBERS += [(1 << 64) - 1, (1 << 64) - 8, (1 << 64) - 4096]


def mutate(content: bytearray, chance: random.Random) -> None:
    """Change some bytes in place, none to five times; the size stays."""
    for _ in range(chance.randrange(6)):
        if not content:
            return
        at = chance.randrange(len(content))
        length = min(chance.choice([1, 2, 4, 8, 30]), len(content) - at)
        match chance.randrange(5):
            case 0:
                content[at] ^= 1 << chance.randrange(8)
            case 1:
                number = struct.pack("<Q", chance.choice(NUMBERS))
                content[at : at + length] = number[:length].ljust(length, b"\0")
            case 2:
                content[at] = (content[at] + chance.choice([1, -1, 16])) % 256
            case 3:
                other = chance.randrange(len(content) - length + 1)
                content[at : at + length] = content[other : other + length]
            case _:
                content[at : at + length] = chance.randbytes(length)


def shortened(content: bytearray, chance: random.Random, share: float) -> bytes:
    """The content, truncated in a ``share`` of all cases."""
    return bytes(content[: chance.randrange(len(content))] if chance.random() < share else content)


def mutate_pages(path: Path, chance: random.Random) -> None:
    """Mutate headers of pages of an LMDB, or any bytes of them; sometimes truncate the file."""
    file = path / "data.mdb"
    content = bytearray(file.read_bytes())
    for _ in range(chance.randrange(1, 4)):
        page = chance.randrange(len(content) // 4096) * 4096
        start, size = chance.choice([(0, 16), (16, 120), (0, 4096), (3600, 496)])
        part = content[page + start : page + start + size]
        mutate(part, chance)
        content[page + start : page + start + size] = part
    file.write_bytes(shortened(content, chance, 0.1))


def mutate_table(path: Path, chance: random.Random) -> None:
    """Mutate some blocks of a table, its index, or its footer."""
    file = chance.choice(sorted(path.glob("*.ldb")))
    content = bytearray(file.read_bytes())
    try:
        index = read_index(file, len(content))
    except TableError:
        return
    offset, size = index_handle(bytes(content[-48:]))
    blocks = [*map(tuple, index.handles.tolist()), (offset, size), (offset, size)]
    for start, length in chance.sample(blocks, chance.randrange(1, 3)):
        block = content[start : start + length + 1]
        if chance.random() < 0.2:
            block[-1] ^= 1  # stored for Snappy, or Snappy for stored
        part = bytearray(block[:-1])
        mutate(part, chance)
        block[:-1] = part
        content[start : start + length + 1] = block
        if chance.random() < 0.9:
            seal = struct.pack("<I", masked_crc(bytes(block)))
            content[start + length + 1 : start + length + 5] = seal
    if chance.random() < 0.1:
        footer = content[-48:]
        mutate(footer, chance)
        content[-48:] = footer
    file.write_bytes(shortened(content, chance, 0.05))


def mutate_log(path: Path, chance: random.Random) -> None:
    """Mutate fragments of a log or of the manifest."""
    files = [file for file in path.iterdir() if file.suffix == ".log" or "MANIFEST" in file.name]
    file = chance.choice(sorted(files))
    content = bytearray(file.read_bytes())
    at = 0
    while at + HEADER.size <= len(content):
        rest = BLOCK_BYTES - at % BLOCK_BYTES
        if rest < HEADER.size:
            at += rest
            continue
        _, length, kind = HEADER.unpack_from(content, at)
        payload = content[at + HEADER.size : at + HEADER.size + length]
        if chance.random() < 0.5:
            mutate(payload, chance)
            kind = chance.choice([kind] * 9 + [chance.randrange(6)])
            crc = masked_crc(bytes([kind]) + payload)
            content[at : at + HEADER.size] = HEADER.pack(crc, length, kind)
            content[at + HEADER.size : at + HEADER.size + length] = payload
        at += HEADER.size + length
    file.write_bytes(shortened(content, chance, 0.1))


def build_lmdb(path: Path, variant: int) -> None:
    """Few records: bytes, floats on overflow pages, or texts under keys of several lengths."""
    if variant == 0:
        write_lmdb(path, numbered(random_datums(60)), map_size=1 << 20)
    elif variant == 1:
        floats = np.random.default_rng(0).normal(size=(6, 1, 20, 40)).astype(np.float32)
        write_lmdb(path, numbered(datum(one, i) for i, one in enumerate(floats)), map_size=1 << 20)
    else:
        texts = {b"k" * (i % 9 + 1) + b"%d" % i: b"v" * (i * 37 % 2500) for i in range(40)}
        write_lmdb(path, texts, map_size=1 << 20)


def build_leveldb(path: Path, variant: int) -> None:
    """Two tables that overlap and a log with deletions; stored, packed, or of values alike."""
    values = random_datums(40) if variant < 2 else [b"the same again and again " * 40] * 40
    entries = numbered(values)
    packing = None if variant == 0 else "snappy"
    newer = {key: entries[key][::-1] for key in list(entries)[::3]}
    logged = dict.fromkeys(list(entries)[::5]) | {b"last": b"x" * 300}
    write_leveldb(path, entries, newer, logged, compression=packing, in_tables=False)


@cache
def datums(variant: int) -> tuple[bytes, ...]:
    """Records of one layout: bytes, floats with a tag each, packed floats, encoded images."""
    if variant == 0:
        return tuple(random_datums(12))
    if variant == 3:
        return tuple(datum(pixels(1), i, encoded=encode(pixels(i, 6, 5), "PNG")) for i in range(6))
    floats = np.random.default_rng(0).normal(size=(12, 1, 3, 7)).astype(np.float32)
    if variant == 1:
        return tuple(datum(one, i) for i, one in enumerate(floats))
    shape = bytes([8, 1, 16, 3, 24, 7])
    return tuple(shape + bytes([0x32, 84]) + one.tobytes() + bytes([40, 3]) for one in floats)


def read_store(path: Path) -> None:
    """Scan a store with all checks in this process."""
    try:
        reader = open_reader((path,), Options(), None)
        scan(reader, select_checks(reader.options), executor=SerialExecutor())
        reader.close()
    except DatasetError:
        pass  # refused in one line


def read_datums(values: Iterable[bytes]) -> None:
    """Decode records and measure them with all checks."""
    track: Tracker = lambda row, count: None  # noqa: E731  (short)
    block = DatumDecoder(Options().read).decode(0, BytesColumn.of(list(values)), track)
    for measure in collect_metrics(select_checks(Options())).values():
        measure(block)
    block.digests(np.arange(block.records))


STORES: dict[str, tuple[Callable[[Path, int], None], Callable[[Path, random.Random], None]]] = {
    "lmdb": (build_lmdb, mutate_pages),
    "leveldb-table": (build_leveldb, mutate_table),
    "leveldb-log": (build_leveldb, mutate_log),
}
VARIANTS = 3
NAMES = (*STORES, "datum")


def read_mutant(home: Path, name: str, seed: int) -> None:
    """Mutate a store of that kind, in a folder of ``home``, and read it."""
    chance = random.Random(f"{name} {seed}")
    if name == "datum":
        values = [bytearray(value) for value in datums(chance.randrange(4))]
        for value in chance.sample(values, chance.randrange(1, 4)):
            mutate(value, chance)
        read_datums(map(bytes, values))
        return
    build, mutate_store = STORES[name]
    variant = chance.randrange(VARIANTS)
    origin = home / f"{name}-{variant}"
    if not origin.exists():
        build(origin, variant)
    path = home / "mutant"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(origin, path)
    mutate_store(path, chance)
    read_store(path)


def run(home: Path, first: int, last: int) -> int:
    """Read the mutants of these seeds, and make a hostile call of each function for each of them.

    Prints what failed and how many calls were made; the number of failures.
    """
    calls = failures = 0
    for seed in range(first, last):
        name = NAMES[seed % len(NAMES)]
        cases = {name: partial(read_mutant, home, name, seed)}
        cases |= {call: partial(is_refused_or_right, loops, call, seed) for call in CALLS}
        signal.alarm(MAX_SECONDS)
        for case, make in cases.items():
            try:
                make()
            except Exception:  # noqa: BLE001  (any error is a failure)
                failures += 1
                if failures <= MAX_PRINTED:
                    print(f"{case}, seed {seed}: {traceback.format_exc()}", flush=True)
        calls += len(CALLS)
    signal.alarm(0)
    print(f"{calls} calls, {failures} failures")
    return failures
