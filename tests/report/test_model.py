"""The report as a type: three kinds with one base, read from JSON of this version and of 0.1."""

from __future__ import annotations

import html
import json
import pickle
import re
from datetime import date

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

import datascan
from datascan.errors import DatasetError
from datascan.report.figures import Accepted, DatasetInfo, Example
from datascan.report.model import DatasetReport, LogReport, NetReport, Report, SourceReport
from datascan.report.schema import json_schema
from datascan.testing.reports import ANY_TEXT, finding, log, net, report, source

KINDS = {
    "dataset": report(finding()),
    "net": net(source(finding()), findings=[finding(rule="unknown-field", severity="warning")]),
    "log": log(source(finding())),
}
TYPES = {"dataset": DatasetReport, "net": NetReport, "log": LogReport}


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_is_of_its_kind_and_a_report(kind):
    found = KINDS[kind]
    assert isinstance(found, datascan.Report)
    assert type(found) is TYPES[kind]
    assert found.kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_json_gives_a_report_of_the_same_kind_back(kind):
    text = KINDS[kind].to_json()
    assert json.loads(text)["kind"] == kind
    jsonschema.validate(json.loads(text), json_schema())
    back = Report.from_json(text)
    assert type(back) is TYPES[kind]
    assert back == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_an_old_report_is_that_of_its_backend(kind):
    whole = json.loads(KINDS[kind].to_json())
    for part in (whole, *(whole.get("sources") or ())):
        del part["kind"]
    jsonschema.validate(whole, json_schema())
    assert Report.from_json(json.dumps(whole)) == KINDS[kind]


def test_a_source_alone_is_still_a_source():
    alone = source(finding(), batch_size=64)
    assert alone.kind == "dataset"
    back = Report.from_json(alone.to_json())
    assert back == alone
    assert isinstance(back, SourceReport)


def test_a_source_is_a_dataset_that_a_layer_reads():
    alone = report(finding(), histogram=None)
    read = SourceReport.of(alone, phase="TEST", layer="mnist", num_classes=10)
    assert (read.findings, read.labels, read.verdict) == (alone.findings, alone.labels, "fail")
    assert read.name == "train_lmdb (TEST, layer mnist)"
    written = json.loads(read.to_json())
    assert (written["batch_size"], written["num_classes"]) == (None, 10)


def test_nets_and_logs_write_the_figures_that_they_do_not_have():
    for kind in ("net", "log"):
        written = json.loads(KINDS[kind].to_json())
        assert (written["labels"], written["values"], written["min_batch_size"]) == (None,) * 3
        assert (written["shapes"], written["batch_sizes"]) == ([], [])


def test_a_class_only_reads_reports_of_its_kind():
    assert NetReport.from_json(KINDS["net"].to_json()) == KINDS["net"]
    with pytest.raises(DatasetError, match="not a NetReport: a log report"):
        NetReport.from_json(KINDS["log"].to_json())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"kind":"net"', '"kind":"video"'),
        ('"kind":"net"', '"kind":7'),
        ('"kind":"net"', '"kind":"log"'),
        ('"kind":"dataset"', '"kind":"net"'),
        ('"phase":"TRAIN"', '"phase":"NIGHT"'),
    ],
)
def test_a_kind_that_does_not_fit_is_refused(old, new):
    text = json.dumps(json.loads(KINDS["net"].to_json()), separators=(",", ":"))
    assert old in text
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(text.replace(old, new))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(text.replace(old, new)), json_schema())


def test_reports_and_findings_include_those_of_sources():
    whole = KINDS["net"]
    assert whole.reports == [whole, *whole.sources]
    assert [f.rule for f in whole.all_findings] == ["unknown-field", "nan-value"]
    assert [f.rule for f in whole.failing] == ["nan-value"]
    assert report().reports == [report()]
    assert (report().sources, log().sources) == (None, None)


