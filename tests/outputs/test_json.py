"""The JSON report is the report, and ends in a line break."""

from __future__ import annotations

import json

from datascan.outputs.json import render
from datascan.report.model import Report
from tests.outputs.reports import finding, report


def test_the_report_and_a_line_break():
    text = render([report(finding())])
    assert text.endswith("}\n")
    assert Report.from_json(text) == report(finding())


def test_members_without_a_value_are_left_out_of_examples_only():
    whole = json.loads(render([report(finding(examples=[], records=0), labels=None)]))
    assert whole["labels"] is None
    assert whole["findings"][0]["examples"] == []
