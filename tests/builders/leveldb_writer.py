"""Writes small LevelDB stores without LevelDB, on systems that plyvel has no wheels for.

One table or log for each session, as LevelDB does for sessions that fit into its write buffer.

Source: LevelDB, doc/table_format.md, doc/log_format.md, write_batch.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from datascan.readers.leveldb.log import masked_crc
from datascan.readers.leveldb.manifest import State, Table
from tests.builders.leveldb_coding import edit_of, frame_records, string, varint

BLOCK_BYTES, RESTART_INTERVAL, FOOTER_BYTES = 4096, 16, 48
MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
MANIFEST, FIRST_FILE = "MANIFEST-000002", 3

Session = Mapping[bytes, bytes | None]
Entry = tuple[bytes, bytes]


def write_store(path: Path, *sessions: Session, in_tables: bool = True) -> None:
    """A store of ``sessions``; without ``in_tables``, the last one stays in a log."""
    path.mkdir(exist_ok=True)
    sequence, tables, log = 1, [], FIRST_FILE
    for number, session in enumerate(sessions):
        is_last = number + 1 == len(sessions)
        name = FIRST_FILE + 2 * number
        if is_last and not in_tables:
            batches = list(batches_of(sequence, session))
            (path / f"{name:06}.log").write_bytes(frame_records(batches))
            log = name
        else:
            if session:
                entries = list(internal_entries(sequence, session))
                content = table_of(entries)
                (path / f"{name:06}.ldb").write_bytes(content)
                tables.append(Table(0, name, len(content), entries[0][0], entries[-1][0]))
            log = name + 1
        sequence += len(session)
    (path / f"{log:06}.log").touch()
    state = State(log=log, next_file=log + 1, last_sequence=sequence - 1, tables=tuple(tables))
    (path / MANIFEST).write_bytes(frame_records([edit_of(state)]))
    (path / "CURRENT").write_text(f"{MANIFEST}\n")
    for name in ("LOCK", "LOG"):
        (path / name).touch()


def batches_of(sequence: int, session: Session) -> Iterator[bytes]:
    """Batches of one write each."""
    for number, (key, value) in enumerate(session.items(), sequence):
        write = b"\0" + string(key) if value is None else b"\1" + string(key) + string(value)
        yield struct.pack("<QI", number, 1) + write


def internal_entries(sequence: int, session: Session) -> Iterator[Entry]:
    """The entries of a table in key order, with sequence numbers in the order of writing."""
    marked = {key: number << 8 for number, key in enumerate(session, sequence)}
    for key, value in sorted(session.items()):
        yield key + struct.pack("<Q", marked[key] | (value is not None)), value or b""


def table_of(entries: Iterable[Entry]) -> bytes:
    """A table without compression."""
    out = bytearray()
    index: list[Entry] = []
    block: list[Entry] = []
    for entry in entries:
        block.append(entry)
        if sum(len(key) + len(value) for key, value in block) > BLOCK_BYTES:
            index.append((block[-1][0], add_block(out, block)))
            block = []
    if block:
        index.append((block[-1][0], add_block(out, block)))
    handles = add_block(out, []) + add_block(out, index, restarts=1)
    return bytes(out + handles.ljust(FOOTER_BYTES - len(MAGIC), b"\0") + MAGIC)


def add_block(out: bytearray, entries: list[Entry], restarts: int = RESTART_INTERVAL) -> bytes:
    """Append a block and its trailer; returns its handle."""
    block, starts, before = bytearray(), [0], b""
    for number, (key, value) in enumerate(entries):
        shared = common_bytes(before, key) if number % restarts else 0
        if number % restarts == 0:
            starts[number // restarts :] = [len(block)]
        lengths = (shared, len(key) - shared, len(value))
        block += b"".join(map(varint, lengths)) + key[shared:] + value
        before = key
    block += struct.pack(f"<{len(starts)}II", *starts, len(starts))
    handle = varint(len(out)) + varint(len(block))
    out += block + b"\0" + struct.pack("<I", masked_crc(bytes(block) + b"\0"))
    return handle


def common_bytes(one: bytes, other: bytes) -> int:
    """The length of the common prefix."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
