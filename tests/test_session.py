"""A session scans once, keeps the dataset open until its end, and is the only driver of a scan."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.constant_feature import ConstantFeature
from datascan.checks.nan_value import NanValue
from datascan.config.options import Options
from datascan.errors import DatasetError, UsageError
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.executors.serial import SerialExecutor
from datascan.session import ScanSession, select_rules
from tests.builders.hdf5 import write_hdf5
from tests.builders.plain import PlainReader


def reader(**options):
    values = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    values[7, 0], values[:, 1] = np.nan, 1
    return PlainReader(values, np.arange(40) % 3, **{"workers": 0, **options})


class Closing(PlainReader):
    closed = 0

    def close(self):
        self.closed += 1


class CountingProgress(NullProgress):
    def __init__(self, most=1 << 62):
        self.plans, self.most, self.lines = [], most, []

    def start(self, plan):
        self.plans.append(plan)

    def update(self, records, nbytes):
        if records >= self.most:
            raise ScanCancelled

    def notify(self, text):
        self.lines.append(text)


def test_a_session_scans_once_however_often_it_reports():
    progress = CountingProgress()
    with ScanSession((), reader=reader(), progress=progress) as session:
        report = session.report(charts=False)
        assert session.scan() is session.scan()
        assert session.report(charts=False) == report
    assert len(progress.plans) == 1
    assert report.dataset.records == 40
    assert report.started == session.started.isoformat(timespec="seconds")


def test_charts_are_added_only_if_asked_for():
    with ScanSession((), reader=reader()) as session:
        assert session.report(charts=False).histogram is None
        assert session.report(charts=True).histogram.records == 40


def test_the_reader_is_open_until_the_end_and_then_closed():
    data = reader()
    open_reader = Closing(data.values, data.labels, workers=0)
    with ScanSession((), reader=open_reader) as session:
        session.scan()
        assert open_reader.closed == 0
    assert open_reader.closed == 1


def test_the_reader_is_closed_after_an_error():
    data = reader()
    failing = Closing(data.values, data.labels, workers=0)
    with pytest.raises(RuntimeError, match="outside"), ScanSession((), reader=failing):
        raise RuntimeError("outside")
    assert failing.closed == 1


def test_required_checks_run_but_are_not_reported():
    options = Options().replace(select=("nan-value",))
    required = (ConstantFeature, NanValue)
    with ScanSession((), options, reader=reader(), required_checks=required) as session:
        result = session.scan()
    assert {issue.rule for issue in result.issues} == set(result.rules) == {"nan-value"}
    assert {issue.rule for issue in result.evidence} == {"nan-value", "constant-feature"}


def test_a_required_check_that_is_selected_runs_once():
    options = Options().replace(select=("constant-feature",))
    with ScanSession((), options, reader=reader(), required_checks=(ConstantFeature,)) as session:
        result = session.scan()
    assert result.rules == ("constant-feature",)
    assert result.issues == result.evidence
    assert len(result.issues) == 1


def test_the_executor_is_used_for_the_scan_and_the_charts():
    class Counting(SerialExecutor):
        tasks = ()

        def map(self, task, shards, **callbacks):
            self.tasks += (type(task).__name__,)
            return super().map(task, shards, **callbacks)

    executor = Counting()
    with ScanSession((), reader=reader(workers=2), executor=executor) as session:
        session.report(charts=True)
    assert set(executor.tasks) == {"MeasureTask", "SampleTask"}


def test_a_cancelled_scan_has_a_report():
    progress = CountingProgress(most=20)
    with ScanSession((), reader=reader(), progress=progress) as session:
        report = session.report(charts=True)
    assert not report.complete
    assert 0 < report.dataset.records <= 30


def test_a_reader_can_be_named_or_detected(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.ones((3, 2), np.float32))
    for name in ("hdf5", None):
        with ScanSession(path, reader=name) as session:
            assert session.reader.name == "hdf5"
            assert session.scan().summary.records == 3
    with ScanSession([path, path], reader="hdf5") as session:
        assert session.reader.paths == (path, path)


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(DatasetError, match="no such path"):
        ScanSession(tmp_path / "absent")
    with pytest.raises(UsageError, match="no such backend: zip"):
        ScanSession(tmp_path, reader="zip")
    with pytest.raises(UsageError, match="nan-valu"):
        ScanSession(tmp_path, Options().replace(select=("nan-valu",)))


def test_rules_are_selected_and_ignored():
    rules = ("nan-value", "inf-value", "empty-record")

    def names(**options):
        return [kind.rule for kind in select_rules(Options().replace(**options), rules)]

    assert names() == list(rules)
    assert names(ignore=("inf-value",)) == ["nan-value", "empty-record"]
    assert names(select=("inf-value", "nan-value"), ignore=("nan-value",)) == ["inf-value"]
