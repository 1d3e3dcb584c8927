"""From a scan to its report, its JSON, and the list of bad records."""

from __future__ import annotations

import json
import re

import jsonschema
import numpy as np
import pytest
from hypothesis import given

from datascan.metrics.base import Concatenated, ExactSum, Highest, Lowest, metric_name
from datascan.metrics.labels import LabelTally, measure_labels
from datascan.metrics.shapes import RecordKind, ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.report.bad_records import iter_bad_records
from datascan.report.build import build_report
from datascan.report.model import Report
from datascan.report.schema import json_schema
from datascan.scanner.scan import scan
from datascan.testing.reports import ANY_TEXT
from datascan.text import escape_surrogates
from tests.builders.judged import judgement, scanned_of
from tests.builders.plain import PlainReader

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def scanned(**options):
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 6)).astype(np.float32)
    values[::8, 2] = np.nan
    values[16, 3] = np.inf
    labels = np.arange(200) % 4
    labels[16] = 9
    return scan(PlainReader(values, labels, rows=30, num_classes=4, **options), CHECKS)


def test_a_report_is_valid_and_round_trips():
    report = build_report(scanned(), version="1.2.3")
    text = report.to_json()
    jsonschema.validate(json.loads(text), json_schema())
    assert Report.from_json(text) == report
    assert not re.search(
        r"(?<=[:,\[\s])(NaN|-?Infinity)(?=[\s,\]}])", re.sub(r"\"[^\"]*\"", "", text)
    )
    with pytest.raises(ValueError, match="constant"):
        json.loads(text.replace('"nan": 25', '"nan": NaN'), parse_constant=refuse)
    json.loads(text, parse_constant=refuse)


def refuse(word):
    raise ValueError(f"constant {word}")


