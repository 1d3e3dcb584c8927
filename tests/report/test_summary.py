"""The sentence at the head of a report counts records, not kinds of findings."""

from __future__ import annotations

from datetime import date

from datascan.config.baseline import Acceptance
from datascan.report.build import build_report
from datascan.report.summary import describe_clean, spread_shown, summarize_findings
from datascan.testing.reports import net, report, source
from tests.builders.judged import judgement, scanned_of


def summary_of(*issues, **more):
    return summarize_findings(build_report(scanned_of(*issues, **more), version="1"))


def test_a_record_counts_once_under_its_worst_finding():
    report = build_report(
        scanned_of(
            judgement("nan-value", "error", (0, 1), (2, 0)),
            judgement("inf-value", "error", (0, 1)),
            judgement("constant-record", "warning", (0, 1), (0, 2)),
            judgement("trailing-bytes", "info", (0, 0), (0, 1), (0, 2)),
        ),
        version="1",
    )
    assert (report.bad_records.error, report.bad_records.warning) == (2, 1)
    assert (report.bad_records.info, report.bad_records.any) == (1, 4)
    assert summarize_findings(report) == (
        "2 of 5 records have errors (40.00%), 1 more has warnings, 1 more has notes"
    )


def test_warnings_alone_and_images():
    issue = judgement("constant-record", "warning", (0, 1))
    assert summary_of(issue) == "1 of 5 records has warnings (20.00%)"


def test_findings_about_the_dataset_are_counted_apart():
    found = summary_of(
        judgement("nan-value", "error", (0, 1)),
        judgement("empty-class", "warning", records=0),
        judgement("class-imbalance", "warning", records=0),
    )
    assert found == "1 of 5 records has errors (20.00%); 2 warnings about the dataset"


def test_accepted_findings_do_not_make_a_record_bad():
    known = Acceptance("known", date(2030, 1, 1))
    found = summary_of(judgement("nan-value", "error", (0, 1), accepted=known))
    assert found == "1 accepted"


def test_nothing_found():
    assert summary_of() == ""


def test_examples_that_are_shown_are_spread_or_the_worst():
    assert spread_shown([0, 1, 2], 3) == [0, 1, 2]
    assert spread_shown(list(range(20)), 3) == [0, 9, 19]
    assert spread_shown([7, *range(6)], 3) == [0, 1, 2]  # not in store order: the worst come first
    assert spread_shown([None] * 9, 2) == [0, 1]  # details without records
    assert spread_shown([4, 5], 1) == [0]
    assert spread_shown([], 3) == []


def test_nothing_is_promised_of_what_was_not_checked():
    promise = "no findings; nothing here should break training"
    assert describe_clean(report()) == promise
    assert describe_clean(report(complete=False)) == "no findings"
    parts = [f"layer type Fork{i}" for i in range(7)]
    assert describe_clean(net(source(), not_checked=parts)) == (
        "no findings in the parts that were checked; not checked: layer type Fork0, layer type "
        "Fork1, layer type Fork2, layer type Fork3, layer type Fork4 and 2 more"
    )
