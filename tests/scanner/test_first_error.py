"""A scan that stops at its first error names the same record for any number of workers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from datascan.config.baseline import Baseline, BaselineEntry
from datascan.config.options import Options
from datascan.errors import FindingsError
from datascan.executors.base import NullProgress
from datascan.report.model import describe_stop
from datascan.report.stop import Stopped
from datascan.session import ScanSession
from tests.builders.hdf5 import write_hdf5

ROWS = 400
FIRST, SECOND = 137, 303


class Counting(NullProgress):
    def __init__(self):
        self.counts = []

    def found(self, records):
        self.counts.append(records)


def values():
    return np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)


@pytest.fixture
def faulty(tmp_path):
    data = values()
    data[FIRST, 2] = data[SECOND, 0] = np.nan
    data[SECOND, 1] = np.inf
    return write_hdf5(tmp_path / "a.h5", data=data, label=np.arange(ROWS) % 3)


def scan(path, progress=None, **options):
    keywords = {"workers": 0, "fail_fast": True, **options}
    chosen = Options.from_keywords(**keywords).replace(shard_bytes=40 * 16)
    with ScanSession(path, chosen, progress=progress) as session:
        return session.report(charts=True)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_first_record_with_an_error_is_named(faulty, workers):
    report = scan(faulty, workers=workers)
    assert (report.complete, report.verdict, report.passed) == (False, "incomplete", False)
    assert report.stopped == Stopped(
        by="fail-fast",
        rule="nan-value",
        index=FIRST,
        key=f"a.h5:data[{FIRST}]",
        detail="1 of 4 values, first nan at [2]",
    )
    assert report.dataset.records == 160
    assert [finding.rule for finding in report.failing] == ["nan-value"]


def test_an_error_in_the_last_part_leaves_no_rest(tmp_path):
    data = values()
    data[-1, 0] = np.nan
    report = scan(write_hdf5(tmp_path / "a.h5", data=data, label=np.arange(ROWS) % 3))
    assert (report.complete, report.verdict, report.dataset.records) == (False, "incomplete", ROWS)
    assert report.stopped is not None
    assert report.stopped.all_read
    assert "the rest was not checked" not in " ".join(report.opening or ())
    assert describe_stop(report).endswith(f"read: all {ROWS} records")


def test_an_error_before_the_last_part_leaves_a_rest(faulty):
    report = scan(faulty)
    assert "the rest was not checked" in " ".join(report.opening or ())
    assert describe_stop(report).endswith("read: 160 of 400 records (40.00%)")


def test_without_an_error_the_report_is_that_of_a_plain_scan(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=values(), label=np.arange(ROWS) % 3)
    report = scan(path)
    assert (report.complete, report.stopped, report.verdict) == (True, None, "pass")
    assert report.findings == scan(path, fail_fast=False).findings


@pytest.mark.parametrize(
    ("options", "index"),
    [
        ({"severity": {"nan-value": "warning"}}, SECOND),
        ({"severity": {"nan-value": "warning"}, "fail_on": "warning"}, FIRST),
        ({"ignore": "nan-value"}, SECOND),
        ({"tolerance": {"nan-value": "1"}}, SECOND),
        ({"select": "nan-value"}, FIRST),
        ({"ignore": ("nan-value", "inf-value")}, None),
        ({"fail_on": "never"}, None),
    ],
)
def test_only_what_fails_the_scan_stops_it(faulty, options, index):
    report = scan(faulty, **options)
    assert report.complete is (index is None)
    assert (report.stopped.index if report.stopped else None) == index


@pytest.mark.parametrize("workers", [0, 2])
def test_an_accepted_record_does_not_stop_it(faulty, tmp_path, workers):
    entry = BaselineEntry.of("nan-value", "known", None, [f"a.h5:data[{FIRST}]"], [])
    accepting = Baseline(tmp_path / "known.toml", (entry,), date(2026, 1, 1))
    report = scan(faulty, baseline=accepting, workers=workers)
    assert (report.stopped.rule, report.stopped.index) == ("inf-value", SECOND)


def test_what_planning_finds_counts_before_any_record(tmp_path, faulty):
    whole = faulty.read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole[: len(whole) // 2])
    report = scan(cut)
    assert (report.verdict, report.stopped.by, report.dataset.records) == (
        "incomplete",
        "fail-fast",
        0,
    )
    assert report.stopped.index is None


def test_from_python_the_findings_are_part_of_the_error(faulty):
    with pytest.raises(FindingsError, match=r"stopped at the first error .*record 137 ") as caught:
        scan(faulty).raise_for_findings()
    assert [finding.rule for finding in caught.value.findings] == ["nan-value"]


def test_errors_are_counted_as_parts_are_finished(faulty):
    progress = Counting()
    scan(faulty, progress, fail_fast=False)
    assert progress.counts == [1, 2]
    progress = Counting()
    scan(faulty, progress, fail_fast=False, severity={"nan-value": "warning"})
    assert progress.counts == [1]
