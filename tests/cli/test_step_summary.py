"""The summary of a step of GitHub Actions is appended to, and never anything else."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from datascan.cli.app import run
from datascan.cli.step_summary import MAX_BYTES, write_whole
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write_lmdb(tmp_path / "store", numbered(random_datums(300)))
    write_lmdb(tmp_path / "poor", numbered([*random_datums(300), b""]))
    return tmp_path


def test_each_scan_appends(project, capsys):
    (project / "summary.md").write_text("# Of another command\n")
    assert run(["scan", "store", "-qq"]) == 0
    assert run(["scan", "poor", "-qq"]) == 1
    text = (project / "summary.md").read_text()
    assert text.startswith("# Of another command\n\n<!-- datascan report -->\n")
    assert text.index("## PASS <code>store</code>") < text.index("## FAIL <code>poor</code>")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


def test_check_appends_all_datasets(project):
    (project / "datascan.toml").write_text("[dataset.store]\n[dataset.poor]\n")
    assert run(["check", "--no-progress", "-qq"]) == 1
    text = (project / "summary.md").read_text()
    assert text.startswith("<!-- datascan report -->\n\n## datascan: FAIL, 2 datasets")


def test_a_report_that_is_shown_again_is_not_appended(project):
    assert run(["scan", "store", "-qq", "--json", "r.json"]) == 0
    before = (project / "summary.md").read_bytes()
    assert run(["report", "r.json"]) == 0
    assert (project / "summary.md").read_bytes() == before


def test_without_the_variable_nothing_is_written(project, monkeypatch):
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv("GITHUB_STEP_SUMMARY")
        else:
            monkeypatch.setenv("GITHUB_STEP_SUMMARY", value)
        assert run(["scan", "store", "-qq"]) == 0
    assert not (project / "summary.md").exists()


def test_a_summary_that_would_be_too_large_stays_as_it_is(project, capsys):
    (project / "summary.md").write_text("x" * (MAX_BYTES - 50))
    assert run(["scan", "store", "-qq"]) == 0
    assert (project / "summary.md").stat().st_size == MAX_BYTES - 50
    (line,) = capsys.readouterr().err.splitlines()
    assert "would exceed 1 MiB" in line


@pytest.mark.parametrize("name", ["absent/summary.md", "store", "/dev/null"])
def test_a_failure_costs_a_line(project, monkeypatch, capsys, name):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", name)
    assert run(["scan", "store", "-qq"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("datascan: GITHUB_STEP_SUMMARY: ")


@pytest.mark.parametrize("name", ["store/data.mdb", "linked", "hard"])
def test_what_is_read_is_not_appended_to(project, monkeypatch, capsys, name):
    (project / "linked").symlink_to("store/data.mdb")
    os.link("store/data.mdb", "hard")
    before = (project / "store/data.mdb").read_bytes()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", name)
    assert run(["scan", "store", "-qq"]) == 0
    assert "would overwrite what is read" in capsys.readouterr().err
    assert (project / "store/data.mdb").read_bytes() == before


def test_a_full_disk_leaves_no_half(tmp_path, monkeypatch):
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    left = [20]

    def write(number, data):
        if not left:
            raise OSError(28, "No space left on device")
        return os.write(number, data[: left.pop()])

    full = SimpleNamespace(write=write, ftruncate=os.ftruncate)
    monkeypatch.setattr("datascan.cli.step_summary.os", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(descriptor, b"x" * 50, 7)
    os.close(descriptor)
    assert file.read_text() == "before\n"
