"""The strip that shows where in the dataset the records of a finding are."""

from __future__ import annotations

import re

import pytest

from datascan.outputs.html.limits import LIMITS
from datascan.outputs.html.place_strip import draw_places
from datascan.report.model import Report
from datascan.testing.reports import finding, report

ROOMY = LIMITS[0]


def drawn(*lists):
    found = [finding(positions=positions) for positions in lists]
    return draw_places(found, report(*found), ROOMY)  # 1,000 records


def test_a_run_of_records_is_one_piece_and_said_in_words():
    svg = drawn([0] * 40 + [10] * 6 + [0] * 54)
    assert re.findall(r'class="shade-8" d="([^"]*)"', svg) == ["M40 0h6v1h-6z"]
    text = "Where these records are: in 6 of 100 stretches of the dataset, from record 400 to 459"
    assert f"<title>{text}</title>" in svg
    assert f'aria-label="{text}"' in svg


def test_more_records_are_darker():
    svg = drawn([1, 3, 10] + [0] * 97)
    shades = [int(shade) for shade in re.findall(r"shade-([0-9])", svg)]
    assert shades == sorted(shades)
    assert len(set(shades)) == 3


def test_findings_of_one_rule_share_a_strip():
    assert drawn([5] + [0] * 9, [0] * 9 + [5]).count("<path") == 2


@pytest.mark.parametrize(
    "positions",
    [None, [], [9], [4] + [0] * 99, [0] * 100, [9] * 9],
    ids=["none", "empty", "one cell", "few records", "no records", "few cells"],
)
def test_what_shows_nothing_is_not_drawn(positions):
    assert drawn(positions) == ""


def test_what_does_not_fit_is_not_drawn():
    assert drawn([9] * 20, [9] * 30) == ""
    small = report(finding(positions=[9] * 200), dataset=report().dataset)
    assert draw_places(small.findings, small, LIMITS[-1]) == ""
    huge = finding(positions=[10**18] * 100)
    assert draw_places([huge], report(huge), ROOMY).count("<path") == 1


def test_it_is_on_the_page():
    page = report(finding(positions=[0] * 50 + [10] * 50)).to_html()
    assert "Where these records are: in 50 of 100 stretches" in page
    plain = report(finding())
    assert "Where these records are" not in plain.to_html()
    assert Report.from_json(plain.to_json()).findings[0].positions is None
