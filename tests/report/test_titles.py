"""Titles in plain words: from the finding, from the rule, or from its name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from datascan.checks.base import Check
from datascan.plugins import rule_names
from datascan.report.titles import class_title, finding_title, rule_title
from datascan.testing.reports import finding, report


def test_a_title_depends_on_what_the_records_are():
    assert rule_title("conflicting-label") == "Same record under two labels"
    assert rule_title("conflicting-label", images=True) == "Same picture in two classes"
    assert rule_title("nan-value", images=True) == "Missing values (NaN)"


@pytest.mark.parametrize("rule", rule_names())
def test_titles_fit_the_heading_of_a_finding(rule):
    for images in (False, True):
        assert 3 < len(rule_title(rule, images=images)) <= 40


def test_rules_without_a_title_are_called_by_their_names():
    assert rule_title("too-bright") == "Too bright"
    assert rule_title("") == ""
    untitled = type("TooBright", (Check,), {"rule": "too-bright"})
    assert class_title(untitled) == "Too bright"
    # Attributes of plug-ins may be anything.
    assert class_title(type("TooBright", (untitled,), {"title": 3})) == "Too bright"


def test_a_saved_report_keeps_its_titles_and_an_old_one_gets_them():
    dataset = report().dataset
    assert finding_title(finding(title="Too dark"), dataset) == "Too dark"
    assert finding_title(finding(rule="conflicting-label"), dataset) == (
        "Same record under two labels"
    )
    images = replace(dataset, backend="images")
    assert finding_title(finding(rule="conflicting-label"), images) == "Same picture in two classes"
