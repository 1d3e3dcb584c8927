"""Accepted findings: shown, and not counted; new records with the fault count."""

from __future__ import annotations

import json
from datetime import date, timedelta
from shutil import rmtree

import numpy as np
import pytest

from datascan.config.baseline import MAX_KEYS, Baseline, BaselineEntry, append_entries
from datascan.config.options import Options
from datascan.errors import UsageError
from datascan.scanner.baseline_filter import BaselineFilter
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.builders.sessions import scan_of
from tests.cli.test_app import datascan, fails_in_one_line

TODAY = date(2026, 6, 15)


def store(path, bad, count=60):
    """Floats in three classes; records ``bad`` hold NaN. What was at ``path`` is replaced."""
    rmtree(path, ignore_errors=True)
    arrays = np.random.default_rng(0).random((count, 1, 2, 3)).astype(np.float32)
    arrays[list(bad), 0, 0, 0] = np.nan
    return write_lmdb(path, numbered(datum(a, i % 3) for i, a in enumerate(arrays)))


def accept(path, file, *options):
    result = datascan("accept", path, "--baseline", file, "--reason", "known: sensor 3", *options)
    assert result.returncode == 0, result
    return result


def report_of(path, file, *options):
    result = datascan("lmdb", path, "--baseline", file, "--json", "-", *options)
    return result, json.loads(result.stdout)


@pytest.fixture
def accepted(tmp_path):
    """A store with two records of NaN, and a baseline that accepts them."""
    path, file = store(tmp_path / "d", (7, 9)), tmp_path / "b.toml"
    accept(path, file)
    return path, file


def test_what_is_accepted_does_not_fail_and_is_shown(accepted):
    path, file = accepted
    assert datascan("lmdb", path, "-qq").returncode == 1
    result, report = report_of(path, file)
    assert (result.returncode, report["verdict"], result.stderr) == (0, "pass", "")
    (finding,) = (f for f in report["findings"] if f["rule"] == "nan-value")
    assert finding["accepted"] == {"reason": "known: sensor 3", "expires": None, "records": 2}
    assert [e["index"] for e in finding["examples"]] == [7, 9]
    assert "1 accepted" in datascan("lmdb", path, "--baseline", file).stdout
    shown = datascan("lmdb", path, "--baseline", file, "--verbose").stdout
    assert "accepted Missing values (NaN)  [nan-value]" in shown
    assert "accepted: known: sensor 3" in shown
    assert datascan("lmdb", path, "--baseline", file, "--fail-on", "warning").returncode == 0


def test_a_new_record_fails_again(accepted):
    path, file = accepted
    result, report = report_of(store(path, (7, 9, 11)), file)
    assert (result.returncode, report["verdict"]) == (1, "fail")
    new, old = (f for f in report["findings"] if f["rule"] == "nan-value")
    assert (new["records"], "accepted" in new) == (1, False)
    assert [e["index"] for e in new["examples"]] == [11]
    assert new["message"].startswith("1 of 3 not accepted: ")
    assert old["records"] == old["accepted"]["records"] == 2


def test_accepting_again_adds_what_is_new(accepted):
    path, file = accepted
    store(path, (7, 9, 11))
    before = file.read_text()
    accept(path, file)
    assert file.read_text().startswith(before[: before.index("[[known]]")].rstrip())
    assert report_of(path, file)[0].returncode == 0
    assert "nothing to accept" in accept(path, file).stderr


@pytest.mark.parametrize(("days", "status"), [(0, 0), (1, 0), (-1, 1)])
def test_it_holds_through_its_last_day(tmp_path, days, status):
    path, file = store(tmp_path / "d", (7,)), tmp_path / "b.toml"
    end = date.today() + timedelta(days)
    today = date.today()
    accept(path, file, "--expires", today.isoformat())
    text = file.read_text()
    file.write_text(text.replace(f"expires = {today}", f"expires = {end.isoformat()}"))
    result, report = report_of(path, file)
    assert result.returncode == status
    (finding,) = (f for f in report["findings"] if f["rule"] == "nan-value")
    if status:
        assert f"(was accepted until {end.isoformat()})" in finding["message"]
        assert "accepted" not in finding
    else:
        assert finding["accepted"]["expires"] == end.isoformat()


def test_findings_about_no_records(tmp_path):
    path, file = store(tmp_path / "d", ()), tmp_path / "b.toml"
    sizes = ("--batch-size", "2,3", "--fail-on", "warning")
    assert datascan("lmdb", path, *sizes, "-qq").returncode == 1
    accept(path, file, "--batch-size", "2")
    assert report_of(path, file, "--batch-size", "2", "--fail-on", "warning")[0].returncode == 0
    # Another batch size is another finding.
    result, report = report_of(path, file, *sizes)
    assert result.returncode == 1
    gaps = [f for f in report["findings"] if f["rule"] == "batch-label-gap"]
    assert ["accepted" in f for f in gaps] == [False, True]


def test_only_the_rules_asked_for(tmp_path):
    path, file = store(tmp_path / "d", (7,)), tmp_path / "b.toml"
    accept(path, file, "--rule", "batch-label-gap", "--batch-size", "2")
    assert {entry.rule for entry in Baseline.read(file).entries} == {"batch-label-gap"}
    assert report_of(path, file)[0].returncode == 1


