"""A reader that plans in a worker: what it returns, what a crash costs, what it leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
import warnings

import numpy as np
import pytest

from datascan.checks.reader_crash import ReaderCrash
from datascan.executors.base import ScanCancelled
from datascan.executors.process_pool import worker_group
from datascan.readers.isolated import IsolatedReader, stored_bytes
from datascan.records.block import Fault
from datascan.scanner.scan import scan
from tests.builders.plain import PlainReader


class Planned(PlainReader):
    """Knows its records only once it has planned; misbehaves in the method ``bad``."""

    def __init__(self, bad="", act=os.abort, **options):
        values = np.arange(40, dtype=np.float32).reshape(20, 2)
        super().__init__(values, np.arange(20) % 2, **options)
        self.bad, self.act = bad, act
        self.planned_by: int | None = None

    def misbehave(self, method):
        if method == self.bad:
            self.act()

    def plan(self):
        self.misbehave("plan")
        self.planned_by = os.getpid()
        return super().plan()

    def read(self, shard, track, *, decode=True):
        assert self.planned_by is not None
        return super().read(shard, track, decode=decode)

    def keys(self, shard, rows):
        assert self.planned_by is not None
        self.misbehave("keys")
        return super().keys(shard, rows)

    def find_missing(self, records):
        self.misbehave("find_missing")
        yield Fault(None, "damaged-store", f"{records} found")


def exhaust():
    raise MemoryError


def hang():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)


ACTS = {
    os.abort: "killed by SIGABRT",
    exhaust: "needed more than 4 GB of memory (--max-memory)",
    hang: "took longer than 1 second (--timeout)",
}


@pytest.fixture
def isolated(monkeypatch):
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")
    made = []

    def make(*arguments, tick=lambda _: None, **options):
        made.append(IsolatedReader(Planned(*arguments, timeout=1, **options), tick))
        return made[-1]

    yield make
    for reader in made:
        reader.close()
        reader.close()
    assert multiprocessing.active_children() == []


def test_one_worker_plans_and_looks_up_keys(isolated):
    reader = isolated()
    plan = reader.plan()
    assert len(plan.shards) == 2
    assert reader.reader.planned_by not in {None, os.getpid()}
    assert reader.keys(plan.shards[1], [0, 3]) == ["row 10", "row 13"]
    assert [fault.detail for fault in reader.find_missing(7)] == ["7 found"]
    assert [block.records for block in reader.read(plan.shards[0], lambda *_: None)] == [8, 2]


def test_without_workers_everything_happens_here(isolated):
    reader = isolated(workers=0)
    plan = reader.plan()
    assert reader.reader.planned_by == os.getpid()
    assert reader.keys(plan.shards[1], [0]) == ["row 10"]
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("act", "why"), ACTS.items())
def test_a_plan_that_cannot_be_made_is_a_finding(isolated, act, why):
    result = scan(isolated("plan", act), [ReaderCrash()])
    (crash,) = result.issues
    assert crash.details == (f"plain could not be planned: {why}",)
    assert result.summary.records == 0


@pytest.mark.parametrize("act", ACTS)
def test_keys_that_cannot_be_looked_up_are_unknown(isolated, act):
    reader = isolated("keys", act)
    plan = reader.plan()
    assert reader.keys(plan.shards[1], [0, 3]) == ["?", "?"]


@pytest.mark.parametrize(("act", "why"), ACTS.items())
def test_a_count_that_cannot_be_compared_is_a_finding(isolated, act, why):
    reader = isolated("find_missing", act)
    reader.plan()
    (fault,) = reader.find_missing(7)
    unknown = "whether all of the 7 records were found is unknown"
    assert (fault.rule, fault.detail) == ("reader-crash", f"{unknown}: {why}")


def test_without_workers_a_lack_of_memory_is_a_finding(isolated):
    (fault,) = isolated("plan", exhaust, workers=0).plan().faults
    why = "needed more memory than there is"
    assert (fault.rule, fault.detail) == ("reader-crash", f"plain could not be planned: {why}")


def test_planning_can_be_cancelled(isolated):
    def cancel(_found):
        raise ScanCancelled

    result = scan(isolated("plan", hang, tick=cancel), [ReaderCrash()])
    assert not result.summary.is_complete
    assert (result.summary.records, result.issues) == (0, ())


def test_a_cancelled_scan_still_looks_up_keys(isolated):
    def cancel(_found):
        raise ScanCancelled

    reader = isolated("keys", take_a_moment)
    plan = reader.plan()
    reader._on_tick = cancel
    assert reader.keys(plan.shards[0], [1]) == ["row 1"]


def take_a_moment():
    time.sleep(0.3)


def warn():
    warnings.warn("something odd", FutureWarning, stacklevel=1)


def test_warnings_of_the_worker_are_issued_here(isolated):
    with pytest.warns(FutureWarning, match="something odd"):
        isolated("plan", warn).plan()


def test_a_reader_that_does_not_pickle_is_an_error_of_the_program(isolated):
    reader = isolated()
    reader.reader.unknown = lambda: None
    with pytest.raises((AttributeError, pickle.PicklingError), match="pickle"):
        reader.plan()


def test_what_travels_to_other_workers_has_no_worker(isolated):
    reader = isolated()
    reader.plan()
    copy = pickle.loads(pickle.dumps(reader))
    assert copy.reader.planned_by == reader.reader.planned_by
    assert (copy.name, copy.is_seekable) == ("plain", True)


def test_holes_do_not_count_as_stored_bytes(tmp_path):
    with (tmp_path / "a").open("wb") as file:
        file.write(bytes(range(256)) * 400)
        file.flush()
        os.fsync(file.fileno())
    with (tmp_path / "b").open("wb") as file:
        file.truncate(1 << 40)
    assert 100_000 < stored_bytes(tmp_path) < 300_000
    assert stored_bytes(tmp_path / "b") < 100_000
    assert stored_bytes(tmp_path / "missing") == 0
