"""Tolerance, Markdown, the cache and the next command, on a terminal, in a pipe and in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_verbose import in_pipe, in_terminal

PLACES = ["terminal", "pipe", "ci"]


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """A relative path: the one of the temporary folder may be longer than a line."""
    monkeypatch.chdir(tmp_path)
    values = [*random_datums(60, (3, 8, 8)), b""]
    write_lmdb(tmp_path / "store", numbered(values))
    return Path("store")


def scan(place, *arguments):
    """Exit status and lines of standard output (on a terminal, of both streams)."""
    if place == "terminal":
        return in_terminal(*arguments, width=100)
    environment = {"CI": "true", "GITHUB_ACTIONS": "true"} if place == "ci" else {}
    return in_pipe(*arguments, **environment)


@pytest.mark.parametrize("place", PLACES)
def test_a_tolerated_finding_passes_and_is_shown(faulty, place):
    status, said = scan(place, faulty, "--tolerate", "empty-record=2%")
    assert status == 0, said
    verdict = next(line for line in said if not line.startswith("::"))
    assert verdict.startswith("PASS  ")
    assert any("tolerated 1.64% of 2%" in line for line in said)
    notices = [line for line in said if line.startswith("::")]
    assert all(line.startswith("::notice ") for line in notices)
    assert bool(notices) == (place == "ci")


@pytest.mark.parametrize("place", PLACES)
def test_more_than_is_tolerated_fails(faulty, place):
    status, said = scan(place, faulty, "--tolerate", "empty-record=1%")
    assert status == 1, said
    assert any(line.startswith("FAIL  ") for line in said)
    assert any("more than the 1% tolerated" in line for line in said)


@pytest.mark.parametrize("place", PLACES)
def test_markdown_is_written_and_appended_to_the_summary(faulty, tmp_path, monkeypatch, place):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    status, said = scan(place, faulty, "--markdown", tmp_path / "own.md")
    assert status == 1, said
    own = (tmp_path / "own.md").read_text()
    assert own.startswith("<!-- datascan report -->")
    assert "<code>empty-record</code>" in own
    assert (tmp_path / "summary.md").read_text().strip() == own.strip()
    assert (place == "terminal") == any(line.startswith("wrote ") for line in said)


@pytest.mark.parametrize("place", PLACES)
def test_a_cache_is_said_and_changes_nothing_else(faulty, tmp_path, place):
    os.utime(faulty / "data.mdb", ns=(10**18, 10**18))
    kept = f"--cache={tmp_path / 'kept'}"
    first = scan(place, faulty, kept)
    again = scan(place, faulty, kept)
    plain = scan(place, faulty)
    assert first[0] == again[0] == plain[0] == 1
    told = [line for line in again[1] if "cache" in line]
    assert told
    assert "1 of 1 part" in " ".join(again[1]), again[1]
    facts = [line for line in plain[1] if "records, " not in line]
    assert [line for line in facts if line not in again[1]] == []


@pytest.mark.parametrize("place", PLACES)
def test_the_command_that_shows_a_record_is_the_last_line_of_a_terminal(
    tmp_path, monkeypatch, place
):
    values = [*random_datums(60, (3, 8, 8)), b""]
    write_lmdb(tmp_path / "a store", numbered(values))
    monkeypatch.chdir(tmp_path)
    for arguments in (["a store"], ["a store", "--ignore", "batch-label-gap"]):
        status, said = scan(place, *arguments)
        assert status == 1, said
        hint = "to see a record: datascan show 'a store' 60"
        assert [line for line in said if "datascan show" in line] == [hint] * (place == "terminal")
    assert in_terminal("a store", "--quiet")[1][0].startswith("FAIL")
    assert not any("datascan show" in line for line in in_terminal("a store", "--quiet")[1])
    assert not any("datascan show" in line for line in in_terminal("a store", "--json", "-")[1])
    shown = subprocess.run(
        [sys.executable, "-m", "datascan", "show", "a store", "60"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "empty-record" in shown.stdout


def test_the_command_has_the_options_without_which_it_is_another_record(faulty, tmp_path):
    (tmp_path / "datascan.toml").write_text("")
    found = in_terminal(faulty, "--config", tmp_path / "datascan.toml", "--limit", "61", width=400)
    assert found[1][-1].endswith(f"show {faulty} 60 --config {tmp_path / 'datascan.toml'}")


def test_no_command_without_a_bad_record(tmp_path):
    store = write_lmdb(tmp_path / "store", numbered(random_datums(60, (3, 8, 8))))
    assert not any("datascan show" in line for line in in_terminal(store, "--verbose")[1])
