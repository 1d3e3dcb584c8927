"""Findings with few enough records do not fail a scan, and everything says so."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datascan.checks.base import Issue, Location
from datascan.cli.app import run
from datascan.config.options import Options, Severity
from datascan.errors import FindingsError
from datascan.metrics.base import Flagged
from datascan.outputs import github
from datascan.report.model import Report
from datascan.report.summary import summarize_findings
from datascan.scanner.tolerance_filter import tolerate
from datascan.session import ScanSession
from tests.builders.lmdb import numbered, random_datums, write_lmdb


def issue(*rows, **changes):
    flagged = Flagged.of(np.array(rows, np.int64), np.zeros(len(rows)))
    whole = Issue("nan-value", Severity.ERROR, "bad", "fix", len(rows), flagged)
    return replace(whole, **changes)


def marked(*issues, allowed="2", total=100):
    return tolerate(issues, {"nan-value": allowed}, total)


def test_several_findings_of_a_rule_count_together_and_a_record_once():
    assert all(one.tolerated for one in marked(issue(1), issue(2)))
    assert all(one.tolerated.records == 2 for one in marked(issue(1, 2), issue(2)))
    first, second = marked(issue(1, 2), issue(3))
    assert first.tolerated is second.tolerated is None
    assert first.message == "bad; more than the 2 tolerated"


def test_accepted_records_do_not_count():
    known = issue(1, 2, 3, accepted=object())
    first, second = marked(known, issue(4))
    assert first is known
    assert second.tolerated.records == 1


def test_other_rules_are_left_alone():
    other = issue(1, rule="inf-value")
    assert marked(other) == (other,)
    assert tolerate((), {"nan-value": "1"}, 5) == ()


def test_the_share_is_of_what_was_read():
    assert marked(issue(1), allowed="1%", total=100)[0].tolerated is not None
    assert marked(issue(1), allowed="1%", total=99)[0].tolerated is None
    assert "more than the 1% tolerated" in marked(issue(1), allowed="1%", total=99)[0].message


def test_what_cannot_be_counted_is_not_tolerated():
    torn = issue(records=3, locations=(Location("a: 3 lost", "a", 3), Location("b", "b", 0)))
    assert marked(torn, allowed="9")[0] == torn
    whole = replace(torn, locations=(Location("a: 3 lost", "a", 3),))
    assert marked(whole, allowed="9")[0].tolerated.records == 3
    rest = replace(torn, locations=(Location("b", "b", 0), Location("3 out of reach", "", 3)))
    assert marked(rest, allowed="9")[0].tolerated.records == 3
    none = issue(records=0)
    assert marked(none, allowed="9") == (none,)


def test_a_message_that_names_an_issue_in_a_baseline_stays():
    plain = Issue("nan-value", Severity.ERROR, "bad", "fix", 5)
    assert marked(plain)[0].message == "bad"


@pytest.fixture
def store(tmp_path):
    """300 records, of which two are empty, and a copy."""
    datums = random_datums(300)
    return write_lmdb(tmp_path / "store", numbered([*datums, b"", b"", datums[0]]))


def scan(store, **options):
    with ScanSession(store, Options.from_keywords(**options)) as session:
        return session.report(charts=False)


def test_a_tolerated_finding_does_not_fail(store):
    report = scan(store, tolerance={"empty-record": "1%"})
    assert report.passed
    assert report.failing == ()
    assert report.raise_for_findings() is report
    (found,) = [one for one in report.findings if one.rule == "empty-record"]
    assert (found.severity, found.records) == ("error", 2)
    assert json.loads(report.to_json())["findings"][0]["tolerated"] == {
        "records": 2,
        "share": 2 / 303,
        "allowed": "1%",
    }
    assert Report.from_json(report.to_json()) == report
    assert report.bad_records.error == 2
    assert report.bad_indices().tolist() == [300, 301]
    assert next(one for one in report.checked if one.rule == "empty-record").status == "failed"
    assert summarize_findings(report).endswith("; 1 tolerated")
    assert "1 tolerated" in repr(report)
    assert "'empty-record': '1%'" in str(report.options["tolerance"])


def test_too_many_records_fail(store):
    report = scan(store, tolerance={"empty-record": 1})
    assert not report.passed
    with pytest.raises(FindingsError, match="more than the 1 tolerated"):
        report.raise_for_findings()


def test_warnings_are_tolerated_under_fail_on_warning(store):
    allowed = {"empty-record": 2, "duplicate-record": 1}
    ignored = ("batch-label-gap", "class-imbalance")
    assert scan(store, fail_on="warning", ignore=ignored, tolerance=allowed).passed
    del allowed["duplicate-record"]
    assert not scan(store, fail_on="warning", ignore=ignored, tolerance=allowed).passed


def test_of_a_part_the_share_is_of_the_part(store):
    assert scan(store, limit=301, tolerance={"empty-record": "0.34%"}).passed
    assert not scan(store, limit=301, tolerance={"empty-record": "0.33%"}).passed


@pytest.fixture
def shell(store, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def typed(*words):
        status = run([*words, "--no-progress"] if words[0] != "report" else list(words))
        return status, capsys.readouterr().out

    return typed


def test_every_output_says_it(shell, tmp_path):
    words = "tolerated 0.66% of 0.7%"
    files = ["--json", "r.json", "--html", "r.html", "--junit", "r.xml", "--sarif", "r.sarif"]
    status, text = shell(
        "scan", "store", "--tolerate", "empty-record=0.7%", *files, "--bad-records", "bad.jsonl"
    )
    assert status == 0
    assert f"  {words}\n  -> " in text
    assert text.startswith("PASS")
    page, junit, sarif = ((tmp_path / name).read_text() for name in files[3::2])
    assert f"<strong>Does not fail:</strong> {words}" in page
    assert f"error ({words}): Empty record: 2 of 303 records" in junit
    assert 'failures="0"' in junit
    (result,) = [
        one for one in json.loads(sarif)["runs"][0]["results"] if one["ruleId"] == "empty-record"
    ]
    assert result["suppressions"] == [{"kind": "external", "justification": words}]
    lines = [json.loads(line) for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert [line["tolerated"] for line in lines] == [True, True]
    assert shell("report", "r.json")[0] == 0
    saved = Report.from_json((tmp_path / "r.json").read_text())
    title = "::notice title=Empty record [empty-record]%3A store::"
    assert f"{title}{words.replace('%', '%25')}: 2 of" in github.render([saved])


def test_a_configuration_that_was_found_is_named(shell, tmp_path):
    (tmp_path / "datascan.toml").write_text('[dataset."store".tolerance]\nempty-record = 2\n')
    status, text = shell("scan", "store")
    assert status == 0
    assert text.startswith("configuration datascan.toml: tolerates empty-record up to 2\nPASS")
    status, text = shell("check")
    assert status == 0
    assert "empty-record (tolerated 2 of 2 records)" in text
    assert "(tolerates empty-record up to 2)" in text


def test_records_accepted_before_do_not_count(shell):
    accept = ["accept", "store", "--baseline", "known.toml", "--reason", "known"]
    assert shell(*accept, "--rule", "empty-record")[0] == 0
    known = ["scan", "store", "--baseline", "known.toml"]
    write_lmdb_again()
    assert shell(*known)[0] == 1
    status, text = shell(*known, "--tolerate", "empty-record=1")
    assert status == 0
    assert "tolerated 1 of 1 record" in text


def write_lmdb_again():
    """The store with a third empty record."""
    datums = random_datums(300)
    write_lmdb(Path("again"), numbered([*datums, b"", b"", datums[0], b""]))
    Path("store").rename("old")
    Path("again").rename("store")
