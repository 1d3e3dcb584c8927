"""LevelDB folders, healthy ones: what is read, and that nothing on disk ever changes."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

import lmdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.keyvalue.batch import KeyRange
from datascan.readers.leveldb.log import Record, read_log
from datascan.readers.leveldb.manifest import State, state_of
from datascan.readers.leveldb.reader import LevelDbReader
from tests.builders.leveldb import (
    as_leveldb_reads,
    files,
    merged,
    numbered,
    open_leveldb,
    write_leveldb,
)
from tests.builders.leveldb_coding import edit_of, frame_records
from tests.builders.leveldb_writer import write_store

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data"
SHARD_BYTES = (1, 1000, 30_000, 1 << 25)


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """A folder of its own for temporary files, empty again after every test."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def opened():
    """Opens readers, and closes them in the end."""
    readers = []

    def open_reader(path, **options):
        readers.append(LevelDbReader((path,), Options().replace(**options)))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()


def entries(reader, spans=None):
    """All entries of ``spans`` (all ranges), in the order in which they come."""
    found = []
    for span in reader.key_ranges() if spans is None else spans:
        for pairs in reader.iter_entries(span):
            assert pairs.faults == ()
            found += [(pairs.keys[row], pairs.values[row]) for row in range(len(pairs))]
    return found


def keys(reader):
    """All keys, read without values."""
    found = []
    for span in reader.key_ranges():
        for pairs in reader.iter_entries(span, values=False):
            assert not pairs.values.lengths.any()
            found += [pairs.keys[row] for row in range(len(pairs))]
    return found


def holds(reader, expected):
    """Whether the reader finds exactly ``expected``, however it is asked."""
    assert reader.faults() == ()
    assert not reader.is_damaged()
    assert entries(reader) == list(expected.items())
    assert entries(reader, [KeyRange()]) == list(expected.items())
    assert keys(reader) == list(expected)
    assert all(reader.get(key) == value for key, value in list(expected.items())[:50])
    assert reader.get(b"no such key") is None


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is absent")
class TestCaffe:
    @pytest.mark.parametrize("name", ["uint8", "float", "png"])
    def test_reads_the_log_and_changes_nothing(self, name, opened):
        path = SHARED / f"caffe_{name}_leveldb"
        before = files(path)
        for shard_bytes in (20_000, 1 << 25):
            reader = opened(path, shard_bytes=shard_bytes)
            assert len(entries(reader)) == 300
            assert reader.faults() == ()
            assert (len(reader.key_ranges()) > 1) == (shard_bytes == 20_000)
            reader.close()
        assert files(path) == before

    @pytest.mark.parametrize("name", ["uint8", "float"])
    def test_holds_the_same_as_the_lmdb(self, name, opened):
        twin = str(SHARED / f"caffe_{name}_lmdb")
        with lmdb.open(twin, readonly=True, lock=False) as environment, environment.begin() as view:
            expected = dict(view.cursor())
        holds(opened(SHARED / f"caffe_{name}_leveldb", shard_bytes=20_000), expected)


@pytest.mark.parametrize("shard_bytes", SHARD_BYTES)
@pytest.mark.parametrize("compression", [None, "snappy"])
def test_tables_and_log(tmp_path, opened, compression, shard_bytes):
    sessions = [numbered(range(i, i + 200)) for i in range(0, 1000, 200)]
    write_leveldb(tmp_path, *sessions, compression=compression, in_tables=False)
    before = files(tmp_path)
    holds(opened(tmp_path, shard_bytes=shard_bytes), merged(sessions))
    assert files(tmp_path) == before


@pytest.mark.parametrize("shard_bytes", SHARD_BYTES)
def test_overwritten_and_deleted(tmp_path, opened, shard_bytes):
    sessions = [
        numbered(range(0, 3000, 2)),
        numbered(range(0, 3000, 3), size=50),
        dict.fromkeys(numbered(range(0, 3000, 7))),
        numbered(range(0, 3000, 49), size=70),
        dict.fromkeys(numbered(range(1000, 2000))),
        numbered(range(1500, 1600), size=10),
    ]
    write_leveldb(tmp_path, *sessions)
    holds(opened(tmp_path, shard_bytes=shard_bytes), merged(sessions))


