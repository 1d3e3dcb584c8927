"""Planning of a file that hangs: it has a time limit, and can be interrupted."""

from __future__ import annotations

import time

import pytest

from datascan.config.options import Options
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.executors.process_pool import worker_group
from datascan.readers.hdf5 import planning
from datascan.session import ScanSession
from tests.builders.hdf5 import numbers, write_hdf5


def hang(*_):
    time.sleep(600)


@pytest.fixture
def hanging(tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "plan_open_file", hang)
    monkeypatch.setattr(worker_group, "start_method", lambda: "fork")
    return write_hdf5(tmp_path / "a.h5", data=numbers(20, 3))


def test_a_time_limit(hanging):
    with ScanSession(hanging, Options().replace(timeout=1.0)) as session:
        report = session.report(charts=False)
    (found,) = report.findings
    assert found.rule == "reader-crash"
    assert "a.h5 cannot be opened: took longer than 1 second (--timeout)" in found.message


class Impatient(NullProgress):
    """Cancels the scan after a second."""

    def __init__(self):
        self.until = time.monotonic() + 1

    def update(self, records, nbytes):
        if time.monotonic() > self.until:
            raise ScanCancelled


def test_an_interruption(hanging):
    began = time.monotonic()
    with ScanSession(hanging, Options(), progress=Impatient()) as session:
        report = session.report(charts=False)
    assert time.monotonic() - began < 25  # the time limit of a record is 30
    assert (report.complete, report.dataset.records) == (False, 0)
    assert report.verdict == "incomplete"
