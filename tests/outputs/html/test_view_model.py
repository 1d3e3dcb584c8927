"""What the page shows of a report: head, findings, thumbnails."""

from __future__ import annotations

import pytest

from datascan.outputs.html import render
from datascan.report.figures import (
    LabelFigures,
)
from datascan.testing.reports import finding, log, net, report, source
from tests.outputs.html.reading import PIXEL, read_safely


def test_verdict_dataset_time_and_command_stand_at_the_top():
    started, command = "2026-01-02T03:04:05+01:00", "datascan lmdb 'a b' --html x.html"
    words = read_safely(render([report(finding(), started=started, command=command)])).words
    for said in ("FAIL", "train_lmdb", "2026-01-02 03:04:05+01:00", "1.90 s", command):
        assert said in words
    assert "Command" not in read_safely(render([report()])).words


def test_a_finding_has_count_share_fix_page_and_examples():
    words = " ".join(read_safely(render([report(finding())])).words.split())
    for said in ("5 records · 0.50%", "drop these records", "Why it breaks training", "key4"):
        assert said in words


def test_findings_stay_in_the_order_of_the_report():
    second = finding(rule="inf-value", severity="warning")
    cards = read_safely(render([report(finding(), second)])).all("article")
    assert [card["data-severity"] for card in cards] == ["error", "warning"]


def test_the_clean_and_the_incomplete_say_so():
    assert (
        "No findings; nothing here should break training" in read_safely(render([report()])).words
    )
    words = read_safely(render([report(complete=False)])).words
    assert "Incomplete" in words
    assert "nothing here" not in words


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:image/svg+xml,<svg/>", "https://example.org/x.png", ""]
)
def test_only_pictures_are_thumbnails(uri):
    assert not read_safely(render([report(finding(), thumbnails={"0": uri})])).all("img")
    assert len(read_safely(render([report(finding(), thumbnails={"0": PIXEL})])).all("img")) == 1


def test_the_head_counts_the_findings_of_sources():
    inner = source(finding(), finding(rule="key-gap", severity="warning"))
    words = read_safely(render([net(inner)])).words
    assert "No findings" not in words
    assert "1 error" in words


def test_regression_targets_are_described():
    targets = LabelFigures(None, False, {}, kind="regression", min=-0.5, max=2.25)
    words = read_safely(render([report(labels=targets)])).words
    assert "regression targets, -0.5 to 2.25" in words


def test_the_head_of_a_source_names_its_layer():
    words = read_safely(render([net(source(batch_size=64, num_classes=10))])).words
    for said in ("layer data (TRAIN)", "Batch size", "64", "Classes"):
        assert said in words


def test_the_head_of_a_log_names_the_cause():
    words = read_safely(render([log()])).words
    for said in ("caffe-log", "Iterations", "sudden-nan"):
        assert said in words
