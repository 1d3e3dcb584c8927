"""SARIF, JUnit and GitHub outputs, read back by readers that others wrote."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import junitparser
import pytest
from sarif.loader import load_sarif_file

from datascan.outputs import github, junit, sarif
from datascan.report.figures import Accepted, DatasetInfo, Example
from tests.outputs.reports import finding, net, report, source


def test_sarif_tools_reads_one_result_a_rule(tmp_path):
    gaps = [finding(rule="batch-label-gap", severity="warning") for _ in range(4)]
    file = tmp_path / "found.sarif"
    file.write_text(sarif.render([report(finding(), *gaps)]))
    records = load_sarif_file(str(file)).get_records()
    assert [(r["Severity"], r["Code"].split()[0]) for r in records] == [
        ("error", "nan-value"),
        ("warning", "batch-label-gap"),
    ]


def test_sarif_holds_at_most_a_hundred_locations():
    many = [finding(examples=[Example("bad", i, f"k{i}") for i in range(20)]) for _ in range(9)]
    (result,) = json.loads(sarif.render([report(*many)]))["runs"][0]["results"]
    assert len(result["locations"]) == 100


@pytest.mark.parametrize("key", ["a b#c?.jpg", "100%.jpg", "\u00e9.jpg", "<script>.jpg", "a:b.jpg"])
def test_sarif_addresses_give_the_path_back(key):
    images = DatasetInfo("images", "photos", "image", 1, 1)
    text = sarif.render([report(finding(examples=[Example("bad", 0, key)]), dataset=images)])
    place = json.loads(text)["runs"][0]["results"][0]["locations"][0]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
    assert unquote(uri) == f"photos/{key}"


def test_junit_has_a_case_for_every_rule_applied():
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
def test_junit_is_valid_for_any_key(harm):
    found = report(finding(message=harm, examples=[Example(harm, 0, harm)]))
    (suite,) = junitparser.JUnitXml.fromstring(junit.render([found]).encode())
    assert suite.failures == 1


@pytest.mark.parametrize("harm", ["x\n::error::no", "x\r\n::stop-commands::t", "%0A::error::y"])
def test_no_key_issues_a_command(harm):
    source = DatasetInfo("lmdb", harm, "raw", 1, 1)
    text = github.render([report(finding(message=harm), dataset=source)])
    assert text.count("\n") == 1
    assert "\r" not in text
    properties, message = re.fullmatch(r"::error title=([^:,]*)::(.*)\n", text).groups()
    back = message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
    assert back == f"{harm}; drop these records"
    assert harm.splitlines()[0].replace("%", "%25").replace(":", "%3A") in properties


def test_ten_annotations_of_a_kind():
    found = report(*[finding()] * 12, *[finding(severity="info")] * 3)
    lines = github.render([found]).splitlines()
    assert [line.split()[0] for line in lines] == ["::error"] * 10 + ["::notice"] * 3


def net_report():
    """A net without findings of its own; its source holds a NaN."""
    return net(source(finding(), dataset=DatasetInfo("lmdb", "store", "caffe-datum", 9, 9)))


def test_findings_of_sources_stand_in_every_output():
    whole = net_report()
    assert github.render([whole]).startswith(
        "::error title=nan-value%3A store (TRAIN%2C layer data)::"
    )
    own, inner = junitparser.JUnitXml.fromstring(junit.render([whole]).encode())
    assert (own.failures, inner.failures) == (0, 1)
    assert inner.name == "datascan store (TRAIN, layer data)"
    runs = json.loads(sarif.render([whole]))["runs"]
    assert [len(one["results"]) for one in runs] == [0, 1]
    assert [one["automationDetails"]["id"] for one in runs] == [
        "datascan/net.prototxt/",
        "datascan/store/TRAIN/data/",
    ]


def test_accepted_findings_say_why():
    known = finding(accepted=Accepted("sensor 3 was off", None, 5), message="5 known ones")
    found = report(known, finding())
    _, notice = github.render([found]).splitlines()
    assert notice.startswith("::notice title=nan-value (accepted)%3A train_lmdb::")
    assert notice.endswith("::5 known ones; accepted: sensor 3 was off")
    (suite,) = junitparser.JUnitXml.fromstring(junit.render([found]).encode())
    (case,) = suite
    assert "error (accepted: sensor 3 was off): 5 known ones" in case.system_out
    known_result, new = json.loads(sarif.render([found]))["runs"][0]["results"]
    assert known_result["suppressions"][0]["justification"] == "sensor 3 was off"
    assert "suppressions" not in new
    assert known_result["partialFingerprints"] != new["partialFingerprints"]


def test_sarif_addresses_bytes_that_are_not_utf8():
    images = DatasetInfo("images", "photos", "image", 1, 1)
    text = sarif.render(
        [report(finding(examples=[Example("bad", 0, r"lat\xe4/1.png")]), dataset=images)]
    )
    place = json.loads(text)["runs"][0]["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "photos/lat%E4/1.png"
