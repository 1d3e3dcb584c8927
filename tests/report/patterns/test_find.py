"""Patterns of whole scans, from the data to the sentence."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import datascan
from datascan.config.options import Options
from datascan.outputs import github, junit, sarif
from datascan.session import ScanSession


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
    for text in (github.render([report]), junit.render([report]), sarif.render([report])):
        assert rows in text
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
