"""Duplicates and conflicts name their partner by index, key and label, in every output."""

from __future__ import annotations

import json

import numpy as np
import pytest

import datascan
from datascan.report.bad_records import iter_bad_records
from datascan.report.build import build_report
from datascan.report.figures import Related
from tests.builders.hdf5 import write_hdf5
from tests.builders.judged import address, judgement, scanned_of


@pytest.fixture
def copies(tmp_path):
    """Ten rows of noise, of which 7 repeats 2 under another label and 9 repeats 4."""
    values = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float32)
    values[7], values[9] = values[2], values[4]
    return write_hdf5(tmp_path / "a.h5", data=values, label=np.arange(10) % 5)


def finding_of(report, rule):
    (found,) = (finding for finding in report.findings if finding.rule == rule)
    return found


def test_the_partner_of_a_duplicate(copies):
    report = datascan.scan(copies, workers=0)
    first, second = finding_of(report, "duplicate-record").examples
    assert (first.index, first.related) == (7, [Related(2, "a.h5:data[2]", 2)])
    assert first.detail == "same content as #2 a.h5:data[2] (label 2)"
    assert (second.index, second.related) == (9, [Related(4, "a.h5:data[4]", 4)])


def test_the_partners_of_a_conflict(tmp_path):
    values = np.random.default_rng(0).normal(size=(10, 8)).astype(np.float32)
    values[7], values[9] = values[2], values[4]
    labels = np.array([0, 0, 1, 0, 5, 0, 0, 3, 0, 5])
    report = datascan.scan(write_hdf5(tmp_path / "a.h5", data=values, label=labels), workers=0)
    found = finding_of(report, "conflicting-label").examples
    assert [(one.index, one.related[0].index, one.related[0].label) for one in found] == [
        (2, 7, 3),
        (7, 2, 1),
    ]
    assert found[0].detail == "label 1; same content as #7 a.h5:data[7] (label 3)"


def test_partners_survive_json(copies):
    report = datascan.scan(copies, workers=0)
    again = type(report).from_json(report.to_json())
    assert again.findings == report.findings


def test_class_names_and_lines_of_bad_records():
    partners = np.array([address(0, 0)])
    issue = judgement("duplicate-record", "warning", (2, 1), describe=lambda _: "same content as")
    scanned = scanned_of(
        type(issue)(**{**fields_of(issue), "partners": partners}), bad_records_severity="info"
    )
    (line,) = iter_bad_records(scanned)
    assert json.loads(line)["detail"] == "same content as #0 a"
    assert json.loads(line)["related"] == [{"index": 0, "key": "a"}]
    (example,) = build_report(scanned, version="1").findings[0].examples
    assert example.related == [Related(0, "a")]


def fields_of(issue):
    return {name: getattr(issue, name) for name in type(issue).__dataclass_fields__}
