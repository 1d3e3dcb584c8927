"""Blocks of tables: read in C and in Python alike, whatever they hold."""

from __future__ import annotations

import itertools
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import datascan
from datascan.checks import damaged_store
from datascan.checks.damaged_store import FIX_UNSUPPORTED
from datascan.native import table_blocks
from datascan.native.table_blocks import (
    CHECKSUM,
    COMPRESSION,
    ORDER,
    SOUND,
    TOO_LARGE,
    TRAILER,
)
from datascan.readers.leveldb.files import Folder
from datascan.readers.leveldb.log import masked_crc
from datascan.readers.leveldb.manifest import Table
from datascan.readers.leveldb.tables import UNSUPPORTED, TableError, TableFile, read_index
from tests.builders.leveldb import numbered, open_leveldb, state, table_files, write_leveldb
from tests.builders.leveldb_coding import varint

tables = pytest.importorskip("datascan.native.tables", reason="not compiled")

PACKED = b"the same again and again " * 60


def decode(buffer, handles, limit=1 << 30, every_version=False, bounds=(), is_inclusive=True):
    """What C and Python read alike: entries by block, and the error of each block."""
    starts = itertools.accumulate((len(key) for key in bounds), initial=0)
    places = np.array([(a, len(k)) for a, k in zip(starts, bounds, strict=False)], np.int64)
    limits = (b"".join(bounds), places.reshape(-1, 2), is_inclusive)
    room = np.frombuffer(buffer, np.uint8)
    where = np.array(handles, np.int64).reshape(-1, 2)
    found = [
        module.decode_blocks(room, where, limit, every_version, *limits)
        for module in (tables, table_blocks)
    ]
    assert found[0] == found[1]
    keys, raw, unpacked, state = found[0]
    rows = np.frombuffer(raw, np.int64).reshape(-1, 5).tolist()
    everything = bytes(buffer) + unpacked
    entries = [
        (keys[key : key + size], everything[value : value + length], mark)
        for key, size, value, length, mark in rows
    ]
    states = np.frombuffer(state, np.int64).reshape(-1, 2)
    assert len(entries) == states[:, 1].sum()
    assert not states[states[:, 0] != SOUND, 1].any()
    return entries, states[:, 0].tolist()


def table_of(path):
    """The only table of a store."""
    (table,) = state(path).tables
    return TableFile(path / Folder.of(path).tables[table.number], table)


