"""From a scan to its report, its JSON, and the list of bad records."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pytest

from datascan.discovery import classes
from datascan.errors import DatasetError
from datascan.model import Check
from datascan.outputs.bad_records import lines
from datascan.report import Report, json_schema
from datascan.reporting import report_of
from datascan.scanning import scan
from tests.building.plain import PlainReader

CHECKS = [kind() for kind in classes("checks", Check)]


def scanned(**options):
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 6)).astype(np.float32)
    values[::8, 2] = np.nan
    values[16, 3] = np.inf
    labels = np.arange(200) % 4
    labels[16] = 9
    return scan(PlainReader(values, labels, rows=30, num_classes=4, **options), CHECKS)


def test_a_report_is_valid_and_round_trips():
    report = report_of(scanned(), version="1.2.3")
    text = report.to_json()
    jsonschema.validate(json.loads(text), json_schema())
    assert Report.from_json(text) == report
    assert "NaN" not in text.replace("hold NaN", "").replace("NaN upstream", "")
    with pytest.raises(ValueError, match="constant"):
        json.loads(text.replace('"nan": 25', '"nan": NaN'), parse_constant=refuse)
    json.loads(text, parse_constant=refuse)


def refuse(word):
    raise ValueError(f"constant {word}")


def test_the_shipped_schema_is_that_of_the_types():
    shipped = files("datascan.schema").joinpath("report-1.json").read_text()
    assert json.loads(shipped) == json_schema()


def test_findings_are_sorted_counted_and_sampled():
    report = report_of(scanned(), version="1")
    assert [f.rule for f in report.findings[:3]] == ["nan-value", "inf-value", "label-out-of-range"]
    nan = report.findings[0]
    assert nan.records == 25
    assert [e.index for e in nan.examples] == list(range(0, 160, 8))
    assert nan.examples[2].key == "row 16"
    assert not report.passed


@pytest.mark.parametrize(("fail_on", "passed"), [("error", False), ("never", True)])
def test_the_verdict_follows_fail_on(fail_on, passed):
    assert report_of(scanned(fail_on=fail_on), version="1").passed is passed


def test_every_bad_record_is_listed():
    listed = [json.loads(line) for line in lines(scanned())]
    assert [(line["index"], line["rule"]) for line in listed[:5]] == [
        (0, "nan-value"),
        (8, "nan-value"),
        (16, "inf-value"),
        (16, "label-out-of-range"),
        (16, "nan-value"),
    ]
    assert len(listed) == 27
    assert listed[2] == {
        "index": 16,
        "key": "row 16",
        "rule": "inf-value",
        "severity": "error",
        "detail": "1 of 6 values, first inf at [3]",
    }


def test_nothing_bad_lists_nothing():
    values = np.random.default_rng(0).normal(size=(20, 3))
    assert list(lines(scan(PlainReader(values, np.arange(20) % 2), CHECKS))) == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "other"}', "\xff"])
def test_what_is_no_report(text):
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(text)
