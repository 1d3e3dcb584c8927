"""LMDB environments of every form, healthy and not."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from datascan.checks.reader_crash import ReaderCrash
from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.lmdb.reader import LmdbReader
from datascan.readers.lmdb.tree import TreeReader
from datascan.scanner.scan import scan
from datascan.testing.reader_laws import untracked
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb


def scanned(path, **options):
    return scan(LmdbReader((path,), Options().replace(**options)), [])


def test_counts_records_and_bytes(tmp_path):
    values = random_datums(300)
    result = scanned(write_lmdb(tmp_path, numbered(values)))
    assert result.summary.records == 300
    assert result.nbytes == sum(map(len, values))
    assert result.summary.plan.layout == "caffe-datum"
    assert result.summary.plan.store_count == 300


def test_single_file(tmp_path):
    path = write_lmdb(tmp_path / "store.mdb", numbered(random_datums(30)), subdir=False)
    assert LmdbReader.accepts(path)
    assert scanned(path).summary.records == 30


def test_named_database(tmp_path):
    write_lmdb(tmp_path, numbered(random_datums(30)), db="train")
    write_lmdb(tmp_path, numbered(random_datums(20)), db="test")
    assert scanned(tmp_path, db="train").summary.records == 30
    with pytest.raises(DatasetError, match="choose one with --db: test, train"):
        scanned(tmp_path)
    with pytest.raises(DatasetError, match="has no database 'val'; it has: test, train"):
        scanned(tmp_path, db="val")


def test_several_values_a_key(tmp_path):
    write_lmdb(
        tmp_path, [(b"k%d" % (i % 5), b"v%04d" % i) for i in range(40)], db="d", dupsort=True
    )
    assert scanned(tmp_path, db="d").summary.records == 40


def test_a_plan_reads_few_leaf_pages_and_walks_once(tmp_path, monkeypatch):
    write_lmdb(tmp_path, numbered(random_datums(2000)))
    reader = LmdbReader((tmp_path,), Options())
    monkeypatch.setattr("datascan.readers.lmdb.reader.MAX_DATABASES", 0)
    groups, walks = [], []
    read_leaves, leaves = TreeReader.read_leaves, TreeReader.leaves

    def counting_groups(tree, group, *used):
        groups.append(len(group))
        return read_leaves(tree, group, *used)

    def counting_walks(tree, first=None, stop=None):
        walks.append((first, stop))
        return leaves(tree, first, stop)

    monkeypatch.setattr(TreeReader, "read_leaves", counting_groups)
    monkeypatch.setattr(TreeReader, "leaves", counting_walks)
    plan = reader.plan()
    assert len(plan.shards) == 1
    assert max(groups) <= 8 < reader.tree.tree.leaf_pages
    # One for the shards, one for the decoder.
    assert walks.count((None, None)) == 2


@pytest.mark.parametrize("shard_bytes", [1, 5000, 100_000])
def test_shards_hold_every_record_once_in_order(tmp_path, shard_bytes):
    write_lmdb(tmp_path, numbered(random_datums(900)))
    reader = LmdbReader((tmp_path,), Options().replace(shard_bytes=shard_bytes))
    plan = reader.plan()
    keys = []
    for shard in plan.shards:
        records = sum(block.records for block in reader.read(shard, untracked))
        keys += reader.keys(shard, range(records))
    assert keys == [f"{i:08d}" for i in range(900)]
    assert (len(plan.shards) > 1) == (shard_bytes < 100_000)


def test_a_shard_is_read_in_pieces(tmp_path):
    write_lmdb(tmp_path, numbered(random_datums(50)))
    reader = LmdbReader((tmp_path,), Options())
    (shard,) = reader.plan().shards
    starts = [(b.start, b.records) for b in reader.read(shard.slice(7, 31), untracked)]
    assert starts == [(7, 24)]


@pytest.mark.parametrize("limit", [1, 7, 300, 1000])
def test_limit(tmp_path, limit):
    write_lmdb(tmp_path, numbered(random_datums(300)))
    for shard_bytes in (1, 1 << 25):
        result = scanned(tmp_path, limit=limit, shard_bytes=shard_bytes)
        assert result.summary.records == min(limit, 300)


class Killed(LmdbReader):
    """Kills the first ``times`` workers that read record ``row``."""

    def __init__(self, path, home, times, row, **options):
        super().__init__((path,), Options().replace(**options))
        self.home, self.times, self.row = home, times, row

    def _decode(self, base, first, batch, track, *, decode):
        before = len(list(self.home.iterdir()))
        if first <= self.row < first + len(batch) and before < self.times:
            (self.home / str(before)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._decode(base, first, batch, track, decode=decode)


@pytest.mark.parametrize("times", [1, 2, 3, 7])
@pytest.mark.parametrize("row", [0, 4500])
def test_workers_that_are_killed_at_plain_records_cost_nothing(tmp_path, times, row):
    path = write_lmdb(tmp_path / "store", numbered(random_datums(5000, (1, 2, 2))))
    home = tmp_path / "deaths"
    home.mkdir()
    result = scan(Killed(path, home, times, row, workers=1), [ReaderCrash()])
    assert len(list(home.iterdir())) == times
    assert result.summary.records == 5000
    assert result.issues == ()


def test_a_plain_record_that_kills_is_named(tmp_path):
    path = write_lmdb(tmp_path / "store", numbered(random_datums(20, (1, 2, 2))))
    home = tmp_path / "deaths"
    home.mkdir()
    result = scan(Killed(path, home, 1000, 13, workers=1), [ReaderCrash()])
    (crash,) = result.issues
    assert crash.flagged.addresses.array.tolist() == [13]
    assert crash.message == "1 of 20 records crashed the reader or exceeded its limits"
    assert result.summary.records == 20


def test_bookkeeping_keys_are_no_records(tmp_path):
    entries = numbered(random_datums(20)) | {b"num-samples": b"20", b"__keys__": b"\x80\x04}."}
    result = scanned(write_lmdb(tmp_path, entries))
    assert result.summary.records == 20
    assert result.summary.plan.declared_count == ("num-samples", 20)
    assert result.summary.plan.store_count == 20


def test_keys_that_are_not_text(tmp_path):
    write_lmdb(tmp_path, {b"\xff\x00\x1b": random_datums(1)[0]})
    reader = LmdbReader((tmp_path,), Options())
    (shard,) = reader.plan().shards
    assert reader.keys(shard, [0]) == ["\\xff\x00\x1b"]


def test_empty_store(tmp_path):
    write_lmdb(tmp_path, {})
    assert scanned(tmp_path).summary.records == 0


def test_a_folder_without_data(tmp_path):
    assert not LmdbReader.accepts(tmp_path)
    with pytest.raises(DatasetError, match="is not an LMDB"):
        scanned(tmp_path)


def test_interleaved_shapes(tmp_path):
    random = np.random.default_rng(0)
    shapes = [(3, 4, 4), (1, 4, 4), (3, 2, 2)]
    values = [datum(random.integers(0, 256, shapes[i % 3], np.uint8), i) for i in range(60)]
    result = scanned(write_lmdb(tmp_path, numbered(values)))
    shapes_seen = result.summary.tallies["datascan.metrics.shapes.measure_shapes"]
    assert {k.shape: int(n) for k, n in zip(shapes_seen.kinds, shapes_seen.counts(), strict=True)}
    assert shapes_seen.counts().tolist() == [20, 20, 20]