def all_entries(file):
    return decode(file.path.read_bytes(), file.index.handles)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_table_holds_what_was_written(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("store") / "s"
    keys = st.binary(min_size=1, max_size=6)
    values = st.one_of(st.binary(max_size=40), st.sampled_from([PACKED, PACKED * 40, b"x" * 9000]))
    session = data.draw(st.dictionaries(keys, st.one_of(st.none(), values), min_size=1))
    write_leveldb(path, session, compression=data.draw(st.sampled_from([None, "snappy"])))
    if not state(path).tables:
        return
    entries, errors = all_entries(table_of(path))
    assert set(errors) <= {SOUND}
    live = {key: value for key, value, mark in entries if mark & 0xFF}
    assert live == {key: value for key, value in session.items() if value is not None}


def test_the_newest_of_several_versions_in_one_table(tmp_path):
    # All versions of a key that one session wrote are in one table.
    with open_leveldb(tmp_path, create_if_missing=True) as db:
        snapshots = []
        for version in range(3):
            snapshots.append(db.snapshot())  # or LevelDB drops the older versions
            for i in range(200):
                db.put(b"%03d" % i, b"%d" % version)
        db.delete(b"007")
        db.compact_range()
        file = None
        for name in Folder.of(tmp_path).tables.values():
            size = (tmp_path / name).stat().st_size
            file = TableFile(tmp_path / name, Table(0, 1, size, b"", b""))
        assert file is not None
        handles = file.index.handles
        newest, _ = decode(file.path.read_bytes(), handles)
        every, _ = decode(file.path.read_bytes(), handles, every_version=True)
        for snapshot in snapshots:
            snapshot.close()
    assert len(every) > 400
    assert len({key for key, _, _ in newest}) == 200
    by_key = {}
    for key, value, mark in every:
        by_key.setdefault(key, (value, mark & 0xFF))
    assert by_key[b"007"][1] == 0
    assert all(by_key[key] == (value, mark & 0xFF) for key, value, mark in newest)


@pytest.fixture(scope="module")
def whole_table(tmp_path_factory):
    path = tmp_path_factory.mktemp("table")
    values = numbered(range(300), 100) | {b"packed%d" % i: PACKED for i in range(20)}
    write_leveldb(path, values, compression="snappy")
    file = TableFile(table_files(path)[0], state(path).tables[0])
    return file.path.read_bytes(), file.index.handles


@given(data=st.data())
def test_a_changed_byte_costs_its_block(whole_table, data):
    content, handles = whole_table
    block = data.draw(st.integers(0, len(handles) - 1))
    offset, size = handles[block].tolist()
    at = offset + data.draw(st.integers(0, size + 4))
    changed = bytearray(content)
    changed[at] ^= data.draw(st.integers(1, 255))
    sound, _ = decode(content, np.delete(handles, block, axis=0))
    entries, errors = decode(changed, handles)
    assert errors[block] == CHECKSUM
    assert entries == sound
    assert errors.count(SOUND) == len(errors) - 1


@given(st.binary(max_size=300), st.integers(0, 2), st.booleans())
def test_nonsense_with_a_right_checksum_does_no_harm(content, packing, every_version):
    block = sealed(content, packing)
    entries, _ = decode(block, [[0, len(content)]], 4096, every_version)
    assert all(len(key) + len(value) <= len(content) + 2 * 4096 for key, value, _ in entries)


@given(
    st.lists(
        st.tuples(st.binary(max_size=3), st.integers(0, 2**64 - 1), st.binary(max_size=5)),
        max_size=8,
    ),
    st.booleans(),
)
def test_any_order_of_keys(triples, every_version):
    content = b"".join(
        entry(key + struct.pack("<Q", mark & ~0xFF | mark % 2), value)
        for key, mark, value in triples
    ) + struct.pack("<II", 0, 1)
    entries, (error,) = decode(sealed(content, 0), [[0, len(content)]], 4096, every_version)
    order = [(key, -(mark & ~0xFF | mark % 2)) for key, mark, _ in triples]
    assert (error == ORDER) == any(a >= b for a, b in itertools.pairwise(order))
    if error == SOUND and every_version:
        assert len(entries) == len(triples)


@given(
    st.lists(st.binary(max_size=2), max_size=4, unique=True).map(sorted),
    st.lists(st.binary(max_size=2), min_size=2, max_size=2).map(sorted),
    st.booleans(),
)
def test_keys_outside_of_the_bounds_of_their_block(keys, bounds, is_inclusive):
    content = b"".join(entry(key + b"\1" + bytes(7), b"") for key in keys)
    content += struct.pack("<II", 0, 1)
    block = sealed(content, 0)
    handles = [[0, len(content)]]
    entries, (error,) = decode(block, handles, bounds=bounds, is_inclusive=is_inclusive)
    low, high = bounds
    assert (error == SOUND) == all(low <= key <= high for key in keys)
    if error == SOUND:
        # The key before the block is in it only in older versions.
        kept = [key for key in keys if key != low or is_inclusive]
        assert [key for key, _, _ in entries] == kept


def test_older_versions_at_the_beginning_of_a_block_are_left_out():
    blocks, handles, at = b"", [], 0
    for versions in ([(b"a", 9), (b"b", 8)], [(b"b", 7), (b"b", 6), (b"c", 5)], [(b"c", 4)]):
        content = b"".join(
            entry(key + b"\1" + bytes([age]) + bytes(6), key) for key, age in versions
        )
        content += struct.pack("<II", 0, 1)
        sound = sealed(content, 0)
        handles.append([at, len(content)])
        blocks, at = blocks + sound, at + len(sound)
    entries, errors = decode(blocks, handles, bounds=[b"a", b"b", b"c", b"c"])
    assert errors == [SOUND] * 3
    assert [(key, value, mark >> 8) for key, value, mark in entries] == [
        (b"a", b"a", 9),
        (b"b", b"b", 8),
        (b"c", b"c", 5),
    ]


@pytest.mark.parametrize("place", [[-1, 1], [0, 9], [1 << 62, 1], [0, -1]])
def test_bounds_outside_of_their_keys(place):
    content = entry(b"k\1" + bytes(7), b"") + struct.pack("<II", 0, 1)
    room = np.frombuffer(sealed(content, 0), np.uint8)
    handles = np.array([[0, len(content)]], np.int64)
    for places in ([place, [0, 1]], [[0, 1], place]):
        where = np.array(places, np.int64)
        found = [
            module.decode_blocks(room, handles, 99, False, b"k", where, True)
            for module in (tables, table_blocks)
        ]
        assert found[0] == found[1]
        assert np.frombuffer(found[0][3], np.int64).tolist() == [ORDER, 0]
    for module in (tables, table_blocks):
        with pytest.raises(ValueError, match="bound"):
            module.decode_blocks(room, handles, 99, False, b"k", np.zeros((3, 2), np.int64), True)


@given(st.lists(st.tuples(*[st.integers(-3, 40)] * 2), max_size=5), st.binary(max_size=40))
def test_any_handles(places, data):
    rows = np.zeros((len(places), 5), np.int64)
    rows[:, 2:4] = np.array(places, np.int64).reshape(-1, 2)
    found = [module.decode_handles(data, rows.tobytes(), 90) for module in (tables, table_blocks)]
    assert found[0] == found[1]
    if found[0] is not None:
        handles = np.frombuffer(found[0], np.int64).reshape(-1, 2)
        ends = handles.sum(axis=1) + 5
        assert (ends <= 90).all()
        assert (handles[1:, 0] >= ends[:-1]).all()


@pytest.mark.parametrize(
    ("pairs", "fit"),
    [
        ([(0, 10), (15, 20)], True),
        ([(0, 10), (16, 0), (30, 300)], True),
        ([(3, 10), (0, 1)], False),
        ([(0, 10), (14, 1)], False),
        ([(0, 995)], True),
        ([(0, 996)], False),
        ([(1 << 40, 1)], False),
        ([], True),
    ],
)
@pytest.mark.parametrize("module", [tables, table_blocks])
def test_blocks_of_an_index(module, pairs, fit):
    """They ascend, do not overlap, and end with their trailers before byte 1,000."""
    values = [bytes(varint(offset) + varint(size)) for offset, size in pairs]
    starts = itertools.accumulate(map(len, values), initial=0)
    rows = np.zeros((len(pairs), 5), np.int64)
    rows[:, 2:4] = [(at, len(value)) for at, value in zip(starts, values, strict=False)] or 0
    found = module.decode_handles(b"".join(values), rows.tobytes(), 1000)
    assert (found is not None) == fit
    if fit:
        assert np.frombuffer(found, np.int64).reshape(-1, 2).tolist() == [list(p) for p in pairs]


@pytest.mark.parametrize("value", [b"", b"\x80", b"\x05", b"\x05\x80", b"\xff" * 11])
@pytest.mark.parametrize("module", [tables, table_blocks])
def test_handles_that_do_not_end(module, value):
    rows = np.array([[0, 0, 0, len(value), 0]], np.int64)
    assert module.decode_handles(value, rows.tobytes(), 1000) is None


@pytest.mark.parametrize(
    "handle", [[-1, 5], [0, -1], [0, 1 << 62], [1 << 62, 1], [90, 20], [-(1 << 63), 1 << 62]]
)
def test_handles_outside_of_the_buffer(handle):
    assert decode(bytes(100), [handle])[1] == [table_blocks.OUTSIDE]


def test_a_method_of_compression_that_is_unknown():
    assert decode(sealed(b"x" * 50, 2), [[0, 50]])[1] == [COMPRESSION]


def test_a_block_that_expands_without_end():
    # A literal of one byte, then copies of 64 bytes each: 64 times its size, and no more.
    copies = b"".join([b"\xfe\x01\x00"] * 20_000)
    packed = bytes(varint(1 + 64 * 20_000)) + b"\x00a" + copies
    assert decode(sealed(packed, 1), [[0, len(packed)]], 100_000)[1] == [TOO_LARGE]


def test_keys_that_expand_without_end():
    # Every key shares the 1,000 bytes of the one before, and costs 12 bytes.
    content = entry(b"k" * 1000 + bytes(8), b"")
    content = bytes([0]) + bytes(varint(1008)) + bytes([0]) + b"k" * 1000 + b"\1" + bytes(7)
    for i in range(1, 2000):
        shared, mark = 1000, struct.pack(">I", i) + b"\1" + bytes(7)
        content += bytes(varint(shared)) + bytes([len(mark), 0]) + mark
    content += struct.pack("<II", 0, 1)
    block = sealed(content, 0)
    assert decode(block, [[0, len(content)]])[1] == [SOUND]
    assert decode(block, [[0, len(content)]], 100_000)[1] == [TOO_LARGE]


def test_handles_of_an_index_must_ascend(tmp_path):
    block = sealed(entry(b"a" + b"\1" + bytes(7), b"v") + struct.pack("<II", 0, 1), 0)
    handle = bytes([0, len(block) - 5])
    key = [b"a" + b"\1" + bytes(7), b"b" + b"\1" + bytes(7)]
    index = sealed(entry(key[0], handle) + entry(key[1], handle) + struct.pack("<II", 0, 1), 0)
    content = block + index + footer(bytes(varint(len(block))) + bytes(varint(len(index) - 5)))
    (tmp_path / "000001.ldb").write_bytes(content)
    with pytest.raises(TableError, match="overlap"):
        read_index(tmp_path / "000001.ldb", len(content))


def small_table() -> bytes:
    """A table with one entry, of which only the index is read."""
    block = sealed(entry(b"a" + b"\1" + bytes(7), b"v") + struct.pack("<II", 0, 1), 0)
    index = entry(b"b" + b"\1" + bytes(7), bytes([0, len(block) - 5]))
    index = sealed(index + struct.pack("<II", 0, 1), 0)
    return block + index + footer(bytes(varint(len(block))) + bytes(varint(len(index) - 5)))


def index_of(path, content: bytes):
    path.write_bytes(content)
    return read_index(path, len(content))


def test_the_index_of_a_table(tmp_path):
    index = index_of(tmp_path / "000001.ldb", small_table())
    assert len(index) == 1
    assert index.handles.tolist() == [[0, 21]]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda content: content[:-1] + b"!", "damaged footer"),
        (lambda content: content[-47:], "damaged footer"),
        (lambda content: content[:-48] + footer(b"\x05\x7f"), "outside of the file"),
        (lambda content: content[:30] + b"!" + content[31:], "the index cannot be read"),
    ],
)
def test_a_damaged_index(tmp_path, damage, why):
    with pytest.raises(TableError, match=why):
        index_of(tmp_path / "000001.ldb", damage(small_table()))


