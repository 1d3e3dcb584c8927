"""Under a limit of time, what is read is spread evenly, and the rest is not judged."""

from __future__ import annotations

import signal
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.executors.base import NullProgress
from datascan.executors.serial import SerialExecutor
from datascan.metrics.base import Concatenated, TallyMap
from datascan.records.shard import Plan, Shard
from datascan.report.model import Report, describe_stop
from datascan.report.stop import Stopped
from datascan.scanner import early_stop, spread
from datascan.scanner.spread import SegmentSums, segments_of, spread_order
from datascan.scanner.tasks import PartialResult
from datascan.session import ScanSession, with_small_shards
from tests.builders.hdf5 import write_hdf5
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.builders.plain import PlainReader

ROWS = 640


def plan_of(shards, **facts):
    return Plan(shards=tuple(Shard(i, None) for i in range(shards)), layout="x", nbytes=9, **facts)


@pytest.mark.parametrize("shards", [0, 1, 2, 7, 512, 513, 5000])
def test_every_shard_is_read_once(shards):
    plan = plan_of(shards)
    assert sorted(shard.index for shard in spread_order(plan)) == list(range(shards))


@pytest.mark.parametrize("read", [8, 50, 700])
def test_every_beginning_of_the_order_is_spread_evenly(read):
    order = [shard.index for shard in spread_order(plan_of(4096))]
    inside = np.histogram(order[:read], bins=8, range=(0, 4096))[0]
    assert inside.max() - inside.min() <= 2


def test_sums_of_large_records_are_few():
    large = plan_of(4096, records=4)
    assert len(segments_of(large)) == spread.MAX_SEGMENTS
    huge = Plan(shards=large.shards, layout="x", nbytes=1 << 40, records=4096)
    assert len(segments_of(huge)) == spread.MAX_LARGE_SEGMENTS


def result_of(index):
    one = Concatenated((np.array([index]),))
    return PartialResult(one, one, 1, TallyMap({}))


def test_sums_are_in_store_order_whatever_is_finished_first():
    shards = plan_of(7).shards
    sums = SegmentSums([shards[:3], shards[3:]])
    for index in (4, 2, 0, 6, 1):
        sums.add(index, [result_of(index)])
    assert sums.total().shards.array.tolist() == [0, 1, 2, 4, 6]
    assert sums.added == {0, 1, 2, 4, 6}


class Late(NullProgress):
    """Lets the time end once all records were read."""

    def __init__(self, watched):
        self.watched = watched

    def update(self, records, nbytes):
        if records == ROWS:
            self.watched.append(records)


@pytest.mark.parametrize("repeated", [False, True])
def test_time_that_ends_after_reading_costs_no_finding_about_records(monkeypatch, repeated):
    seen = []
    clock = SimpleNamespace(monotonic=lambda: 1e9 * (len(seen) > 1))
    monkeypatch.setattr(early_stop, "time", clock)
    made = plain(max_time=70.0)
    if repeated:
        made.values[1] = made.values[0]
        made.labels[1] = made.labels[0]
    options = Options().replace(workers=0, max_time=70.0)
    with ScanSession([], options, reader=made, progress=Late(seen)) as session:
        report = session.report(charts=False)
    assert "nan-value" in [finding.rule for finding in report.failing]
    assert report.dataset.records == ROWS
    assert report.complete is not repeated
    if repeated:
        assert report.stopped.all_read
        assert "not compared with one another" in describe_stop(report)


@pytest.fixture
def ticks(monkeypatch):
    """The seconds of the watch pass one for each question: no test waits."""
    monkeypatch.setattr(early_stop, "time", SimpleNamespace(monotonic=count().__next__))


def values():
    data = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
    data[5, 0] = data[ROWS - 3, 1] = np.nan
    return data


def scan(reader, **options):
    with ScanSession([], Options().replace(**options), reader=reader) as session:
        return session.report(charts=False)


def plain(**options):
    return PlainReader(values(), np.arange(ROWS) % 3, **{"workers": 0, **options})


def test_what_is_read_in_time_is_spread_and_indices_are_those_of_the_dataset(ticks):
    options = {"workers": 0, "max_time": 70.0}
    report = scan(plain(**options), **options)
    assert (report.complete, report.verdict) == (False, "incomplete")
    assert report.stopped == Stopped(by="max-time", seconds=70.0)
    assert 0 < report.dataset.records < ROWS
    assert not report.dataset.read_in_order
    indices = [example.index for finding in report.failing for example in finding.examples]
    assert set(indices) <= {5, ROWS - 3}
    assert 5 in indices


