"""The page as text: safe for any report, and small enough to be mailed."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given, settings

from datascan.outputs import html
from datascan.outputs.html import render
from datascan.outputs.html.page import data_text
from datascan.report import rule_pages
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import (
    BatchFigures,
    ClassPositions,
    ClassPositionsRow,
    DatasetInfo,
    Example,
    GapCurve,
    ImageSize,
    LabelFigures,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    ValueHistogram,
)
from datascan.report.model import DatasetReport, SourceReport
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import ANY_TEXT, finding, net, report, source
from tests.outputs.html.reading import MOST, PIXEL, held_in, read_safely


class TestLaws(OutputLaws):
    output = html

    def read(self, text):
        page = read_safely(text)
        (data,) = page.inside["script", "application/json"]
        json.loads(data)
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1


def test_the_policy_allows_this_script_and_this_style_only():
    text = render([report(finding())])
    page = read_safely(text)
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["img-src"] == "data:"
    for tag in ("script", "style"):
        held = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        (digest,) = [hashlib.sha256(one.encode()).digest() for one in held]
        assert allowed[f"{tag}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_text_gets_out_of_its_place(key, detail, name):
    hostile = finding(message=detail, fix=name, examples=[Example(detail, 3, key)])
    labels = LabelFigures(1, False, {"0": 1000}, names=[name])
    source = DatasetInfo(key, name, detail, 1000, 1000)
    page = read_safely(render([report(hostile, labels=labels, dataset=source, command=detail)]))
    (held,) = page.inside["script", "application/json"]
    json.loads(held)


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "\u2028\u2029&amp;", "<script>"])
def test_hostile_text_comes_back_as_it_was(text):
    written = data_text({"a": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"a": text}
    words = read_safely(render([report(finding(examples=[Example(text, 0, text)]))])).words
    assert text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029") in words


def vast() -> DatasetReport:
    """More of everything than any dataset has."""
    key = "\U000e0001<&\"'" * 20_000
    picture = "data:image/jpeg;base64," + "A" * 16_000
    examples = [[Example(key, 20 * i + j, key) for j in range(20)] for i in range(400)]
    findings = [
        finding(rule=f"rule-{i}", message=key, fix=key, examples=some)
        for i, some in enumerate(examples)
    ]
    sizes = range(1, 1001)
    gap = SequentialGaps(10**9, 10**9, 10**9, 10**9), ShuffledGaps(0.5, 1e9, 10**9, 0.5)
    return report(
        *findings,
        dataset=DatasetInfo(key, key, "image", 10**12, 10**15),
        command=key,
        thumbnails={str(i): picture for i in range(60)},
        labels=LabelFigures(
            100_000,
            False,
            {str(i): 10**9 + i for i in range(100_000)},
            names=["<" * 255 for _ in range(100_000)],
        ),
        shapes=[ShapeFigures([3, 100 + i, 100 + i], "uint8", 10**9) for i in range(100)],
        batch_sizes=[BatchFigures(size, *gap) for size in range(1, 5000)],
        histogram=ValueHistogram([i / 3 for i in range(65)], [10**12] * 64, 256),
        gap_curve=GapCurve(list(sizes), [0.123456789] * 1000, [0.987654321] * 1000),
        strip=ClassPositions(
            200,
            [
                ClassPositionsRow(i, i, 10**9, 0, 10**12 - 1, [10**9 * (j % 7) for j in range(200)])
                for i in range(60)
            ],
        ),
        image_sizes=[ImageSize(i, 2 * i, 10**9) for i in range(1, 10_001)],
    )


def test_it_is_less_than_2_mb_whatever_the_report_holds():
    text = render([vast()])
    assert len(text.encode()) < MOST
    page = read_safely(text)
    assert len(page.all("article")) > 30
    assert "more findings" in page.words


@pytest.mark.parametrize("sources", [2, 60])
def test_nor_does_it_matter_how_many_sources_there_are(sources):
    vast_one = vast()
    inner = [SourceReport.of(vast_one, phase="TRAIN", layer=f"data-{i}") for i in range(sources)]
    text = render([net(*inner, verdict="fail")])
    assert len(text.encode()) < MOST
    page = read_safely(text)
    assert ("more source" in page.words) == (sources > 20)


@pytest.mark.parametrize("count", [3, 12])
def test_nor_does_it_matter_how_many_reports_there_are(count):
    failed = [FailedScan("<" * 500, "&" * 500)] * 1000
    text = render([vast()] * count, failed)
    assert len(text.encode()) < MOST
    page = read_safely(text)
    assert "more; the JSON report has them all" in page.words
    assert ("more dataset" in page.words) == (count > 3)


def test_several_reports_are_sections_of_one_page():
    reports = [report(finding()), report(), net(source(finding()))]
    page = read_safely(render(reports, [FailedScan("absent", "no such path: absent")]))
    assert "4 datasets: 2 failed, 1 not scanned" in page.words
    assert "no such path: absent" in page.words
    labels = [section["aria-label"] for section in page.all("section")]
    for label in (
        "Report of dataset 3: net.prototxt",
        "Report of source 1 of dataset 3: train_lmdb",
    ):
        assert label in labels
    assert len(labels) == len(set(labels))
    figures = set(json.loads(held_in(render(reports))))
    assert {"report-1-classes", "report-3-source-1-classes"} <= figures


def test_many_small_reports_are_all_on_the_page():
    page = read_safely(render([report()] * 60))
    assert len(page.all("header")) == 61
    assert "more dataset" not in page.words


def test_no_report_is_a_page_too():
    assert "No dataset was scanned" in read_safely(render([])).words


def test_an_ordinary_page_leaves_nothing_out():
    findings = [finding(rule=rule, examples=[Example("d", i, "k" * 200) for i in range(20)])
                for rule in rule_pages.all_rules()]  # fmt: skip
    labels = LabelFigures(10_000, False, {str(i): i + 1 for i in range(10_000)})
    text = render([report(*findings, labels=labels)])
    assert len(text.encode()) < MOST
    assert text.count('class="detail">d</td>') == 20 * len(findings)
    assert "k" * 200 in text
    assert len(json.loads(held_in(text))["report-classes"]["counts"]) == 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {"strip": ClassPositions(10**12, [ClassPositionsRow(0, 0, 1, 0, 0, [1])])},
        {"strip": ClassPositions(5, [ClassPositionsRow(0, 0, 1, 0, 0, [])])},
        {"gap_curve": GapCurve([1, 2], [0.5], [])},
        {"histogram": ValueHistogram([], [1], 1)},
        {"labels": LabelFigures(3, False, {"-" + "9" * 300: 1, "9" * 300: 1})},
        {"labels": LabelFigures(10**18, True, {"5": 1})},
        {"shapes": [ShapeFigures([], "float64", 1000)], "values": None},
        {
            "shapes": [ShapeFigures([0, 0, 0], "x", 0)],
            "dataset": DatasetInfo("", "", "image", 0, 0),
        },
        {"image_sizes": [ImageSize(0, 0, 1), ImageSize(0, 10**9, 1)]},
        {"labels": None, "values": None, "shapes": [], "batch_sizes": [], "min_batch_size": None},
        {"thumbnails": {"x": PIXEL}},
    ],
)
def test_reports_that_no_scan_writes_are_pages_too(changes):
    read_safely(render([report(finding(rule="no-such-rule"), **changes)]))
