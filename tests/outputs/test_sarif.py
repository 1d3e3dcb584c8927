"""The SARIF output, read back by sarif-tools."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest
from sarif.loader import load_sarif_file

from datascan.outputs import sarif
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Accepted, DatasetInfo, Example
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, net, report, source


class TestLaws(OutputLaws):
    output = sarif

    def read(self, text):
        log = json.loads(text)
        assert log["version"] == "2.1.0"
        for run in log["runs"]:
            for result in run["results"]:
                rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
                assert rule["id"] == result["ruleId"]
                assert result["locations"]


def test_sarif_tools_reads_one_result_a_rule(tmp_path):
    gaps = [finding(rule="batch-label-gap", severity="warning") for _ in range(4)]
    file = tmp_path / "found.sarif"
    file.write_text(sarif.render([report(finding(), *gaps)]))
    records = load_sarif_file(str(file)).get_records()
    assert [(r["Severity"], r["Code"].split()[0]) for r in records] == [
        ("error", "nan-value"),
        ("warning", "batch-label-gap"),
    ]


def test_a_result_holds_at_most_a_hundred_locations():
    many = [finding(examples=[Example("bad", i, f"k{i}") for i in range(20)]) for _ in range(9)]
    (result,) = json.loads(sarif.render([report(*many)]))["runs"][0]["results"]
    assert len(result["locations"]) == 100


@pytest.mark.parametrize("key", ["a b#c?.jpg", "100%.jpg", "\u00e9.jpg", "<script>.jpg", "a:b.jpg"])
def test_addresses_give_the_path_back(key):
    images = DatasetInfo("images", "photos", "image", 1, 1)
    text = sarif.render([report(finding(examples=[Example("bad", 0, key)]), dataset=images)])
    place = json.loads(text)["runs"][0]["results"][0]["locations"][0]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
    assert unquote(uri) == f"photos/{key}"


def test_addresses_of_bytes_that_are_not_utf8():
    images = DatasetInfo("images", "photos", "image", 1, 1)
    text = sarif.render(
        [report(finding(examples=[Example("bad", 0, r"lat\xe4/1.png")]), dataset=images)]
    )
    place = json.loads(text)["runs"][0]["results"][0]["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "photos/lat%E4/1.png"


def test_a_source_is_a_run_of_its_own():
    inner = source(finding(), dataset=DatasetInfo("lmdb", "store", "caffe-datum", 9, 9))
    runs = json.loads(sarif.render([net(inner)]))["runs"]
    assert [len(one["results"]) for one in runs] == [0, 1]
    assert [one["automationDetails"]["id"] for one in runs] == [
        "datascan/net.prototxt/",
        "datascan/store/TRAIN/data/",
    ]


def test_accepted_findings_are_suppressed():
    known = finding(accepted=Accepted("sensor 3 was off", None, 5), message="5 known ones")
    text = sarif.render([report(known, finding())])
    known_result, new = json.loads(text)["runs"][0]["results"]
    assert known_result["suppressions"][0]["justification"] == "sensor 3 was off"
    assert "suppressions" not in new
    assert known_result["partialFingerprints"] != new["partialFingerprints"]


def test_a_failed_scan_is_an_unsuccessful_run():
    (run,) = json.loads(sarif.render([], [FailedScan("a b/c", "no such path")]))["runs"]
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    (notice,) = invocation["toolExecutionNotifications"]
    assert notice["message"]["text"] == "no such path"
    assert run["automationDetails"]["id"] == "datascan/a%20b/c/"