def test_ranges_are_about_as_large_as_asked(tmp_path, opened):
    order = list(range(20_000))
    random.Random(0).shuffle(order)
    write_leveldb(tmp_path, numbered(order[:15_000]), numbered(order[15_000:]))
    reader = opened(tmp_path, shard_bytes=100_000)
    sizes = [
        sum(int(p.values.lengths.sum()) for p in reader.iter_entries(s))
        for s in reader.key_ranges()
    ]
    assert len(sizes) >= 15
    assert max(sizes) < 200_000
    # At least half of what is asked, which includes the keys.
    assert min(sizes[:-1]) > 40_000


def test_the_plan_depends_on_the_data_alone(tmp_path, opened):
    write_leveldb(tmp_path, numbered(range(5000)), numbered(range(5000, 9000)), in_tables=False)
    first, second = (opened(tmp_path, shard_bytes=50_000) for _ in range(2))
    assert first.key_ranges() == second.key_ranges()
    assert first.nbytes() == second.nbytes() > 800_000


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sessions=st.lists(
        st.dictionaries(
            st.binary(max_size=3), st.none() | st.binary(max_size=300), min_size=1, max_size=30
        ),
        min_size=1,
        max_size=5,
    ),
    shard_bytes=st.sampled_from([1, 100, 1000]),
    in_tables=st.booleans(),
)
def test_any_store(tmp_path, opened, sessions, shard_bytes, in_tables):
    path = Path(tempfile.mkdtemp(dir=tmp_path)) / "store"
    write_leveldb(path, *sessions, in_tables=in_tables)
    reader = opened(path, shard_bytes=shard_bytes)
    holds(reader, merged(sessions))
    reader.close()


def test_empty_store(tmp_path, opened):
    write_leveldb(tmp_path / "new")
    write_leveldb(tmp_path / "emptied", {b"a": b"1"}, {b"a": None})
    for name in ("new", "emptied"):
        reader = opened(tmp_path / name)
        assert reader.key_ranges() == []
        holds(reader, {})


@pytest.mark.parametrize("in_tables", [True, False])
def test_one_record(tmp_path, opened, in_tables):
    write_leveldb(tmp_path, {b"k": b"v"}, in_tables=in_tables)
    holds(opened(tmp_path), {b"k": b"v"})


def test_unusual_keys_and_empty_values(tmp_path, opened):
    expected = {b"": b"", b"\0": b"x", b"a\xff\xfe": b"", b"num-samples": b"4", b"\xff" * 9: b"y"}
    write_leveldb(tmp_path, expected)
    for shard_bytes in SHARD_BYTES:
        holds(opened(tmp_path, shard_bytes=shard_bytes), expected)


def test_large_values_come_in_blocks_of_about_six_megabytes(tmp_path, opened):
    write_leveldb(tmp_path, {b"%03d" % i: bytes(300_000) for i in range(50)})
    reader = opened(tmp_path)
    sizes = [int(pairs.values.lengths.sum()) for pairs in reader.iter_entries(KeyRange())]
    assert sum(sizes) == 15_000_000
    assert max(sizes) < 7_000_000


def test_the_first_entries_come_from_a_few_blocks(tmp_path, opened):
    """Planning needs only some, and reads neither megabytes nor all indexes for them."""
    sessions = [numbered(range(i, i + 1000), 3000) for i in (0, 1000, 2000)]
    write_leveldb(tmp_path, *sessions)
    reader = opened(tmp_path)
    entries = reader.sample_entries(KeyRange())
    first = next(entries)
    assert 0 < first.values.lengths.sum() < 1_000_000
    assert ["index" in vars(table) for table in reader.store.tables] == [True, False, False]
    found = {
        batch.keys[i]: batch.values[i] for batch in (first, *entries) for i in range(len(batch))
    }
    assert found == merged(sessions)


def test_table_files_of_old_name(tmp_path, opened):
    write_leveldb(tmp_path, numbered(range(50)))
    for table in tmp_path.glob("*.ldb"):
        table.rename(table.with_suffix(".sst"))
    holds(opened(tmp_path), numbered(range(50)))


def test_folder_that_is_a_link(tmp_path, opened):
    write_leveldb(tmp_path / "store", numbered(range(50)))
    (tmp_path / "link").symlink_to("store")
    holds(opened(tmp_path / "link"), numbered(range(50)))


def test_tables_that_no_manifest_knows_do_not_count(tmp_path, opened):
    write_leveldb(tmp_path / "other", {b"x": b"1"}, numbered(range(100, 200)))
    write_leveldb(tmp_path / "store", numbered(range(50)))
    for number, table in enumerate(sorted((tmp_path / "other").glob("*.ldb"))):
        shutil.copy(table, tmp_path / "store" / f"{number + 90:06}.ldb")
    before = files(tmp_path / "store")
    holds(opened(tmp_path / "store"), numbered(range(50)))
    assert files(tmp_path / "store") == before


