"""Damaged LevelDB folders: each loss is told, and all other records are still read."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.config.options import Options
from datascan.readers.leveldb.reader import LevelDbReader
from tests.builders.leveldb import (
    as_leveldb_reads,
    cut,
    files,
    flip,
    log_file,
    merged,
    numbered,
    open_leveldb,
    table_files,
    write_leveldb,
)
from tests.builders.leveldb_coding import frame_records

ONE_A_BLOCK = 5000
"""Values of so many bytes lie in a block each."""


class Read:
    """What a reader finds in a folder, over all its ranges, in order."""

    def __init__(self, path, shard_bytes=30_000):
        before = files(path)
        reader = LevelDbReader((path,), Options().replace(shard_bytes=shard_bytes))
        try:
            self.found = {}
            self.keys = []
            self.in_ranges = []
            for span in reader.key_ranges():
                for pairs in reader.iter_entries(span):
                    for row in range(len(pairs)):
                        assert pairs.keys[row] not in self.found
                        self.found[pairs.keys[row]] = pairs.values[row]
                    self.in_ranges += pairs.faults
                for pairs in reader.iter_entries(span, values=False):
                    self.keys += [pairs.keys[row] for row in range(len(pairs))]
            self.of_store = reader.faults()
            self.is_damaged = reader.is_damaged()
            self.got = {key: reader.get(key) for key in numbered(range(0, 100, 7))}
        finally:
            reader.close()
        assert self.keys == list(self.found)
        assert all(fault.row is None for fault in (*self.of_store, *self.in_ranges))
        assert files(path) == before

    def details(self, rule):
        return [f.detail for f in (*self.of_store, *self.in_ranges) if f.rule == rule]


def without(entries, *lost):
    return {key: value for key, value in sorted(entries.items()) if int(key) not in lost}


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def three(tmp_path):
    """Three tables of a hundred records side by side, a block each."""
    sessions = [numbered(range(i, i + 100), ONE_A_BLOCK) for i in (0, 100, 200)]
    write_leveldb(tmp_path / "store", *sessions)
    assert len(table_files(tmp_path / "store")) == 3
    return tmp_path / "store"


ALL = numbered(range(300), ONE_A_BLOCK)


def damage_record(path, index):
    """Flip 64 bytes inside the value of one record, wherever it lies."""
    at = path.read_bytes().index(b"%08d|%08d|" % (index, index))
    flip(path, at + 1000, 64)


def test_healthy_neighbour(three):
    read = Read(three)
    assert read.found == ALL
    assert read.of_store == ()
    assert read.in_ranges == []
    assert not read.is_damaged


SHARD_BYTES = pytest.mark.parametrize("shard_bytes", [1, 30_000, 1 << 25])


@SHARD_BYTES
@pytest.mark.parametrize("index", [0, 1, 99, 100, 150, 199, 200, 298, 299])
def test_a_block(three, index, shard_bytes):
    damage_record(table_files(three)[index // 100], index)
    read = Read(three, shard_bytes)
    assert read.found == without(ALL, index)
    before = f"'{index - 1:08d}'" if index else "the beginning"
    after = f"'{index + 1:08d}'" if index < 299 else "the end"
    (detail,) = read.details("damaged-store")
    table = table_files(three)[index // 100].name
    assert detail.startswith(
        f"the records between {before} and {after} cannot be read: "
        f"block checksum mismatch in {table} at byte "
    )
    assert read.got.get(b"%08d" % index) is None
    assert read.of_store == ()


@SHARD_BYTES
def test_several_blocks(three, shard_bytes):
    lost = [0, 5, 6, 7, 50, 99, 100, 180, 210, 212, 299]
    for index in lost:
        damage_record(table_files(three)[index // 100], index)
    read = Read(three, shard_bytes)
    assert read.found == without(ALL, *lost)
    assert [detail.split(" cannot")[0] for detail in read.details("damaged-store")] == [
        "the records between the beginning and '00000001'",
        "the records between '00000004' and '00000008'",
        "the records between '00000049' and '00000051'",
        "the records between '00000098' and '00000101'",
        "the records between '00000179' and '00000181'",
        "the records between '00000209' and '00000211'",
        "the records between '00000211' and '00000213'",
        "the records between '00000298' and the end",
    ]


@SHARD_BYTES
def test_all_blocks(three, shard_bytes):
    for index in range(300):
        damage_record(table_files(three)[index // 100], index)
    read = Read(three, shard_bytes)
    assert read.found == {}
    (detail,) = read.details("damaged-store")
    assert detail.startswith(
        "the records between the beginning and the end cannot be read: block checksum mismatch in "
    )


@SHARD_BYTES
@pytest.mark.parametrize("lost", [[0], [100], [101], [298], [50, 150], [40, 44, 161]])
def test_a_block_among_tables_that_share_keys(tmp_path, lost, shard_bytes):
    even, odd = numbered(range(0, 300, 2), ONE_A_BLOCK), numbered(range(1, 300, 2), ONE_A_BLOCK)
    write_leveldb(tmp_path, even, odd)
    for index in lost:
        damage_record(table_files(tmp_path)[index % 2], index)
    read = Read(tmp_path, shard_bytes)
    assert read.found == without(ALL, *lost)
    details = read.details("damaged-store")
    assert len(details) == len(lost)
    assert all("block checksum mismatch in 0" in detail for detail in details)


@SHARD_BYTES
def test_the_index_of_a_table(three, shard_bytes):
    flip(table_files(three)[1], -200, 16)
    read = Read(three, shard_bytes)
    assert read.found == without(ALL, *range(100, 200))
    (detail,) = read.details("damaged-store")
    assert detail.startswith("the records between '00000099' and '00000200' cannot be read")


def test_a_table_is_missing(three):
    table = table_files(three)[1]
    table.unlink()
    read = Read(three)
    assert read.found == without(ALL, *range(100, 200))
    assert read.details("damaged-store") == [
        (
            f"{table.name}, which the manifest lists, is missing: "
            "its records between '00000100' and '00000199' are out of reach"
        )
    ]
    assert read.is_damaged


def test_a_table_is_cut(three):
    table = table_files(three)[2]
    size = table.stat().st_size
    cut(table, size // 2)
    read = Read(three)
    assert read.found == without(ALL, *range(200, 300))
    assert read.details("truncated-store") == [
        (
            f"{table.name} has {size // 2:,} bytes, but the manifest says {size:,}: "
            "its records between '00000200' and '00000299' are out of reach"
        )
    ]


def test_the_end_of_a_table_is_gone(three):
    table = table_files(three)[0]
    flip(table, -48, 48)
    read = Read(three)
    assert read.found == without(ALL, *range(100))
    assert read.details("damaged-store") == [
        (
            f"{table.name} does not end as a table does: "
            "its records between '00000000' and '00000099' are out of reach"
        )
    ]


def test_all_tables_are_missing(three):
    for table in table_files(three):
        table.unlink()
    read = Read(three)
    assert read.found == {}
    assert len(read.details("damaged-store")) == 3


def test_current_is_missing(three):
    (three / "CURRENT").unlink()
    read = Read(three)
    assert read.found == ALL
    (manifest,) = three.glob("MANIFEST-*")
    assert read.details("damaged-store") == [f"CURRENT is missing: {manifest.name} is read instead"]


@pytest.mark.parametrize("text", ["MANIFEST-000999\n", "MANIFEST-000", "", "\x00" * 16])
def test_current_names_a_wrong_file(three, text):
    (three / "CURRENT").write_text(text)
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert detail.startswith("CURRENT does not name a manifest but ")


def test_an_orphan_does_not_count_without_current_either(three, tmp_path):
    other = write_leveldb(tmp_path / "other", numbered(range(900, 950)))
    (table_files(other)[0]).rename(three / "000090.ldb")
    (three / "CURRENT").unlink()
    assert Read(three).found == ALL


@pytest.mark.parametrize("remove_current", [True, False])
def test_manifest_is_missing(three, remove_current):
    for manifest in three.glob("MANIFEST-*"):
        manifest.unlink()
    if remove_current:
        (three / "CURRENT").unlink()
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert "no manifest is left" in detail


@pytest.mark.parametrize("in_tables", [True, False])
def test_manifest_is_cut(tmp_path, in_tables):
    sessions = [numbered(range(i, i + 100)) for i in (0, 100, 200)]
    write_leveldb(tmp_path, *sessions, in_tables=in_tables)
    (manifest,) = tmp_path.glob("MANIFEST-*")
    cut(manifest, -5)
    read = Read(tmp_path)
    assert read.found == numbered(range(300))
    (detail,) = read.details("truncated-store")
    assert detail.startswith(f"{manifest.name} ends inside a record at byte ")


def test_manifest_is_damaged(three):
    (manifest,) = three.glob("MANIFEST-*")
    flip(manifest, 20)
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert detail.startswith(f"{manifest.name} has a wrong checksum or length at byte 0")


def test_manifest_and_tables(three):
    first, second, third = table_files(three)
    (three / "CURRENT").unlink()
    for manifest in three.glob("MANIFEST-*"):
        manifest.unlink()
    cut(first, 100_000)
    damage_record(second, 150)
    third.with_name("000777.ldb").write_bytes(b"")
    read = Read(three)
    assert read.found == without(ALL, *range(100), 150)
    details = read.details("damaged-store")
    assert len(details) == 4
    assert "no manifest is left" in details[0]
    assert details[1].startswith(f"{first.name} is not a whole table")
    assert details[2].startswith("000777.ldb is not a whole table")
    assert details[3].startswith("the records between '00000149' and '00000151' cannot be read")


def test_nothing_can_be_opened(tmp_path):
    for name in ("CURRENT", "MANIFEST-000004", "000005.ldb"):
        (tmp_path / name).write_bytes(b"not what it should be")
    read = Read(tmp_path)
    assert read.found == {}
    assert read.is_damaged
    assert any("000005.ldb" in detail for detail in read.details("damaged-store"))


@pytest.fixture
def logged(tmp_path):
    """A table of a hundred records and a log of four hundred, in batches of ten."""
    path = write_leveldb(tmp_path / "store", numbered(range(100), 1000))
    entries = list(numbered(range(100, 500), 1000).items())
    with open_leveldb(path) as db:
        for at in range(0, 400, 10):
            with db.write_batch() as batch:
                for key, value in entries[at : at + 10]:
                    batch.put(key, value)
    return path


LOGGED = numbered(range(500), 1000)


def test_log_is_cut(logged, tmp_path):
    log = log_file(logged)
    half = log.stat().st_size // 2 - 50
    cut(log, half)
    read = Read(logged)
    assert read.found == without(LOGGED, *range(290, 500))
    assert read.found == as_leveldb_reads(logged, tmp_path / "copy")
    assert read.details("truncated-store") == [
        f"{log.name} ends inside a record at byte {half:,}: the records written after it are lost"
    ]


@pytest.mark.parametrize("at", [200, 7, 60_000, 200_000, -200])
def test_log_is_flipped(logged, tmp_path, at):
    log = log_file(logged)
    flip(log, at)
    read = Read(logged)
    assert read.found == as_leveldb_reads(logged, tmp_path / "copy")
    assert 10 <= 500 - len(read.found) <= 40
    (detail,) = read.details("damaged-store")
    assert detail.startswith(f"{log.name} has a wrong checksum or length at byte ")


def test_log_has_a_hole(logged, tmp_path):
    log = log_file(logged)
    content = log.read_bytes()
    log.write_bytes(content[:65_536] + bytes(131_072) + content[196_608:])
    read = Read(logged)
    assert read.found == as_leveldb_reads(logged, tmp_path / "copy")
    assert len(read.found) < 400
    assert read.details("damaged-store") == [
        (
            f"{log.name} holds zeros for 131,072 bytes at byte 65,536: "
            "the records stored there are lost"
        )
    ]


def test_log_with_space_set_aside_behind_it(logged):
    log = log_file(logged)
    log.write_bytes(log.read_bytes() + bytes(100_000))
    read = Read(logged)
    assert read.found == LOGGED
    assert read.of_store == ()


def test_log_is_missing(logged):
    log_file(logged).unlink()
    read = Read(logged)
    assert read.found == numbered(range(100), 1000)
    (detail,) = read.details("damaged-store")
    assert detail.endswith(", which the manifest names, is missing: the records in it are lost")


def test_log_of_records_that_are_no_batches(logged, tmp_path):
    log = log_file(logged)
    log.write_bytes(frame_records([b"short"]))
    read = Read(logged)
    assert read.found == numbered(range(100), 1000)
    assert read.details("damaged-store") == [
        (
            f"{log.name} holds a record of 5 bytes that is not a batch of writes (it is too short) "
            "at byte 0: the records stored there are lost"
        )
    ]


def test_only_a_log_is_left(logged):
    log = log_file(logged)
    for path in logged.iterdir():
        if path not in (log, logged / "LOG"):
            path.unlink()
    read = Read(logged)
    assert read.found == numbered(range(100, 500), 1000)
    assert len(read.of_store) == 1


@settings(max_examples=60, deadline=None)
@given(
    which=st.integers(0, 9),
    where=st.floats(0, 1, exclude_max=True),
    count=st.sampled_from([1, 16, 1000, 40_000]),
    kind=st.sampled_from(["flip", "cut", "remove"]),
    shard_bytes=st.sampled_from([1, 30_000]),
)
def test_no_loss_is_silent(tmp_path_factory, which, where, count, kind, shard_bytes):
    path = tmp_path_factory.mktemp("any") / "store"
    sessions = [numbered(range(i, 400, 4), 700) for i in range(3)]
    write_leveldb(path, *sessions, in_tables=False)
    targets = [f for f in sorted(path.iterdir()) if f.suffix in (".ldb", ".log") or "-" in f.name]
    targets = [file for file in targets if file.stat().st_size]
    target = targets[which % len(targets)]
    at = int(where * target.stat().st_size)
    if kind == "flip":
        flip(target, at, min(count, target.stat().st_size - at))
    elif kind == "cut":
        cut(target, at)
    else:
        target.unlink()
    read = Read(path, shard_bytes)
    is_log_cut = kind == "cut" and target.suffix == ".log"
    # A log that ends right behind a record is a whole, shorter log.
    if read.found != merged(sessions) and not is_log_cut:
        assert read.of_store or read.in_ranges
    assert read.found.items() <= merged(sessions).items()


def test_a_log_that_the_manifest_names_is_gone(tmp_path):
    """While a table is being written, two logs are alive; the older one holds its records."""
    write_leveldb(tmp_path / "store", {b"a": b"1"}, in_tables=False)
    (log,) = (tmp_path / "store").glob("*.log")
    later = log.with_name(f"{int(log.stem) + 3:06}.log")
    later.write_bytes(b"")
    log.unlink()
    reader = LevelDbReader((tmp_path / "store",), Options())
    try:
        reader.plan()
        assert [fault.rule for fault in reader.faults()] == ["damaged-store"]
        assert log.name in reader.faults()[0].detail
    finally:
        reader.close()