def test_findings_are_sorted_counted_and_sampled():
    report = build_report(scanned(), version="1")
    assert [f.rule for f in report.findings[:3]] == ["nan-value", "inf-value", "label-out-of-range"]
    nan = report.findings[0]
    assert nan.records == 25
    spread = [8 * (place * 25 // 20) for place in range(20)]
    assert [e.index for e in nan.examples] == spread
    assert nan.examples[2].key == "row 16"
    assert not report.passed


@pytest.mark.parametrize(("fail_on", "passed"), [("error", False), ("never", True)])
def test_the_verdict_follows_fail_on(fail_on, passed):
    assert build_report(scanned(fail_on=fail_on), version="1").passed is passed


def test_every_bad_record_is_listed():
    listed = [json.loads(line) for line in iter_bad_records(scanned())]
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
    assert list(iter_bad_records(scan(PlainReader(values, np.arange(20) % 2), CHECKS))) == []


def test_order_of_findings():
    said = [
        judgement("b-info", "info", (0, 0), (0, 1), (0, 2)),
        judgement("b-error", "error", (0, 0)),
        judgement("a-error", "error", (0, 0), message="first"),
        judgement("c-error", "error", (0, 0), (0, 1)),
        judgement("a-warning", "warning", (0, 0)),
        judgement("a-error", "error", (0, 1), message="second"),
    ]
    found = build_report(scanned_of(*said), version="1").findings
    assert [(f.rule, f.message) for f in found] == [
        ("c-error", "c-error message"),
        ("a-error", "first"),
        ("a-error", "second"),
        ("b-error", "b-error message"),
        ("a-warning", "a-warning message"),
        ("b-info", "b-info message"),
    ]


def test_examples_are_the_first_records_then_the_details():
    keys = [[f"{shard}/{row}" for row in range(9)] for shard in range(5)]
    places = [(shard, row) for shard in (4, 2, 0) for row in (8, 1, 5)]
    scanned = scanned_of(judgement("r", "error", *places, details=("page 7",) * 30), keys=keys)
    (found,) = build_report(scanned, version="1").findings
    expected = sorted(places)
    assert [(e.index, e.key) for e in found.examples[:9]] == [
        (9 * shard + row, f"{shard}/{row}") for shard, row in expected
    ]
    assert found.examples[0].detail == "r at 0/1"
    assert [e.detail for e in found.examples[9:]] == ["page 7"] * 11
    assert scanned.reader.asked == [(0, [1, 5, 8]), (2, [1, 5, 8]), (4, [1, 5, 8])]
    written = json.loads(build_report(scanned, version="1").to_json())["findings"][0]["examples"]
    assert written[0] == {"detail": "r at 0/1", "index": 1, "key": "0/1"}
    assert written[9] == {"detail": "page 7"}


def test_only_keys_of_examples_are_looked_up():
    keys = [[str(row) for row in range(100)]] * 3
    said = judgement("r", "error", *[(s, row) for s in range(3) for row in range(100)])
    scanned = scanned_of(said, keys=keys)
    (found,) = build_report(scanned, version="1").findings
    assert (found.records, len(found.examples)) == (300, 20)
    rows = {s: [i % 100 for i in range(0, 300, 15) if i // 100 == s] for s in range(3)}
    assert scanned.reader.asked == list(rows.items())


@pytest.mark.parametrize(
    ("severity", "fail_on", "verdict"),
    [
        ("error", "error", "fail"),
        ("warning", "error", "pass"),
        ("warning", "warning", "fail"),
        ("info", "warning", "pass"),
        ("error", "never", "pass"),
    ],
)
def test_the_verdict(severity, fail_on, verdict):
    scanned = scanned_of(judgement("r", severity, (0, 0)), fail_on=fail_on)
    assert build_report(scanned, version="1").verdict == verdict


def test_a_scan_that_measured_nothing():
    report = build_report(scanned_of(keys=(), complete=False), version="9.8")
    assert (report.datascan, report.complete, report.verdict) == ("9.8", False, "incomplete")
    assert report.elapsed_seconds == 1.235
    assert report.dataset.path == "by hand"
    assert (report.dataset.backend, report.dataset.layout) == ("keys", "by hand")
    assert (report.dataset.records, report.dataset.bytes) == (0, 4321)
    assert (report.labels, report.values, report.min_batch_size) == (None, None, None)
    assert (report.findings, report.shapes, report.batch_sizes) == ([], [], [])
    jsonschema.validate(json.loads(report.to_json()), json_schema())


def labelled(values, present=None, **more):
    """The report of a dataset with these labels."""
    values = np.asarray(values)
    has = np.ones(len(values), bool) if present is None else np.asarray(present)
    tally = LabelTally(
        Concatenated((values,)), Concatenated((has,)), Concatenated((np.flatnonzero(~has),))
    )
    tallies = {metric_name(measure_labels): tally}
    keys = [[str(i) for i in range(len(values))]]
    return build_report(scanned_of(tallies=tallies, keys=keys, **more), version="1")


def test_class_labels():
    report = labelled([3, 1, 1, -2, 3, 3, 0], [True] * 6 + [False], num_classes=3)
    labels = report.labels
    assert labels.kind == "class"
    assert (labels.num_classes, labels.declared, labels.missing) == (3, True, 1)
    assert list(labels.counts.items()) == [("-2", 1), ("1", 2), ("3", 3)]
    assert (labels.min, labels.max, labels.names) == (None, None, None)


def test_float_labels_are_counted_as_whole_ones():
    report = labelled(np.array([0.0, 10.0, 2.0, 0.5, np.nan, 1e300]), label_type="class")
    counts = report.labels.counts
    assert list(counts.values()) == [1, 1, 1, 1]
    assert list(counts)[:3] == ["0", "2", "10"]
    assert Report.from_json(report.to_json()) == report


def test_names_of_classes():
    names = ("cat", "d\udcffg")
    assert labelled([0, 1], plan={"class_names": names}).labels.names == ["cat", r"d\xffg"]


def test_regression_targets():
    labels = labelled(np.array([0.5, -1.25, np.inf, np.nan])).labels
    assert (labels.kind, labels.num_classes, labels.counts) == ("regression", None, {})
    assert (labels.min, labels.max) == (-1.25, 0.5)
    labels = labelled(np.array([np.inf, np.nan])).labels
    assert (labels.kind, labels.min, labels.max) == ("regression", None, None)


def test_no_labels_asked_for():
    report = labelled([1, 2], label_type="none")
    assert (report.labels, report.batch_sizes, report.min_batch_size) == (None, [], None)


def test_batch_sizes_by_hand():
    report = labelled([0] * 6 + [1] * 6, batch_sizes=(7, 4))
    seven, four = report.batch_sizes
    assert (seven.batch_size, four.batch_size) == (7, 4)
    assert (four.sequential.batches, four.sequential.lacking) == (3, 2)
    assert (four.sequential.worst_label, four.sequential.worst_lacking) == (0, 1)
    assert four.shuffled.worst_p == pytest.approx(15 / 495)
    assert four.shuffled.p_lacking == pytest.approx(1 - (1 - 15 / 495) ** 2)
    assert four.shuffled.expected_lacking_per_epoch == pytest.approx(3 * four.shuffled.p_lacking)
    assert report.min_batch_size.sequential == 7


def test_shapes_of_one_size_in_several_modes_are_one():
    kinds = (
        RecordKind((3, 4, 4), "uint8", "RGB"),
        RecordKind((1, 4, 4), "uint8", "L"),
        RecordKind((3, 4, 4), "uint8", "YCbCr"),
        RecordKind((3, 4, 4), "uint16", ""),
    )
    runs = np.array([[0, 0, 2], [1, 2, 3], [2, 5, 2], [3, 7, 1], [0, 8, 1]])
    tallies = {metric_name(measure_shapes): ShapeTally(kinds, Concatenated((runs,)))}
    shapes = build_report(scanned_of(tallies=tallies), version="1").shapes
    assert [(s.shape, s.dtype, s.records) for s in shapes] == [
        ([3, 4, 4], "uint8", 5),
        ([1, 4, 4], "uint8", 3),
        ([3, 4, 4], "uint16", 1),
    ]


def test_at_most_a_hundred_shapes():
    kinds = tuple(RecordKind((i,), "uint8") for i in range(150))
    runs = np.array([[i, i * 200, i + 1] for i in range(150)])
    tallies = {metric_name(measure_shapes): ShapeTally(kinds, Concatenated((runs,)))}
    shapes = build_report(scanned_of(tallies=tallies), version="1").shapes
    assert [s.shape for s in shapes] == [[i] for i in range(149, 49, -1)]


def valued(low, high, total, count, **more):
    """The value figures of a scan that measured this."""
    squares = ExactSum.of(np.array([np.square(total)]) if np.isfinite(total) else np.array([total]))
    tally = ValueTally(
        Lowest(low),
        Highest(high),
        ExactSum.of(np.array([total])),
        squares,
        count,
        more.get("nan", 0),
        more.get("inf", 0),
        more.get("approximate", 0),
        Highest(0.0),
    )
    tallies = {metric_name(measure_values): tally}
    return build_report(scanned_of(tallies=tallies), version="1").values


def test_values():
    values = valued(-3.0, 5.0, 6.0, 3, nan=2, inf=1)
    assert (values.min, values.max, values.mean, values.nan, values.inf) == (-3.0, 5.0, 2.0, 2, 1)
    assert values.std == pytest.approx(8**0.5)
    assert not values.approximate
    assert valued(0.0, 1.0, 1.0, 2, approximate=7).approximate


def test_values_that_json_cannot_hold_are_null():
    nothing = valued(float("inf"), float("-inf"), 0.0, 0, nan=5)
    assert (nothing.min, nothing.max, nothing.mean, nothing.std) == (None, None, None, None)
    assert nothing.nan == 5
    overflown = valued(0.0, 1.0, float("inf"), 2)
    assert (overflown.mean, overflown.std) == (None, None)


@given(ANY_TEXT)
def test_only_what_utf_8_cannot_hold_is_escaped(text):
    pieces = re.split("[\ud800-\udfff]", text)
    pattern = r"(\\x[89a-f][0-9a-f]|\\ud[89a-f][0-9a-f]{2})".join(map(re.escape, pieces))
    assert re.fullmatch(pattern, escape_surrogates(text), re.DOTALL)
    escape_surrogates(text).encode("utf-8")


def test_names_that_are_not_utf_8():
    assert escape_surrogates("a\udcff\udce9\ud800") == r"a\xff\xe9\ud800"
    assert escape_surrogates("plain é 数") == "plain é 数"


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_text_breaks_the_report(key, detail, message):
    said = judgement(
        "r",
        "error",
        (0, 0),
        message=message,
        fix=message,
        details=(detail,),
        describe=lambda _: detail,
    )
    scanned = scanned_of(said, keys=[(key,)], paths=["a\udcff"])
    report = build_report(scanned, version="1")
    assert report.dataset.path == r"a\xff"
    assert Report.from_json(report.to_json()) == report
