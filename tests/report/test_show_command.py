"""The command that shows a record."""

from __future__ import annotations

import shlex

import pytest

import datascan
from datascan.cli.app import run
from datascan.report.show_command import show_command
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.mark.parametrize("name", ["store", "two words", "-x", "caf\u00e9"])
def test_every_example_can_be_shown(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / name, {**numbered(random_datums(30)), b"a\xff": b"", b"b c": b""})
    report = datascan.scan(name)
    (finding,) = (one for one in report.findings if one.rule == "empty-record")
    assert len(finding.examples) == 2
    for example in finding.examples:
        words = shlex.split(show_command(report, example))
        assert words[:2] == ["datascan", "show"]
        assert run(words[1:]) == 1
        assert f"#{example.index}  " in capsys.readouterr().out


def test_keys_that_can_be_typed_are_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "imgs", {"cat/1.jpg": photo(1), "dog/2.jpg": b""})
    report = datascan.scan("imgs")
    commands = {show_command(report, e) for f in report.findings for e in f.examples}
    assert "datascan show imgs dog/2.jpg" in commands
