"""The page as text: safe whatever stands in the report, and small enough to be mailed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.outputs.html import render
from datascan.outputs.html.limits import short
from datascan.outputs.html.page import data_text
from datascan.outputs.html.rule_sections import sections
from datascan.report import rule_pages
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
    ValueFigures,
    ValueHistogram,
)
from datascan.report.model import DatasetReport, SourceReport
from tests.outputs.reports import ANY_TEXT, finding, net, report, source

MOST = 2_000_000
TAGS = {"script": 2, "style": 1, "link": 1}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Reading(HTMLParser):
    """All elements, attributes and words of a page, and what its scripts and styles hold."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.inside, self.words = [], {}, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag = self.elements[-1][0] if self.elements else ""
        if tag in {"script", "style"} and self.cdata_elem == tag:
            self.inside.setdefault((tag, self.elements[-1][1].get("type")), []).append(data)
        else:
            self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def checked(text):
    """The page, read, if there is nothing in it that could run or ask for anything."""
    page = Reading(text)
    for tag, count in TAGS.items():
        assert len(page.all(tag)) == count
    assert not {tag for tag, _ in page.elements} & {"iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith(("#", "data:,"))
        assert tag != "script" or "src" not in attributes
    return page


def test_the_policy_allows_this_script_and_this_style_only():
    text = render([report(finding())])
    page = checked(text)
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    assert allowed["default-src"] == "'none'"
    assert allowed["img-src"] == "data:"
    for tag in ("script", "style"):
        held = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        (digest,) = [hashlib.sha256(one.encode()).digest() for one in held]
        assert allowed[f"{tag}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_verdict_dataset_time_and_command_stand_at_the_top():
    started, command = "2026-01-02T03:04:05+01:00", "datascan lmdb 'a b' --html x.html"
    words = checked(render([report(finding(), started=started, command=command)])).words
    for said in ("FAIL", "train_lmdb", "2026-01-02 03:04:05+01:00", "1.90 s", command):
        assert said in words
    assert "Command" not in checked(render([report()])).words


def test_a_finding_has_count_share_fix_page_and_examples():
    words = " ".join(checked(render([report(finding())])).words.split())
    for said in ("5 records · 0.50%", "drop these records", "Why it breaks training", "key4"):
        assert said in words


def test_findings_stay_in_the_order_of_the_report():
    second = finding(rule="inf-value", severity="warning")
    cards = checked(render([report(finding(), second)])).all("article")
    assert [card["data-severity"] for card in cards] == ["error", "warning"]


def test_the_clean_and_the_incomplete_say_so():
    assert "No findings; nothing here should break training" in checked(render([report()])).words
    words = checked(render([report(complete=False)])).words
    assert "Incomplete" in words
    assert "nothing here" not in words


@settings(deadline=None, max_examples=60)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_no_text_gets_out_of_its_place(key, detail, name):
    hostile = finding(message=detail, fix=name, examples=[Example(detail, 3, key)])
    labels = LabelFigures(1, False, {"0": 1000}, names=[name])
    source = DatasetInfo(key, name, detail, 1000, 1000)
    page = checked(render([report(hostile, labels=labels, dataset=source, command=detail)]))
    (held,) = page.inside["script", "application/json"]
    json.loads(held)


@pytest.mark.parametrize("text", ["</script>", "<!--<script>", "\u2028\u2029&amp;", "<script>"])
def test_hostile_text_comes_back_as_it_was(text):
    written = data_text({"a": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"a": text}
    words = checked(render([report(finding(examples=[Example(text, 0, text)]))])).words
    assert text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029") in words


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:image/svg+xml,<svg/>", "https://example.org/x.png", ""]
)
def test_only_pictures_are_thumbnails(uri):
    assert not checked(render([report(finding(), thumbnails={"0": uri})])).all("img")
    assert len(checked(render([report(finding(), thumbnails={"0": PIXEL})])).all("img")) == 1


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
    page = checked(text)
    assert len(page.all("article")) > 30
    assert "more findings" in page.words


@pytest.mark.parametrize("sources", [2, 60])
def test_nor_does_it_matter_how_many_sources_there_are(sources):
    vast_one = vast()
    inner = [SourceReport.of(vast_one, phase="TRAIN", layer=f"data-{i}") for i in range(sources)]
    text = render([net(*inner, verdict="fail")])
    assert len(text.encode()) < MOST
    page = checked(text)
    assert ("more source" in page.words) == (sources > 20)


def test_the_head_counts_the_findings_of_sources():
    inner = source(finding(), finding(rule="key-gap", severity="warning"))
    words = checked(render([net(inner)])).words
    assert "No findings" not in words
    assert "1 error" in words


def strip_of(labels):
    """The strip of records with these labels, as one stretch, and its words on the page."""
    labels = np.array(labels)
    rows = []
    for label in np.unique(labels).tolist():
        own = np.flatnonzero(labels == label).tolist()
        rows.append(ClassPositionsRow(label, label, len(own), own[0], own[-1], [len(own)]))
    source = DatasetInfo("lmdb", "store", "raw", len(labels), 1)
    return checked(render([report(dataset=source, strip=ClassPositions(1, rows))])).words


def test_only_a_sorted_store_is_called_sorted():
    random = np.random.default_rng(0)
    sorted_ten = np.repeat(np.arange(10), 100)
    assert "The store is sorted by class" in strip_of(sorted_ten)
    assert "The store is sorted by class" in strip_of(np.repeat([0, 1], 50))
    rare = np.concatenate([random.integers(0, 3, 1000), np.arange(3, 15)])
    for labels in (random.permutation(sorted_ten), random.permutation(rare), np.arange(12)):
        assert "sorted by class" not in strip_of(labels)


def test_targets_and_values_that_are_not_finite_are_told():
    targets = LabelFigures(None, False, {}, kind="regression", min=-0.5, max=2.25)
    nothing = ValueFigures(None, None, None, None, 6, 2)
    words = checked(render([report(labels=targets, values=nothing)])).words
    assert "regression targets, -0.5 to 2.25" in words
    assert "No value is finite: 6 NaN, 2 Inf." in words


def test_an_ordinary_page_leaves_nothing_out():
    findings = [finding(rule=rule, examples=[Example("d", i, "k" * 200) for i in range(20)])
                for rule in rule_pages.all_rules()]  # fmt: skip
    labels = LabelFigures(10_000, False, {str(i): i + 1 for i in range(10_000)})
    text = render([report(*findings, labels=labels)])
    assert len(text.encode()) < MOST
    assert text.count('class="detail">d</td>') == 20 * len(findings)
    assert "k" * 200 in text
    assert len(json.loads(held_in(text))["report-classes"]["counts"]) == 10_000


def held_in(text):
    """The data of a page."""
    return Reading(text).inside["script", "application/json"][0]


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
    checked(render([report(finding(rule="no-such-rule"), **changes)]))


def test_the_page_of_a_rule_has_all_its_parts_why_first():
    for rule in rule_pages.all_rules():
        headings = [section.heading for section in sections(rule)]
        assert headings[0] == "Why it breaks training"
        assert len(headings) == 7
        assert all(section.paragraphs for section in sections(rule))
    assert "<code>convert_imageset --shuffle</code>" in str(sections("batch-label-gap"))


@given(st.text(max_size=30), st.integers(3, 20))
def test_what_is_cut_keeps_both_ends(text, width):
    cut = short(text, width)
    assert len(cut) == min(len(text), width)
    assert (cut[0], cut[-1]) == (text[0], text[-1]) if text else not cut