def test_a_log_that_tables_have_replaced_does_not_count(tmp_path, opened):
    write_leveldb(tmp_path, numbered(range(50)))
    (tmp_path / "000001.log").write_bytes(b"an old log that nobody removed")
    holds(opened(tmp_path), numbered(range(50)))


def test_read_only_folder(tmp_path, opened):
    write_leveldb(tmp_path, numbered(range(50)), in_tables=False)
    for file in tmp_path.iterdir():
        file.chmod(0o444)
    tmp_path.chmod(0o555)
    before = files(tmp_path)
    holds(opened(tmp_path), numbered(range(50)))
    assert files(tmp_path) == before
    tmp_path.chmod(0o755)


def test_while_another_process_has_it_open(tmp_path, opened):
    with open_leveldb(tmp_path, create_if_missing=True) as db:
        for key, value in numbered(range(50)).items():
            db.put(key, value)
        holds(opened(tmp_path), numbered(range(50)))


def count(task):
    """How many entries a reader from elsewhere finds in some ranges."""
    reader, spans = task
    return sum(len(pairs) for span in spans for pairs in reader.iter_entries(span))


def test_two_processes_at_once(tmp_path, opened):
    sessions = [numbered(range(i, 4000, 4)) for i in range(4)]
    write_leveldb(tmp_path, *sessions, in_tables=False)
    before = files(tmp_path)
    reader = opened(tmp_path, shard_bytes=20_000)
    spans = reader.key_ranges()
    with get_context("spawn").Pool(2) as pool:
        counts = pool.map(count, [(reader, [span]) for span in spans])
        whole = pool.map(count, [(reader, spans)] * 2)
    assert len(counts) > 5
    assert sum(counts) == 4000
    assert whole == [4000, 4000]
    assert len(entries(reader)) == 4000
    assert files(tmp_path) == before


def test_a_copy_that_was_pickled_removes_nothing(tmp_path, opened):
    write_leveldb(tmp_path, numbered(range(50)))
    reader = opened(tmp_path)
    reader.key_ranges()
    copy = pickle.loads(pickle.dumps(reader))
    assert len(entries(copy)) == 50
    copy.close()
    holds(reader, numbered(range(50)))


def test_nothing_is_written_anywhere(tmp_path, temporary):
    """No clone, no temporary file, no link: the store is only read."""
    write_leveldb(tmp_path / "store", numbered(range(50)), in_tables=False)
    opened: list[tuple[str, int]] = []
    watching = True

    def watch(event, arguments):
        if watching and event == "open":
            opened.append((str(arguments[0]), arguments[2]))
        assert not watching or event not in {"os.link", "os.symlink", "os.rename", "os.remove"}

    sys.addaudithook(watch)
    try:
        reader = LevelDbReader((tmp_path / "store",), Options())
        assert len(entries(reader)) == 50
    finally:
        watching = False
    assert opened
    assert not [path for path, flags in opened if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)]
    assert list(temporary.iterdir()) == []