def test_a_table_that_vanishes_is_lost(tmp_path):
    path = tmp_path / "000001.ldb"
    content = small_table()
    path.write_bytes(content)
    last = b"a" + b"\1" + bytes(7)
    table = TableFile(path, Table(0, 1, len(content), last, last))
    start, stop = table.span_of(range(1))
    assert len(table.read(range(1), np.empty(stop - start, np.uint8)).rows) == 1
    path.unlink()
    segment = table.read(range(1), np.empty(stop - start, np.uint8))
    assert len(segment.rows) == 0
    (loss,) = segment.losses
    assert loss.reason == "000001.ldb cannot be read: No such file or directory"


CHECKSUMS = """
import google_crc32c, random, struct
import numpy as np
from datascan.native import tables

chance = random.Random(1)
octets = chance.randbytes(1 << 17)
bounds = b"", np.empty((0, 2), np.int64), True
lengths = [*range(1000), *range(3000, 3300), *(chance.randrange(1 << 16) for _ in range(200))]
for length in lengths:
    at = chance.randrange(64)
    framed = octets[at : at + length] + b"\\x09"
    crc = google_crc32c.value(framed)
    stored = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    block = bytearray(7) + framed + struct.pack("<I", stored)
    handles = np.array([[7, length]])
    for state in (3, 2):  # an unknown method, which is seen only if the checksum is right
        *_, found = tables.decode_blocks(bytes(block), handles, 1 << 20, False, *bounds)
        assert np.frombuffer(found, np.int64)[0] == state, (length, state)
        block[7 + chance.randrange(length + 1)] ^= 1 << chance.randrange(8)
"""


