"""The head of a report: what to do comes first, and a pass that needs no reading is five lines."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from datascan.config.applied import AppliedConfiguration, AppliedSetting
from datascan.outputs.terminal.render import render
from datascan.report.figures import Accepted, BadRecords, CheckedRule, UnmatchedEntry
from datascan.report.provenance import CacheUse
from datascan.testing.reports import finding, net, report, source

OPENING = ["5 of 1,000 records cannot be used (empty): repair or replace them.", "Have a look."]
CHECKED = [
    CheckedRule("nan-value", "passed"),
    CheckedRule("odd-size", "not-applicable", "no images"),
    CheckedRule("corrupt-image", "not-applicable", "no images"),
]


def lines(one, **look) -> list[str]:
    return render([one], **{"verbose": False, **look}).splitlines()


def test_what_to_do_comes_before_the_counts():
    counts = BadRecords(error=5, warning=0, info=0, any=5)
    said = lines(report(finding(), opening=OPENING, bad_records=counts))
    assert said[2:4] == [
        "      5 of 1,000 records cannot be used (empty): repair or replace them.  Have a look.",
        "      5 of 1,000 records have errors (0.50%)",
    ]


def test_a_pass_is_four_lines():
    assert lines(report(opening=["Nothing was found."], checked=CHECKED)) == [
        "PASS  train_lmdb  (lmdb, caffe-datum)",
        "      1,000 records, 10 classes, 3.1 MB in 1.90 s",
        "      Nothing was found.",
        "      1 rule applied, 2 do not apply; --verbose shows more",
    ]


def test_notes_and_what_is_accepted_are_counted():
    known = finding(accepted=Accepted("known", None, 5))
    said = lines(
        report(
            finding(severity="info"),
            known,
            verdict="pass",
            unmatched=[UnmatchedEntry("nan-value", "x", 1)],
        )
    )
    assert len(said) <= 5
    assert said[-1] == (
        "      1 note, 1 accepted, 1 baseline entry without a finding; --verbose shows more"
    )


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_a_pass_is_five_lines_however_narrow(width):
    applied = AppliedConfiguration("datascan.toml", (AppliedSetting("db", ("a", 1)),))
    one = report(
        finding(severity="info"),
        opening=["Nothing was found that needs attention in 1,000 records."],
        checked=CHECKED,
        verdict="pass",
        configuration=applied,
    )
    said = lines(one, width=width)
    assert len(said) <= 5
    assert max(map(len, said)) <= width


@pytest.mark.parametrize("width", [40, 80])
def test_a_pass_says_what_was_excluded_and_what_was_not_read_again(width):
    whole = report(opening=["Nothing was found that needs attention in 1,000 records."])
    one = replace(
        whole,
        checked=CHECKED,
        dataset=replace(whole.dataset, excluded_files=3),
        cache=CacheUse(read=2, reused=335, since="2026-11-20T10:00:00+00:00"),
        configuration=AppliedConfiguration("datascan.toml", (AppliedSetting("db", ("a", 1)),)),
    )
    said = lines(one, width=width)
    assert len(said) <= 5
    assert max(map(len, said)) <= width
    if width == 80:
        assert said[-1] == (
            "      3 files excluded; 335 of 337 parts were not read again since 2026-11-20"
        )


def test_one_part_that_was_not_read_again():
    one = report(opening=["Nothing was found."], cache=CacheUse(read=0, reused=1))
    assert "      1 of 1 part was not read again" in lines(one)
    assert "1 of 3 parts was not read again" in str(CacheUse(read=2, reused=1))


def test_what_the_configuration_silences_is_never_cut():
    ignored = AppliedSetting("ignore", ("nan-value",), "ignores nan-value " * 20)
    one = report(
        opening=["Nothing was found."], configuration=AppliedConfiguration("d", (ignored,))
    )
    assert "".join(lines(one)).count("nan-value") == 20
    assert "PASS" in "".join(lines(one))


@pytest.mark.parametrize(
    "one",
    [
        report(finding(severity="warning"), verdict="pass"),
        report(finding()),
        report(finding(), fail_on="never", verdict="pass"),
        report(complete=False, verdict="incomplete"),
        net(source(finding(severity="warning"), verdict="pass"), verdict="pass"),
    ],
    ids=["warning", "error", "not failing", "incomplete", "source"],
)
def test_what_needs_reading_is_shown_in_full(one):
    assert lines(one) == lines(one, verbose=True)


def test_verbose_shows_the_figures():
    said = "\n".join(lines(report(), verbose=True))
    assert "\nlabels  " in said
    assert "\nlabels  " not in "\n".join(lines(report()))