def test_enough_time_makes_a_normal_report():
    limited = scan(plain(max_time=1e6), workers=0, max_time=1e6)
    whole = scan(plain(), workers=0)
    assert (limited.complete, limited.stopped, limited.verdict) == (True, None, "fail")
    assert limited.findings == whole.findings
    assert (limited.values, limited.labels) == (whole.values, whole.labels)
    assert limited.batch_sizes == whole.batch_sizes


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_time_that_is_over_before_planning_is_said(tmp_path, workers):
    path = write_lmdb(tmp_path / "a", numbered(random_datums(40)))
    options = {"workers": workers, "max_time": 1e-9}
    with ScanSession(path, Options().replace(**options)) as session:
        report = session.report(charts=True)
    assert (report.complete, report.verdict, report.dataset.records) == (False, "incomplete", 0)
    assert report.stopped.by == "max-time"


@pytest.mark.parametrize(("kind", "seconds"), [("lmdb", 12.0), ("hdf5", 60.0)])
def test_records_of_parts_that_were_not_read_are_counted(tmp_path, ticks, kind, seconds):
    if kind == "lmdb":
        path = write_lmdb(tmp_path / "a", numbered(random_datums(600)))
    else:
        path = write_hdf5(tmp_path / "a.h5", data=np.zeros((600, 48), "f4"))
    options = Options().replace(workers=0, max_time=seconds, shard_bytes=4096)
    with ScanSession(path, options, executor=SerialExecutor()) as session:
        result = session.scan()
    origins = result.summary.plan.origins
    read = np.flatnonzero(result.summary.counts)
    assert 1 < len(read) < len(result.summary.counts)
    assert read[-1] - read[0] > len(read)
    assert list(origins) == sorted(origins)
    whole = ScanSession(path, Options().replace(workers=0, shard_bytes=4096))
    with whole:
        starts = whole.scan().summary.starts
    assert [origins[i] for i in read] == [starts[i] for i in read]


def test_records_that_cannot_be_counted_in_time_are_said(ticks, monkeypatch):
    monkeypatch.setattr(spread, "COUNT_SECONDS", -1.0)
    options = {"workers": 0, "max_time": 70.0}
    report = scan(plain(**options), **options)
    assert report.dataset.notes == {"indices": spread.NOT_COUNTED}


def test_shards_are_small_under_a_limit_of_time_unless_they_are_kept(tmp_path):
    file = tmp_path / "data"
    file.write_bytes(b"x" * 5000)
    small = with_small_shards(Options().replace(max_time=5.0), [file])
    assert small.read.shard_bytes == early_stop.MIN_SHARD_BYTES
    kept = Options().replace(max_time=5.0, resume=tmp_path / "x")
    assert with_small_shards(kept, [file]) == kept
    assert with_small_shards(Options(), [file]) == Options()


def test_with_resume_what_was_read_is_kept(tmp_path, ticks):
    path = write_hdf5(tmp_path / "a.h5", data=values(), label=np.arange(ROWS) % 3)
    options = Options().replace(
        workers=0, shard_bytes=20 * 16, resume=tmp_path / "kept", max_time=40.0
    )
    with ScanSession(path, options) as session:
        first = session.report(charts=False)
    with ScanSession(path, options.replace(max_time=None)) as session:
        last = session.report(charts=False)
    assert (first.complete, last.complete) == (False, True)
    with ScanSession(path, options.replace(max_time=None, resume=None)) as session:
        whole = session.report(charts=False)
    assert (tmp_path / "kept").stat().st_size > 0
    assert last.findings == whole.findings


class Cancelling(NullProgress):
    def update(self, records, nbytes):
        if records:
            raise early_stop.ScanCancelled


def test_a_signal_is_a_reason_too():
    with ScanSession(
        [], Options().replace(workers=0), reader=plain(), progress=Cancelling()
    ) as session:
        report = session.report(charts=False)
    assert report.stopped == Stopped(by="signal")
    assert report.complete is False


class Terminating(NullProgress):
    def update(self, records, nbytes):
        if records:
            raise early_stop.ScanCancelled(signal.SIGTERM)


def test_another_signal_than_ctrl_c_is_named():
    with ScanSession(
        [], Options().replace(workers=0), reader=plain(), progress=Terminating()
    ) as session:
        report = session.report(charts=False)
    assert report.stopped == Stopped(by="signal", signal=15)
    assert Report.from_json(report.to_json()).stopped == report.stopped
