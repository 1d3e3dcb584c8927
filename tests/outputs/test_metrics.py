"""Numbers for other tools: flat, and of finite size."""

from __future__ import annotations

import json

from datascan.outputs import metrics
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Accepted, BadRecords, CheckedRule, DatasetInfo, Tolerated
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import finding, net, report, source


class TestLaws(OutputLaws):
    output = metrics

    def read(self, text):
        whole = json.loads(text)
        assert all(type(number) in (int, float) for number in whole.values())

    def test_every_dataset_is_named(self):
        """Failed scans are counted, not named: a flat object of numbers has no place for them."""
        paths = ["data/first", "data/second"]
        infos = [DatasetInfo("lmdb", path, "raw", 9, 9) for path in paths]
        whole = json.loads(
            metrics.render([report(dataset=one) for one in infos], [FailedScan("x", "no")])
        )
        assert all(f"{path}/records" in whole for path in paths)
        assert whole["not_scanned"] == 1


def numbers(*reports, **failed):
    return json.loads(metrics.render(reports, **failed))


def test_one_report():
    checked = [
        CheckedRule("nan-value", "failed"),
        CheckedRule("key-gap", "failed"),
        CheckedRule("inf-value", "passed"),
        CheckedRule("odd-size", "not-applicable", "no images"),
    ]
    found = report(
        finding(),
        finding(records=2),
        finding(rule="key-gap", records=0),
        bad_records=BadRecords(error=6, warning=1, info=0, any=7),
        rules=["inf-value", "key-gap", "nan-value", "odd-size"],
        checked=checked,
    )
    assert numbers(found) == {
        "datascan_metrics": 1,
        "verdict": 1,
        "records": 1000,
        "bytes": 3_083_000,
        "seconds": 1.9,
        "bad_records": 7,
        "bad_records_error": 6,
        "bad_records_warning": 1,
        "bad_records_info": 0,
        "inf-value": 0,
        "key-gap": 1,
        "nan-value": 7,
    }


def test_accepted_records_do_not_count_but_tolerated_ones_do():
    known = finding(accepted=Accepted("known", None, 5))
    few = finding(rule="inf-value", tolerated=Tolerated(5, 0.005, "1%"))
    whole = numbers(report(known, few, verdict="pass"))
    assert (whole["nan-value"], whole["inf-value"], whole["verdict"]) == (0, 5, 0)


def test_verdicts_are_numbers():
    assert numbers(report(complete=False, verdict="incomplete"))["verdict"] == 2
    assert numbers()["verdict"] == 0
    assert numbers()["datasets"] == 0


def test_several_have_their_path_as_prefix():
    whole = json.loads(metrics.render_several([report(finding())]))
    assert whole["datasets"] == whole["failed"] == whole["train_lmdb/verdict"] == 1
    assert whole["train_lmdb/nan-value"] == 5
    assert whole["verdict"] == 1


def test_sources_of_a_net_have_a_prefix():
    whole = numbers(net(source(finding())))
    assert whole["records"] == 0
    assert whole["train_lmdb/TRAIN/data/records"] == 1000
    assert whole["train_lmdb/TRAIN/data/nan-value"] == 5


def test_a_rule_cannot_take_the_place_of_a_figure():
    assert numbers(report(finding(rule="records")))["records"] == 1000
