"""``datascan check``: one verdict and one exit status for several datasets."""

from __future__ import annotations

import json

import junitparser
import pytest

from datascan.cli.app import run
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_lmdb(tmp_path / "good", numbered(random_datums(300)))
    write_lmdb(tmp_path / "poor", numbered([*random_datums(300), b""]))
    return tmp_path


def check(project, text, *arguments):
    (project / "datascan.toml").write_text(text)
    return run(["check", "--no-progress", *arguments])


def test_the_worst_decides(project, capsys):
    assert check(project, '[dataset.good]\n[dataset."po*"]\n', "--json", "all.json") == 1
    whole = json.loads((project / "all.json").read_text())
    assert whole["verdict"] == "fail"
    assert [one["verdict"] for one in whole["datasets"]] == ["pass", "fail"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL  2 datasets: 1 fail")


def test_only_the_datasets_around_the_given_files(project):
    text = "[dataset.good]\n[dataset.poor]\n"
    assert check(project, text, "good/data.mdb") == 0
    assert check(project, text, "poor") == 1


def test_a_scan_that_cannot_be_made_does_not_stop_the_others(project, capsys):
    (project / "empty").mkdir()
    assert check(project, "[dataset.empty]\n[dataset.good]\n") == 2
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1
    assert "PASS  good" in told.out


def test_a_pattern_that_matches_nothing(project, capsys):
    assert check(project, "[dataset.good]\n[dataset.absent]\n") == 2
    told = capsys.readouterr()
    assert "absent: dataset pattern" in told.err
    assert told.out.splitlines()[0] == "configuration datascan.toml"
    assert told.out.splitlines()[1].startswith("PASS  good")


def test_one_pattern_means_what_it_finds(project):
    for name in ("data/train", "data/a/train"):
        write_lmdb(project / name, numbered(random_datums(300)))
    text = '[dataset."data/**/train"]\nignore = ["batch-label-gap"]\nnum_classes = 2\n'
    assert check(project, text, "--json", "all.json") == 1
    whole = json.loads((project / "all.json").read_text())["datasets"]
    assert [one["labels"]["num_classes"] for one in whole] == [2, 2]


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path, monkeypatch):
    folder = tmp_path / "proj[1]*"
    write_lmdb(folder / "good", numbered(random_datums(300)))
    monkeypatch.chdir(folder)
    assert check(folder, '[dataset."g*"]\n') == 0


def test_datasets_below_a_path_are_meant(project, capsys):
    write_lmdb(project / "data" / "poor", numbered([*random_datums(300), b""]))
    text = '[dataset.good]\n[dataset."data/*"]\n'
    assert check(project, text, "data") == 1
    verdicts = capsys.readouterr().out.splitlines()[1:]
    assert [line[:4] for line in verdicts] == ["FAIL", "FAIL"]


def test_files_outside_of_all_datasets_pass_and_say_so(project, capsys):
    (project / "notes.txt").write_text("")
    assert check(project, "[dataset.good]\n", "notes.txt") == 0
    assert "nothing was scanned" in capsys.readouterr().out


def test_what_could_not_be_scanned_stands_in_every_output(project, monkeypatch, capsys):
    (project / "empty").mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    files = ["--json", "all.json", "--sarif", "all.sarif", "--junit", "all.xml"]
    assert check(project, "[dataset.empty]\n[dataset.good]\n", *files) == 2
    assert "::error title=not scanned%3A empty::" in capsys.readouterr().out
    whole = json.loads((project / "all.json").read_text())
    assert (whole["verdict"], whole["not_scanned"][0]["path"]) == ("fail", "empty")
    suites = list(junitparser.JUnitXml.fromstring((project / "all.xml").read_bytes()))
    assert [(suite.name, suite.errors) for suite in suites] == [
        ("datascan good", 0),
        ("datascan empty", 1),
    ]
    good, empty = json.loads((project / "all.sarif").read_text())["runs"]
    assert good["invocations"][0]["executionSuccessful"] is True
    assert empty["invocations"][0]["executionSuccessful"] is False
    assert "empty" in empty["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_accepted_findings_are_told_as_such(project, capsys):
    accept = ["accept", "poor", "--baseline", "known.toml", "--reason", "old", "--no-progress"]
    (project / "datascan.toml").write_text("")
    assert run(accept) == 0
    assert check(project, '[dataset.poor]\nbaseline = "known.toml"\n') == 0
    assert "empty-record (accepted)" in capsys.readouterr().out


def test_flags_win_over_the_file(project):
    (project / "datascan.toml").write_text('[dataset.poor]\nfail_on = "never"\n')
    assert run(["lmdb", "poor", "--quiet"]) == 0
    assert run(["lmdb", "poor", "--quiet", "--fail-on", "error"]) == 1


def test_a_severity_of_the_command_line_decides(project):
    (project / "datascan.toml").write_text("")
    assert run(["lmdb", "poor", "--quiet", "--severity", "empty-record=info"]) == 0