def test_repr_fits_in_three_lines():
    accepted = finding(accepted=Accepted("known", date(2999, 1, 1), 5))
    rules = ("batch-label-gap", "key-gap", "label-shift", "duplicate-record")
    warnings = [finding(rule=rule, severity="warning") for rule in rules]
    found = report(*warnings, finding(), accepted, complete=False)
    assert repr(found).splitlines() == [
        "<DatasetReport FAIL: train_lmdb (lmdb, caffe-datum), 1,000 records, stopped early",
        " 1 error, 4 warnings, 1 accepted",
        " worst: nan-value, batch-label-gap, key-gap, ...>",
    ]
    assert repr(report()) == (
        "<DatasetReport PASS: train_lmdb (lmdb, caffe-datum), 1,000 records\n no findings>"
    )
    assert repr(KINDS["net"]).startswith(
        "<NetReport FAIL: net.prototxt (net, caffe-net), 1 source,"
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_TEXT)
def test_repr_of_hostile_text_keeps_to_its_lines(text):
    source = DatasetInfo(text, text, text, 1, 1)
    shown = repr(report(finding(rule=text or "rule"), dataset=source))
    assert len(shown.splitlines()) == 3
    assert "\x1b" not in shown


def test_a_notebook_shows_the_page_in_a_frame():
    hostile = report(finding(examples=[Example('"><script>alert(1)</script>', 0, "\"'")]))
    shown = hostile._repr_html_()
    (frame,) = re.findall(r"<iframe ([^>]*)></iframe>", shown)
    assert shown == f"<iframe {frame}></iframe>"
    attributes = dict(re.findall(r'(\w+)="([^"]*)"', frame))
    assert html.unescape(attributes["srcdoc"]) == hostile.to_html()
    assert attributes["sandbox"] == "allow-scripts"


def test_raising_for_findings():
    clean = report()
    assert clean.raise_for_findings() is clean
    warned = finding(severity="warning", rule="key-gap")
    with pytest.raises(datascan.FindingsError, match="nan-value: 5 of 1,000") as caught:
        report(finding(), warned, fail_on="error").raise_for_findings()
    assert "(such as #0 key0, 1 of 0 values)" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert [f.rule for f in again.findings] == ["nan-value"]
    assert str(again) == str(caught.value)


@pytest.mark.parametrize("verdict", ["incomplete", "pass"])  # 0.1 called it a pass
def test_a_gate_does_not_let_an_incomplete_scan_pass(verdict):
    stopped = report(complete=False, verdict=verdict)
    assert not stopped.passed
    assert stopped.is_incomplete
    with pytest.raises(datascan.FindingsError, match="was stopped after 1,000 records") as caught:
        stopped.raise_for_findings()
    assert caught.value.findings == ()


def test_an_error_names_the_source_of_a_finding():
    whole = net(source(finding(), dataset=DatasetInfo("lmdb", "store", "caffe-datum", 9, 9)))
    with pytest.raises(datascan.FindingsError, match=r"1 finding\n.*nan-value.*TRAIN") as caught:
        whole.raise_for_findings()
    assert [f.rule for f in caught.value.findings] == ["nan-value"]


def test_an_error_lists_ten_findings():
    with pytest.raises(datascan.FindingsError, match="failed: 12 findings") as caught:
        report(*[finding()] * 12).raise_for_findings()
    assert str(caught.value).splitlines()[-1] == "  and 2 more"
    assert len(caught.value.findings) == 12


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema": "other"}', "\xff"])
def test_what_is_no_report(text):
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(text)


@pytest.mark.parametrize("text", ['{"x":' + "[" * 100_000, b'{"schema": "\xff"}', '"\udcff"'])
def test_damaged_and_hostile_json(text):
    with pytest.raises(DatasetError, match="not a datascan report"):
        Report.from_json(text)


def test_a_report_by_hand_round_trips():
    found = report(finding(), finding(severity="info", examples=[]))
    assert Report.from_json(found.to_json()) == found
    jsonschema.validate(json.loads(found.to_json()), json_schema())
