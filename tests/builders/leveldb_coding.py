"""Edits of a manifest and records of a log, as LevelDB encodes them."""

from __future__ import annotations

from collections.abc import Iterable

from datascan.readers.leveldb.log import (
    BLOCK_BYTES as LOG_BLOCK_BYTES,
)
from datascan.readers.leveldb.log import (
    FIRST,
    FULL,
    HEADER,
    LAST,
    MIDDLE,
    masked_crc,
)
from datascan.readers.leveldb.manifest import (
    TAG_COMPARATOR,
    TAG_LAST_SEQUENCE,
    TAG_LOG,
    TAG_NEW,
    TAG_NEXT_FILE,
    TAG_PREVIOUS_LOG,
    State,
)


def edit_of(state: State) -> bytes:
    """``state`` as one edit."""
    out = [varint(TAG_COMPARATOR), string(state.comparator)]
    for tag, number in (
        (TAG_LOG, state.log),
        (TAG_PREVIOUS_LOG, state.previous_log),
        (TAG_NEXT_FILE, state.next_file),
        (TAG_LAST_SEQUENCE, state.last_sequence),
    ):
        out += [varint(tag), varint(number)]
    for table in state.tables:
        out += [varint(n) for n in (TAG_NEW, table.level, table.number, table.size)]
        out += [string(table.smallest), string(table.largest)]
    return b"".join(out)


def varint(value: int) -> bytes:
    """``value``, seven bits a byte, the lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(value: bytes) -> bytes:
    """``value`` behind its length."""
    return varint(len(value)) + value


def frame_records(records: Iterable[bytes]) -> bytes:
    """``records`` as the contents of a log file."""
    out = bytearray()
    for record in records:
        at = 0
        while True:
            room = LOG_BLOCK_BYTES - len(out) % LOG_BLOCK_BYTES
            if room < HEADER.size:
                out += bytes(room)
                room = LOG_BLOCK_BYTES
            piece = record[at : at + room - HEADER.size]
            is_first, is_last = at == 0, at + len(piece) == len(record)
            kind = {(True, True): FULL, (True, False): FIRST, (False, True): LAST}.get(
                (is_first, is_last), MIDDLE
            )
            out += HEADER.pack(masked_crc(bytes([kind]) + piece), len(piece), kind) + piece
            at += len(piece)
            if is_last:
                break
    return bytes(out)
