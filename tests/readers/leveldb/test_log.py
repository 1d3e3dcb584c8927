"""LevelDB's log format, against LevelDB's own logs and against every way to cut one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.readers.leveldb.log import (
    BLOCK_BYTES,
    FULL,
    HEADER,
    Flaw,
    Record,
    masked_crc,
    read_log,
)
from tests.builders.leveldb import log_file, numbered, write_leveldb
from tests.builders.leveldb_coding import frame_records

RECORDS = [b"a" * 10, b"", b"b" * 40_000, b"c" * 32_000, b"d" * 100_000, b"e"]


def payloads(path):
    """What is in a log: the payloads of its records, and its flaws."""
    found = []
    for item in read_log(path):
        if isinstance(item, Record):
            content = path.read_bytes()
            parts = [content[offset : offset + size] for offset, size in item.fragments]
            assert b"".join(parts) == item.payload
        found.append(item.payload if isinstance(item, Record) else item)
    return found


@pytest.fixture
def write(tmp_path):
    def write_log(content):
        (tmp_path / "log").write_bytes(content)
        return payloads(tmp_path / "log")

    return write_log


def test_checksum():
    # "123456789" has the CRC-32C e3069283; the mask is of LevelDB's doc/log_format.md.
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_records_come_back(write):
    assert write(frame_records(RECORDS)) == RECORDS


@given(sizes=st.lists(st.integers(0, 70_000), max_size=8))
def test_any_records_come_back(tmp_path_factory, sizes):
    path = tmp_path_factory.mktemp("log") / "log"
    records = [bytes([i]) * size for i, size in enumerate(sizes)]
    path.write_bytes(frame_records(records))
    assert (payloads(path)) == records


def test_reads_what_leveldb_wrote(tmp_path):
    entries = numbered(range(50), 2000)
    write_leveldb(tmp_path, entries, in_tables=False)
    records = payloads(log_file(tmp_path))
    assert len(records) == 50
    assert all(v in record for record, v in zip(records, entries.values(), strict=True))


def test_empty(write):
    assert write(b"") == []


@pytest.mark.parametrize("size", [1, 6, 7, 16, 18, 25, 32_767, 32_768, 32_780, 150_000])
def test_cut_anywhere_but_behind_a_record(write, size):
    content = frame_records(RECORDS)
    *records, flaw = write(content[:size])
    assert records == RECORDS[: len(records)]
    assert flaw == Flaw("truncated-store", size, "ends inside a record")


def test_cut_behind_a_record(write):
    assert write(frame_records(RECORDS[:3])) == RECORDS[:3]


def test_every_cut_is_told(write):
    records = [b"abc", b"", b"defg"]
    content, ends = frame_records(records), [len(frame_records(records[:n])) for n in range(4)]
    for size in range(len(content) + 1):
        found = write(content[:size])
        assert found[: sum(size >= end for end in ends[1:])] == [
            r for r, end in zip(records, ends[1:], strict=True) if size >= end
        ]
        assert any(isinstance(item, Flaw) for item in found) == (size not in ends)


def test_every_flip_is_told(write):
    content = frame_records([b"abc", b"defg"])
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 0x10
        assert any(isinstance(item, Flaw) for item in write(bytes(flipped)))


def test_a_flaw_costs_its_block_only(write):
    content = bytearray(frame_records([b"x" * 1000] * 200))
    content[BLOCK_BYTES + 5000] ^= 1
    found = write(bytes(content))
    (flaw,) = [item for item in found if isinstance(item, Flaw)]
    assert flaw.rule == "damaged-store"
    assert BLOCK_BYTES < flaw.at <= BLOCK_BYTES + 5000
    assert 160 < len(found) < 180
    assert found[-1] == b"x" * 1000


def test_zeros_at_the_end_are_no_flaw(write):
    assert write(frame_records([b"abc"]) + bytes(100_000)) == [b"abc"]


def test_zeros_at_the_end_inside_a_record_are_one(write):
    content = frame_records([b"x" * 100_000])[:BLOCK_BYTES] + bytes(100_000)
    assert write(content) == [Flaw("truncated-store", len(content), "ends inside a record")]


def test_zeros_before_the_end_are_a_flaw(write):
    records = [b"%05d" % i * 1000 for i in range(40)]
    content = frame_records(records)
    found = write(content[:BLOCK_BYTES] + bytes(2 * BLOCK_BYTES) + content[3 * BLOCK_BYTES :])
    (flaw,) = [item for item in found if isinstance(item, Flaw)]
    assert flaw == Flaw("damaged-store", BLOCK_BYTES, "holds zeros for 65,536 bytes")
    assert found[-1] == records[-1]


def test_zeroed_header(write):
    content = frame_records([b"abc", b"defg"])
    assert write(bytes(7) + content[7:]) == [Flaw("damaged-store", 0, "has a zeroed header")]


def fragment(kind, payload):
    return HEADER.pack(masked_crc(bytes([kind]) + payload), len(payload), kind) + payload


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([2, 1], "has a record without an end"),
        ([2, 2, 4], "has a record without an end"),
        ([3, 1], "has a record without a beginning"),
        ([4], "has a record without a beginning"),
        ([9, 1], "has a fragment of the unknown kind 9"),
    ],
)
def test_fragments_out_of_order(write, kinds, words):
    found = write(b"".join(fragment(kind, b"abc") for kind in kinds))
    assert [item.words for item in found if isinstance(item, Flaw)] == [words]


@pytest.mark.parametrize(
    ("size", "rule"), [(BLOCK_BYTES - 1, "truncated-store"), (BLOCK_BYTES, "damaged-store")]
)
def test_a_fragment_beyond_its_block(tmp_path, size, rule):
    """In the last block, which is short, it was cut; in a whole one, its length is wrong."""
    path = tmp_path / "000001.log"
    path.write_bytes(HEADER.pack(1, BLOCK_BYTES, FULL).ljust(size, b"x"))
    (flaw,) = read_log(path)
    assert flaw.rule == rule
    assert flaw.at == (size if rule == "truncated-store" else 0)


@pytest.mark.parametrize(("rest", "is_cut"), [(b"x", True), (b"\0", False)])
def test_bytes_after_the_last_fragment(tmp_path, rest, is_cut):
    """They are padding if they complete a block, which has no room for another header."""
    path = tmp_path / "000001.log"
    whole = frame_records([bytes(BLOCK_BYTES - HEADER.size - 5)])
    for length in range(1, 6):
        path.write_bytes(whole + rest * length)
        _, *flaws = read_log(path)
        assert bool(flaws) == (is_cut and length < 5)
