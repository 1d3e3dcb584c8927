"""Patterns of whole scans, from the data to the sentence."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest

import datascan
from datascan.config.options import Options
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.outputs import github, junit, markdown, sarif
from datascan.report.patterns import places
from datascan.session import ScanSession
from tests.builders.lmdb import datum, write_lmdb


def finding_of(path, rule, **options):
    with ScanSession(path, Options().replace(**options)) as session:
        report = session.report(charts=False)
    return next(finding for finding in report.findings if finding.rule == rule), report


def write_table(path, values, labels=None):
    with h5py.File(path, "w") as file:
        file["data"] = values
        if labels is not None:
            file["label"] = labels


@pytest.fixture
def run_of_nan(tmp_path):
    values = np.random.default_rng(0).normal(size=(20_000, 16)).astype(np.float32)
    values[8_000:11_000, 7] = np.nan
    write_table(tmp_path / "table.h5", values, np.arange(20_000) % 10)
    return tmp_path / "table.h5"


def test_a_run_of_rows_is_said_in_every_output(run_of_nan):
    finding, report = finding_of(run_of_nan, "nan-value")
    rows = "rows 8,000 to 10,999"
    assert finding.pattern == f"all in column 7, {rows}"
    assert [pattern.kind for pattern in finding.patterns] == ["values", "rows"]
    assert finding.statement == f"3,000 of 20,000 records hold NaN: {finding.pattern}"
    for output in (github, junit, markdown, sarif):
        assert rows in output.render([report])
    assert rows in report.to_html()
    with pytest.raises(datascan.FindingsError, match=rows):
        report.raise_for_findings()


def test_the_report_is_the_same_for_any_number_of_workers(run_of_nan):
    found = [finding_of(run_of_nan, "nan-value", workers=workers)[0] for workers in (0, 1, 2)]
    assert found[0] == found[1] == found[2]


def test_a_file_of_several_is_said(tmp_path):
    random = np.random.default_rng(0)
    for name in "abc":
        values = random.normal(size=(1_000, 4)).astype(np.float32)
        if name == "b":
            bad = random.random(values.shape) < 0.2
            values[bad] = np.nan
        write_table(tmp_path / f"{name}.h5", values)
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\nc.h5\n")
    finding, _ = finding_of(tmp_path / "list.txt", "nan-value")
    assert finding.pattern == "all in file b.h5"


def test_random_records_have_no_pattern(tmp_path):
    random = np.random.default_rng(0)
    values = random.normal(size=(3_000, 12)).astype(np.float32)
    values[random.random(values.shape) < 0.01] = np.nan
    values[random.choice(3_000, 40, replace=False)] = 1.0
    write_table(tmp_path / "table.h5", values, random.integers(0, 5, 3_000))
    _, report = finding_of(tmp_path / "table.h5", "nan-value")
    assert {finding.rule: finding.pattern for finding in report.findings if finding.pattern} == {}


class Stopped(NullProgress):
    """Stops the scan as soon as the dataset was read and its findings are known."""

    def __init__(self):
        self.is_read = False

    def update(self, records, nbytes):
        if self.is_read:
            raise ScanCancelled


def test_a_scan_that_is_stopped_meanwhile_is_incomplete(run_of_nan):
    progress = Stopped()
    with ScanSession(run_of_nan, Options().replace(workers=1), progress=progress) as session:
        session.scan()
        progress.is_read = True
        report = session.report(charts=False)
    assert (report.complete, report.verdict) == (False, "fail")
    assert [finding.pattern for finding in report.findings if finding.records] == [None]


def test_a_record_that_cannot_be_read_again_costs_no_report(run_of_nan, monkeypatch):
    def fail(*_):
        raise OSError("gone")

    monkeypatch.setattr(places, "read_places", fail)
    finding, report = finding_of(run_of_nan, "nan-value")
    assert finding.pattern == "all in rows 8,000 to 10,999"
    assert report.complete


@pytest.mark.parametrize("limits", [{"limit": 10_000}, {"sample": 5_000}])
def test_a_part_of_a_dataset_has_patterns_with_its_own_indices(run_of_nan, limits):
    finding, _ = finding_of(run_of_nan, "nan-value", **limits)
    first, last = re.search(r"(?:rows|records) ([0-9,]+) to ([0-9,]+)", finding.pattern).groups()
    indices = [int(text.replace(",", "")) for text in (first, last)]
    assert 8_000 <= indices[0] < indices[1] <= 10_999
    assert finding.pattern.startswith("all in column 7, ")


def test_channels_and_keys_of_a_store(tmp_path):
    random = np.random.default_rng(0)
    entries = {}
    for number in range(600):
        values = random.normal(size=(3, 4, 4)).astype(np.float32)
        name = "abcd"[number // 150]
        if name == "c" and number % 2:
            values[2, number % 4, 1] = np.inf
        entries[f"{name}_{number:05d}".encode()] = datum(values, label=number % 7)
    write_lmdb(tmp_path / "store", entries)
    finding, _ = finding_of(tmp_path / "store", "inf-value")
    assert finding.pattern == "all in channel 2, column 1, with keys that begin with c_"


def test_only_a_part_of_a_large_finding_is_read_again(tmp_path):
    values = np.random.default_rng(0).normal(size=(12_000, 6)).astype(np.float32)
    values[::2, 4] = np.nan
    write_table(tmp_path / "table.h5", values)
    finding, _ = finding_of(tmp_path / "table.h5", "nan-value")
    assert finding.pattern == "nearly all in column 4"