def test_many_keys_are_kept_as_hashes(tmp_path):
    bad = range(0, 3 * MAX_KEYS, 2)
    path, file = store(tmp_path / "d", bad, 3 * MAX_KEYS + 5), tmp_path / "b.toml"
    accept(path, file, "--rule", "nan-value")
    (entry,) = Baseline.read(file).entries
    assert (entry.keys, len(entry.key_hashes())) == ((), len(bad))
    text = file.read_text()
    assert len(text[: text.index("[[known]]")]) < 12 * len(bad) + 500
    assert report_of(path, file)[0].returncode == 0
    result, report = report_of(store(path, [*bad, 1], 3 * MAX_KEYS + 5), file)
    assert result.returncode == 1
    assert report["findings"][0]["records"] == 1


def test_bad_records_say_what_is_accepted(accepted, tmp_path):
    path, file = accepted
    store(path, (7, 11))
    lines = tmp_path / "bad.jsonl"
    datascan("lmdb", path, "--baseline", file, "--bad-records", lines, "-qq")
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(one["index"], one.get("accepted")) for one in found] == [(7, True), (11, None)]


def test_entries_that_match_nothing_are_told(accepted):
    path, file = accepted
    result, _ = report_of(store(path, ()), file, "--ignore", "batch-label-gap")
    assert result.returncode == 0
    assert "1 of 1 entries match no finding any more: nan-value" in result.stderr
    # Where the rule was not asked, nothing is known of its entries.
    assert report_of(path, file, "--ignore", "nan-value")[0].stderr == ""


def test_other_outputs_know_what_is_accepted(accepted, tmp_path):
    path, file = accepted
    outputs = [tmp_path / "r.html", tmp_path / "r.sarif", tmp_path / "r.xml"]
    options = ["--html", outputs[0], "--sarif", outputs[1], "--junit", outputs[2]]
    datascan("lmdb", path, "--baseline", file, "-qq", *options)
    assert "<strong>Accepted:</strong> known: sensor 3" in outputs[0].read_text()
    (run,) = json.loads(outputs[1].read_text())["runs"]
    results = {result["ruleId"]: result for result in run["results"]}
    assert results["nan-value"]["suppressions"][0]["justification"] == "known: sensor 3"
    assert 'failures="0"' in outputs[2].read_text()


HEAD = 'format = "datascan-baseline/1"\n[[accepted]]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[accepted]]\nrule = "nan-value"\nreason = "x"', "format"),
        (f'{HEAD}rule = "nan-value"', "reason"),
        (f'{HEAD}rule = "nan-value"\nreason = " "', "no reason"),
        (f'{HEAD}reason = "x"', "rule"),
        (f'{HEAD}rule = "r"\nreason = "x"\nexpire = 2026-01-01', "did you mean expires?"),
        (f'{HEAD}rule = "r"\nreason = "x"\nexpires = "soon"', "expires"),
        (f'{HEAD}rule = "r"\nreason = "x"\nhashes = "AAA="', "hash"),
    ],
)
def test_files_that_are_none(tmp_path, text, told):
    file = tmp_path / "b.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"b\.toml") as error:
        Baseline.read(file)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_use(tmp_path):
    path = store(tmp_path / "d", (7,))
    file = tmp_path / "b.toml"
    accepting = ("accept", path, "--baseline", file)
    assert "reason" in fails_in_one_line(*accepting)
    assert "reason" in fails_in_one_line(*accepting, "--reason", " ")
    assert "nan-value" in fails_in_one_line(*accepting, "--reason", "x", "--rule", "nan-valu")
    assert "YYYY-MM-DD" in fails_in_one_line(*accepting, "--reason", "x", "--expires", "soon")
    assert "--baseline" in fails_in_one_line("accept", path, "--reason", "x")
    fails_in_one_line("lmdb", path, "--baseline", file)
    file.write_text(append_entries([BaselineEntry("nan-valu", "x")], None))
    assert "nan-value" in fails_in_one_line("lmdb", path, "--baseline", file)


def test_the_day_can_be_chosen(tmp_path):
    path, file = store(tmp_path / "d", (7,)), tmp_path / "b.toml"
    file.write_text(append_entries([BaselineEntry("nan-value", "x", TODAY, ("00000007",))], None))
    for today, known in ((TODAY, True), (TODAY + timedelta(1), False)):
        baseline = Baseline.read(file, today)
        report, _ = scan_of(path, Options.from_keywords(baseline=baseline, workers=0))
        assert report.passed is known
        assert BaselineFilter(baseline).unused == [e for e in baseline.entries if known]


@pytest.mark.parametrize(("count", "is_hashed"), [(MAX_KEYS, False), (MAX_KEYS + 1, True)])
def test_how_many_keys_are_listed(count, is_hashed):
    keys = [f"{i:06}" for i in range(count)]
    entry = BaselineEntry.of("nan-value", "x", None, [*reversed(keys), keys[0]], ())
    assert bool(entry.hashes) == is_hashed
    assert list(entry.keys) == ([] if is_hashed else keys)
    assert len(entry.key_hashes()) == count