class TestHostileNames:
    """Names and numbers with which a folder made LevelDB overwrite files of the user."""

    def test_a_number_that_wraps(self, tmp_path, opened):
        victim = tmp_path / "victim"
        victim.write_text("mine")
        store = tmp_path / "store"
        store.mkdir()
        (store / "18446744073709551614.ldb").write_bytes(b"")
        (store / "000000.ldb").symlink_to(victim)
        (store / "000007.ldb").write_bytes(b"x")
        reader = opened(store)
        assert reader.key_ranges() == []
        assert {fault.rule for fault in reader.faults()} == {"damaged-store"}
        assert victim.read_text() == "mine"

    @pytest.mark.parametrize("number", [1 << 63, (1 << 64) - 1, 1 << 64])
    def test_a_next_file_number_beyond_all_files(self, tmp_path, opened, number):
        write_leveldb(tmp_path, numbered(range(50)))
        (manifest,) = tmp_path.glob("MANIFEST-*")
        old = state_of(item.payload for item in read_log(manifest) if isinstance(item, Record))
        manifest.write_bytes(frame_records([edit_of(replace(old, next_file=number))]))
        before = files(tmp_path)
        reader = opened(tmp_path)
        assert dict(entries(reader)) == numbered(range(50))
        (fault,) = reader.faults()
        assert "a number " in fault.detail
        assert files(tmp_path) == before

    def test_tables_and_logs_that_are_links_out_of_the_folder(self, tmp_path, opened):
        secret = tmp_path / "secret"
        secret.write_bytes(b"secret")
        write_leveldb(tmp_path / "other", numbered(range(50)))
        write_leveldb(tmp_path / "store", numbered(range(100, 150)))
        (theirs,) = (tmp_path / "other").glob("*.ldb")
        (ours,) = (tmp_path / "store").glob("*.ldb")
        ours.unlink()
        ours.symlink_to(theirs)
        (log,) = (tmp_path / "store").glob("*.log")
        log.unlink()
        log.symlink_to(secret)
        reader = opened(tmp_path / "store")
        assert reader.key_ranges() == []
        details = [fault.detail for fault in reader.faults()]
        assert len(details) == 2
        assert all("it is a link out of its folder" in detail for detail in details)

    @pytest.mark.parametrize("name", ["CURRENT", "MANIFEST", "table", "log"])
    def test_a_pipe_in_place_of_a_file(self, tmp_path, opened, name):
        write_leveldb(tmp_path, numbered(range(50)), numbered(range(50, 90)), in_tables=False)
        pattern = {"MANIFEST": "MANIFEST-*", "table": "*.ldb", "log": "*.log"}.get(name, name)
        (target, *_) = sorted(tmp_path.glob(pattern))
        target.unlink()
        os.mkfifo(target)
        reader = opened(tmp_path)
        list(reader.iter_entries(KeyRange()))
        assert any("not a regular file" in fault.detail for fault in reader.faults())


class TestMatches:
    def test_leveldb(self, tmp_path):
        write_leveldb(tmp_path, numbered(range(10)), in_tables=False)
        assert LevelDbReader.accepts(tmp_path)

    @pytest.mark.parametrize(
        "names", [["MANIFEST-000004"], ["000005.ldb"], ["000005.sst"], ["000003.log", "LOG"]]
    )
    def test_without_its_current(self, tmp_path, names):
        for name in names:
            (tmp_path / name).write_bytes(b"")
        assert LevelDbReader.accepts(tmp_path)

    @pytest.mark.parametrize(
        "names", [[], ["data.mdb", "lock.mdb"], ["1.jpg", "2.jpg"], ["train.log"], ["000003.log"]]
    )
    def test_other_folders(self, tmp_path, names):
        for name in names:
            (tmp_path / name).write_bytes(b"")
        assert not LevelDbReader.accepts(tmp_path)

    def test_no_folder(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        assert not LevelDbReader.accepts(tmp_path / "file")
        assert not LevelDbReader.accepts(tmp_path / "nothing")
        assert not LevelDbReader.accepts(Path("\0"))


class TestRefuses:
    def test_no_such_path(self, tmp_path):
        with pytest.raises(DatasetError, match="nothing does not exist"):
            LevelDbReader((tmp_path / "nothing",), Options()).plan()

    def test_a_file(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DatasetError, match="is not a folder"):
            LevelDbReader((tmp_path / "file",), Options()).plan()

    def test_another_folder(self, tmp_path):
        (tmp_path / "1.jpg").write_bytes(b"")
        with pytest.raises(DatasetError, match="is not a LevelDB"):
            LevelDbReader((tmp_path,), Options()).plan()

    def test_rocksdb(self, tmp_path):
        for name in ("CURRENT", "IDENTITY", "000009.sst", "OPTIONS-000007"):
            (tmp_path / name).write_bytes(b"")
        with pytest.raises(DatasetError, match="RocksDB"):
            LevelDbReader((tmp_path,), Options()).plan()

    def test_another_order_of_keys(self, tmp_path):
        (tmp_path / "CURRENT").write_text("MANIFEST-000001\n")
        (tmp_path / "MANIFEST-000001").write_bytes(frame_records([edit_of(State(b"idb_cmp1"))]))
        with pytest.raises(DatasetError, match="'idb_cmp1'"):
            LevelDbReader((tmp_path,), Options()).plan()


def test_the_own_writer_of_the_tests_writes_what_leveldb_does(tmp_path, opened):
    sessions = [
        numbered(range(300), 1000),
        {**numbered(range(100, 500), 70), b"%08d" % 7: None, b"": b"", b"a": None},
        {**numbered(range(50), 40_000), b"%08d" % 120: None},
    ]
    for in_tables in (True, False):
        path = tmp_path / f"own {in_tables}"
        write_store(path, *sessions, in_tables=in_tables)
        holds(opened(path), merged(sessions))
        assert as_leveldb_reads(path, tmp_path / f"copy {in_tables}") == merged(sessions)
