"""The JSON output: one report by itself, several in an object."""

from __future__ import annotations

import json

from datascan._version import __version__
from datascan.outputs import json as json_output
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, net, report, source


class TestLaws(OutputLaws):
    output = json_output

    def read(self, text):
        whole = json.loads(text)
        for one in whole.get("datasets", [whole]):
            Report.from_json(json.dumps(one))


def test_one_report_is_the_report():
    text = json_output.render([report(finding())])
    assert text.endswith("}\n")
    assert Report.from_json(text) == report(finding())


def test_members_without_a_value_are_left_out_of_examples_only():
    text = json_output.render([report(finding(examples=[], records=0), labels=None)])
    whole = json.loads(text)
    assert whole["labels"] is None
    assert whole["findings"][0]["examples"] == []


def test_several_reports_have_one_verdict():
    whole = json.loads(json_output.render([report(), net(source(finding()))]))
    assert list(whole) == ["schema", "datascan", "verdict", "datasets", "not_scanned"]
    assert (whole["verdict"], whole["not_scanned"]) == ("fail", [])
    assert [one["kind"] for one in whole["datasets"]] == ["dataset", "net"]
    assert json.loads(json_output.render([report(), report()]))["verdict"] == "pass"


def test_a_failed_scan_fails_the_whole():
    whole = json.loads(json_output.render([report()], [FailedScan("absent", "no such path")]))
    assert whole["verdict"] == "fail"
    assert whole["not_scanned"] == [{"path": "absent", "error": "no such path"}]


def test_the_form_for_several_does_not_depend_on_their_number():
    whole = json.loads(json_output.render_several([report()]))
    assert whole == {
        "schema": "datascan-check/1",
        "datascan": __version__,
        "verdict": "pass",
        "datasets": [json.loads(report().to_json())],
        "not_scanned": [],
    }
    assert json.loads(json_output.render_several([]))["datasets"] == []
