"""The short trial of ``--plan``: what is read, and what follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.executors.base import NullProgress
from datascan.records.shard import Plan, Shard
from datascan.scanner import trial as trials
from datascan.scanner.trial import (
    TrialResult,
    estimate_bytes,
    estimate_memory,
    estimate_records,
    estimate_seconds,
)
from datascan.session import ScanSession
from tests.builders.plain import PlainReader

DONE = TrialResult(parts=2, records=100, nbytes=1000, seconds=0.5, bad_records=0, error="")
NOTHING = TrialResult(parts=0, records=0, nbytes=0, seconds=2.0, bad_records=0, error="")


def plan_of(shards=10, **facts):
    made = tuple(Shard(i, None) for i in range(shards))
    return Plan(shards=made, layout="x", **{"nbytes": 50_000, **facts})


@pytest.mark.parametrize(
    ("facts", "limit", "expected"),
    [
        ({"records": 70}, None, (70, False)),
        ({"store_count": 80}, None, (80, False)),
        ({}, None, (5000, True)),
        ({}, 300, (300, True)),
        ({"total_records": 900}, 300, (300, False)),
        ({"total_records": 200}, 300, (200, False)),
        ({"shards": 2}, None, (100, False)),
    ],
)
def test_the_number_of_records_is_known_or_an_estimate(facts, limit, expected):
    assert estimate_records(plan_of(**facts), DONE, limit) == expected


def test_what_cannot_be_estimated_is_not_known():
    assert estimate_records(plan_of(), NOTHING, None) == (None, True)
    assert estimate_seconds(5000, None, NOTHING) is None
    failed = replace(NOTHING, error="worker processes cannot start")
    assert estimate_seconds(0, 0, failed) is None
    assert estimate_seconds(0, 0, NOTHING) == 0.0


def test_the_time_follows_from_bytes_or_else_from_records():
    assert estimate_seconds(50_000, 5000, DONE) == 25.0
    assert estimate_seconds(50_000, 5000, replace(DONE, nbytes=0)) == 25.0


def test_the_size_of_a_store_is_that_of_all_its_records():
    reader = PlainReader(np.zeros((8, 1), np.float32), np.zeros(8))
    plan = plan_of(total_records=5000)
    assert estimate_bytes(plan, reader, 500) == 50_000
    reader.is_seekable = False
    assert estimate_bytes(plan, reader, 500) == 5000
    assert estimate_bytes(plan, reader, 5000) == 50_000


def test_memory_grows_with_processes_and_records(monkeypatch):
    monkeypatch.setattr(trials, "peak_memory", lambda: (50, 20))
    assert estimate_memory(3, 10) == 50 + 60 + 10 * trials.RECORD_BYTES
    monkeypatch.setattr(trials, "peak_memory", lambda: (None, None))
    assert estimate_memory(3, 10) is None


def reader(rows=1000, **options):
    values = np.random.default_rng(0).normal(size=(rows, 2)).astype(np.float32)
    values[3, 0] = np.nan
    return PlainReader(values, np.arange(rows) % 3, **{"workers": 0, **options})


def forecast_of(reader, **options):
    chosen = Options().replace(**{"workers": 0, **options})
    with ScanSession([], chosen, reader=reader, progress=NullProgress()) as session:
        return session.forecast()


def test_a_few_parts_are_read_and_spread_over_the_dataset(monkeypatch):
    seen = []
    monkeypatch.setattr(PlainReader, "touch", lambda self, row, own, shard: seen.append(shard))
    found = forecast_of(reader())
    assert (found.parts, found.trial.parts, found.trial.records) == (100, 16, 160)
    assert len(set(seen)) == 16
    assert np.diff(sorted(set(seen))).max() <= 8
    assert (found.records, found.is_estimate) == (1000, True)
    assert found.trial.bad_records == 1


def test_the_trial_ends_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(trials, "SECONDS", -1.0)
    found = forecast_of(reader())
    assert found.trial.parts == 0
    assert found.trial.records < 20


def test_an_error_ends_the_trial_and_is_said(monkeypatch):
    def fail(self, row, own, shard):
        raise trials.DatascanError("the disk is gone")

    monkeypatch.setattr(PlainReader, "touch", fail)
    found = forecast_of(reader())
    assert found.trial.error == "the disk is gone"


def test_the_number_of_processes_and_its_reason(monkeypatch):
    assert (forecast_of(reader()).processes, forecast_of(reader()).processes_reason) == (
        0,
        "set by --workers",
    )
    found = forecast_of(reader(workers=None), workers=None)
    assert (found.processes, found.processes_reason) == (1, "the dataset is small")
