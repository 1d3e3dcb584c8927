"""``datascan check``: one verdict and one exit status for several datasets."""

from __future__ import annotations

import json

import pytest

from datascan.cli import run
from tests.building.lmdb import numbered, random_datums, write_lmdb


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
    assert "'absent' matches nothing" in capsys.readouterr().err


def test_flags_win_over_the_file(project):
    (project / "datascan.toml").write_text('[dataset.poor]\nfail_on = "never"\n')
    assert run(["lmdb", "poor", "--quiet"]) == 0
    assert run(["lmdb", "poor", "--quiet", "--fail-on", "error"]) == 1


def test_a_severity_of_the_command_line_decides(project):
    (project / "datascan.toml").write_text("")
    assert run(["lmdb", "poor", "--quiet", "--severity", "empty-record=info"]) == 0
