"""The annotations of GitHub Actions: no text can issue another command."""

from __future__ import annotations

import re

import pytest

from datascan.outputs import github
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Accepted, DatasetInfo
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, net, report, source


class TestLaws(OutputLaws):
    output = github

    def read(self, text):
        for line in text.split("\n")[:-1]:
            assert re.fullmatch(r"::(error|warning|notice) title=[^:,\r]*::[^\r]*", line)


@pytest.mark.parametrize("harm", ["x\n::error::no", "x\r\n::stop-commands::t", "%0A::error::y"])
def test_no_key_issues_a_command(harm):
    source = DatasetInfo("lmdb", harm, "raw", 1, 1)
    text = github.render([report(finding(message=harm), dataset=source)])
    assert text.count("\n") == 1
    assert "\r" not in text
    properties, message = re.fullmatch(r"::error title=([^:,]*)::(.*)\n", text).groups()
    shown = harm.replace("\r", "\\r").replace("\n", "\\n").replace("%", "%25")
    assert message == f"{shown} (such as #0 key0, 1 of 0 values); drop these records"
    assert shown.replace(":", "%3A") in properties


def test_ten_annotations_of_a_kind():
    errors = [finding(rule=f"rule-{number}") for number in range(12)]
    found = report(*errors, *[finding(rule=f"r{i}", severity="info") for i in range(3)])
    lines = github.render([found]).splitlines()
    assert [line.split()[0] for line in lines] == ["::error"] * 10 + ["::notice"] * 3


def test_an_annotation_names_the_source():
    inner = source(finding(), dataset=DatasetInfo("lmdb", "store", "caffe-datum", 9, 9))
    title = "::error title=Missing values (NaN) [nan-value]%3A store (TRAIN%2C layer data)::"
    assert github.render([net(inner)]).startswith(title)


def test_a_rule_has_one_annotation_in_a_dataset():
    """The worst of its findings comes first."""
    found = [finding(), finding(message="more", severity="warning"), finding(message="and more")]
    (line,) = github.render([report(*found)]).splitlines()
    title = "::error title=Missing values (NaN) [nan-value]%3A train_lmdb::"
    assert line.startswith(f"{title}5 of 1,000 records hold NaN")
    assert line.endswith("; and 2 more findings; drop these records")
    assert github.render([report(finding()), report(finding())]).count("\n") == 2


def test_accepted_findings_are_not_annotated():
    known = finding(accepted=Accepted("sensor 3 was off", None, 5), message="5 known ones")
    (error,) = github.render([report(known, finding())]).splitlines()
    title = "::error title=Missing values (NaN) [nan-value]%3A train_lmdb::"
    assert error.startswith(f"{title}5 of 1,000 records hold NaN")


def test_a_finding_without_records_names_none():
    gap = finding(rule="batch-label-gap", message="gap", records=0, examples=[])
    assert github.render([report(gap)]).endswith("::gap; drop these records\n")


def test_failed_scans_come_first():
    first, _ = github.render([report(finding())], [FailedScan("a,b", "no such path")]).splitlines()
    assert first == "::error title=not scanned%3A a%2Cb::no such path"