@pytest.mark.parametrize("instructions", ["none", "avx512"])
def test_checksums_of_blocks_of_any_length(instructions):
    """They are computed in parts, whose checksums are put together."""
    run = [sys.executable, "-c", CHECKSUMS]
    environment = {**os.environ, "DATASCAN_SIMD": instructions}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("value", "module"), [("", tables), ("1", table_blocks)])
def test_the_implementation_in_use(value, module):
    code = "from datascan.native import loops; print(loops.decode_blocks.__module__)"
    environment = {**os.environ, "DATASCAN_PLAIN": value}
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    expected = getattr(module.decode_blocks, "__module__", None)
    assert done.stdout.strip() == str(expected)


def sealed(content, packing):
    framed = content + bytes([packing])
    return framed + struct.pack("<I", masked_crc(framed))


def entry(key, value):
    return bytes([0]) + varint(len(key)) + varint(len(value)) + key + value


def footer(handle):
    handles = bytes([0, 0, *handle]).ljust(40, b"\0")
    return handles + struct.pack("<Q", 0xDB4775248B80FB57)


METHODS = {
    "zstd": b"\x28\xb5\x2f\xfd",
    "zlib": b"\x78\x9c",
    "compression method 9": b"\x00\x01",
}


@pytest.mark.parametrize("name", METHODS)
def test_blocks_of_an_unsupported_compression_are_named(tmp_path, name):
    write_leveldb(tmp_path, numbered(range(200)))
    (path,) = table_files(tmp_path)
    content = bytearray(path.read_bytes())
    for offset, size in read_index(path, len(content)).handles.tolist():
        block = METHODS[name] + bytes(content[offset + len(METHODS[name]) : offset + size])
        content[offset : offset + size + TRAILER] = sealed(block, 9)
    path.write_bytes(content)
    report = datascan.scan(tmp_path)
    (found,) = [found for found in report.findings if found.rule == "damaged-store"]
    assert f"a block is compressed with {name}, which datascan cannot decompress" in found.message
    assert found.fix == FIX_UNSUPPORTED
    assert UNSUPPORTED == damaged_store.UNSUPPORTED
    assert "empty-dataset" not in {found.rule for found in report.findings}
