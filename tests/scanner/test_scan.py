"""The report does not depend on how a dataset is cut, nor on how many workers read it."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datascan.checks.duplicate_record import DuplicateRecord
from datascan.checks.inf_value import InfValue
from datascan.checks.nan_value import NanValue
from datascan.executors.base import ScanCancelled
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.report.build import build_report
from datascan.scanner.scan import scan
from tests.builders.plain import PlainReader

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def report(reader):
    text = build_report(scan(reader, CHECKS), version="test").to_json()
    return [line for line in text.splitlines() if "elapsed_seconds" not in line]


@st.composite
def datasets(draw):
    """Float rows with NaN, Inf, copies and constant records among them, and odd labels."""
    count = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = (random.normal(size=(count, 5)) * 10.0 ** random.integers(-9, 9, (count, 1))).astype(
        draw(st.sampled_from([np.float32, np.float64]))
    )
    for row in draw(st.lists(st.integers(0, count - 1), max_size=6)):
        values[row, row % 5] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -0.0]))
    for row in draw(st.lists(st.integers(0, count - 1), max_size=6)):
        values[row] = values[draw(st.integers(0, count - 1))]
    if draw(st.booleans()):
        values[:, 2] = 7
    labels = random.integers(-1, 4, count)
    return values, labels.astype(draw(st.sampled_from([np.int8, np.int64, np.float32])))


@settings(max_examples=60, deadline=None)
@given(datasets(), st.integers(1, 70), st.integers(1, 70))
def test_any_shard_size_gives_the_same_report(dataset, one, other):
    assert report(PlainReader(*dataset, rows=one)) == report(PlainReader(*dataset, rows=other))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(datasets(), st.integers(1, 20))
def test_any_number_of_workers_gives_the_same_report(dataset, rows):
    alone = report(PlainReader(*dataset, rows=rows, workers=0))
    for workers in (1, 2, 7):
        assert report(PlainReader(*dataset, rows=rows, workers=workers)) == alone


class StopsAfter:
    """Ends the scan once so many records were read."""

    def __init__(self, records):
        self.records = records

    def start(self, plan):
        pass

    def update(self, records, nbytes):
        if records >= self.records:
            raise ScanCancelled

    def notify(self, text):
        pass


def test_a_scan_that_is_stopped_reports_what_it_saw():
    values = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    values[3, 1] = np.nan
    values[93, 1] = np.nan
    result = scan(PlainReader(values, np.arange(100) % 3, rows=10), CHECKS, StopsAfter(50))
    assert not result.summary.is_complete
    assert 0 < result.summary.records < 100
    (nan,) = (judged for judged in result.issues if judged.rule == "nan-value")
    assert nan.records == 1


class StopsOnce(StopsAfter):
    """Ends the scan once there is a file."""

    def __init__(self, flag):
        self.flag = flag

    def update(self, records, nbytes):
        if self.flag.exists():
            raise ScanCancelled


class Compared(PlainReader):
    """All records are the same; comparing those of a shard leaves a file."""

    def __init__(self, home, **options):
        values = np.tile(np.arange(4, dtype=np.float32), (200, 1))
        super().__init__(values, np.arange(200) % 3, rows=10, **options)
        self.home = home

    def block(self, start, at, end):
        block = super().block(start, at, end)

        def digests(rows):
            (self.home / f"{at // 10}").touch()
            return block.digests(rows)

        return replace(block, digests=digests)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scan_that_is_stopped_while_it_compares_leaves_copies_open(tmp_path, workers):
    checks = [DuplicateRecord(), NanValue()]
    reader = Compared(tmp_path, workers=workers)
    result = scan(reader, checks, StopsOnce(tmp_path / "0"))
    assert not result.summary.is_complete
    assert result.summary.records == 200
    assert result.summary.duplicates is None
    assert result.issues == ()
    assert len(list(tmp_path.iterdir())) < 20
    again = scan(reader, checks, StopsOnce(tmp_path / "never"))
    assert again.summary.is_complete
    assert len(again.summary.duplicates.indices) == 200


class Slow(NanValue):
    """Leaves a file when it judges."""

    def __init__(self, file):
        self.file = file

    def evaluate(self, tally, dataset):
        self.file.touch()
        yield from super().evaluate(tally, dataset)


def test_a_scan_that_is_stopped_while_it_judges_has_what_was_judged(tmp_path):
    values = np.full((20, 4), np.nan, np.float32)
    checks = [Slow(tmp_path / "flag"), InfValue(), NanValue()]
    reader = PlainReader(values, np.arange(20) % 3, workers=0)
    result = scan(reader, checks, StopsOnce(tmp_path / "flag"))
    assert not result.summary.is_complete
    assert [judged.rule for judged in result.issues] == ["nan-value"]
    assert result.rules == ("nan-value",)


def test_the_time_that_a_scan_takes():
    began = time.perf_counter()
    result = scan(PlainReader(np.zeros((9, 2)), np.zeros(9), workers=0), [])
    assert 0 < result.seconds <= time.perf_counter() - began
