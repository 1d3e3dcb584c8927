"""The JUnit output, read back by junitparser."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import junitparser
import pytest

from datascan.outputs import junit
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Accepted, DatasetInfo, Example
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, net, report, source


class TestLaws(OutputLaws):
    output = junit

    def read(self, text):
        root = ET.fromstring(text.encode())  # noqa: S314  (our own)
        assert root.tag == "testsuites"
        for suite in root:
            assert int(suite.get("tests")) == len(suite.findall("testcase"))
            assert {child.tag for child in suite} <= {"properties", "testcase"}
            for counted, tag in (("failures", "failure"), ("errors", "error")):
                assert int(suite.get(counted)) == len(suite.findall(f"testcase/{tag}"))


def test_there_is_a_case_for_every_rule_applied():
    found = report(
        finding(),
        finding(rule="key-gap", severity="warning"),
        rules=["inf-value", "key-gap", "nan-value"],
    )
    (suite,) = junitparser.JUnitXml.fromstring(junit.render([found]).encode())
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 0)
    failed = {case.name: bool(case.result) for case in suite}
    assert failed == {"inf-value": False, "key-gap": False, "nan-value": True}


@pytest.mark.parametrize("harm", ["\0", "\x1b[2J", "\ufffe", "]]>", "<a&b>", '"', "\x85"])
def test_it_is_valid_for_any_key(harm):
    found = report(finding(message=harm, examples=[Example(harm, 0, harm)]))
    (suite,) = junitparser.JUnitXml.fromstring(junit.render([found]).encode())
    assert suite.failures == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<a & 'b'>", "<a & 'b'>"),
        ('"', '"'),
        ("a\nb", r"a\nb"),
        ("tab\there", r"tab\there"),
        ("\u202e", r"\u202e"),
    ],
)
def test_text_comes_back_escaped(text, shown):
    written = junit.render([report(finding(message=text))])
    root = ET.fromstring(written.encode())  # noqa: S314  (our own)
    (failure,) = root.iter("failure")
    assert failure.get("message") == f"Missing values (NaN): {shown}"
    assert shown in failure.text


def test_a_source_is_a_suite_of_its_own():
    inner = source(finding(), dataset=DatasetInfo("lmdb", "store", "caffe-datum", 9, 9))
    own, read = junitparser.JUnitXml.fromstring(junit.render([net(inner)]).encode())
    assert (own.failures, read.failures) == (0, 1)
    assert read.name == "datascan store (TRAIN, layer data)"


def test_accepted_findings_say_why():
    known = finding(accepted=Accepted("sensor 3 was off", None, 5), message="5 known ones")
    text = junit.render([report(known, finding())])
    (suite,) = junitparser.JUnitXml.fromstring(text.encode())
    (case,) = suite
    reason = "error (accepted: sensor 3 was off): Missing values (NaN): 5 known ones"
    assert reason in case.system_out


def test_incomplete_and_failed_scans_are_errors():
    text = junit.render([report(complete=False)], [FailedScan("absent", "no such path")])
    incomplete, failed = junitparser.JUnitXml.fromstring(text.encode())
    assert (incomplete.errors, failed.errors) == (1, 1)
    (case,) = failed
    assert (case.classname, case.name) == ("absent", "complete")
    assert case.result[0].message == "no such path"
