"""Lists and logs from standard input: a pipe, a file, a terminal, nothing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from datascan.cli.app import run
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb

LIST = b"a/0.jpg 0\nb/0.jpg 1\n"
LOG = b"iteration,loss\n1,2.0\n2,1.5\n3,nan\n"
SCAN = ["scan", "imgs", "--list", "-", "--no-progress"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path / "imgs", {"a/0.jpg": photo(), "a/1.jpg": photo(1), "b/0.jpg": photo(2)})
    return tmp_path


def datascan(words, **streams):
    command = [sys.executable, "-m", "datascan", *words]
    return subprocess.run(command, capture_output=True, check=False, **streams)


def test_a_list_from_a_pipe(project):
    for _ in range(2):  # the second time, the guard of outputs searches what is read
        found = datascan([*SCAN, "--json", "r.json"], input=LIST)
        assert found.returncode == 0, found.stderr
        whole = json.loads((project / "r.json").read_text())
        assert whole["dataset"]["records"] == 2
        assert whole["options"]["list"] == "stdin"
    assert found.stderr == b"wrote r.json\n"


def test_a_list_from_a_file_is_not_replaced(project):
    (project / "list.txt").write_bytes(LIST)
    with (project / "list.txt").open("rb") as file:
        assert datascan([*SCAN, "-q"], stdin=file).returncode == 0
    with (project / "list.txt").open("rb") as file:
        found = datascan([*SCAN, "--json", "list.txt"], stdin=file)
    assert found.returncode == 2
    assert b"would overwrite what is read" in found.stderr
    assert (project / "list.txt").read_bytes() == LIST


def test_a_log_from_a_pipe(project):
    found = datascan(["log", "-", "--json", "r.json"], input=LOG)
    assert found.returncode == 1
    assert found.stdout.startswith(b"FAIL  /dev/stdin  (log, csv)")
    assert json.loads((project / "r.json").read_text())["log"]["first_nonfinite_iteration"] == 3


@pytest.mark.parametrize("words", [[*SCAN, "-q"], ["log", "-"]])
def test_a_terminal_is_not_waited_for(project, words):
    master, slave = pty.openpty()
    try:
        found = datascan(words, stdin=slave, timeout=60)
    finally:
        os.close(master)
        os.close(slave)
    assert found.returncode == 2
    (line,) = found.stderr.splitlines()
    assert b"it is a terminal: send the text through a pipe, or with <" in line


@pytest.mark.parametrize("words", [[*SCAN, "-q"], ["log", "-"]])
def test_nothing_is_an_error(project, words):
    for streams in ({"input": b""}, {"stdin": subprocess.DEVNULL}):
        found = datascan(words, **streams)
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 1


def test_a_file_of_that_name_in_the_configuration_is_a_file(project, capsys):
    (project / "-").write_bytes(LIST)
    (project / "datascan.toml").write_text('list = "-"\n')
    assert run(["scan", "imgs", "-q", "--no-progress"]) == 0
    assert "reads only the files in -" in capsys.readouterr().out


def test_patterns_are_refused_for_stores(project, capsys):
    write_lmdb(project / "store", numbered(random_datums(9)))
    assert run(["scan", "store", "--exclude", "x", "--no-progress"]) == 2
    assert "--exclude is for folders of images" in capsys.readouterr().err
    (project / "datascan.toml").write_text('exclude = "x"\n')
    assert run(["scan", "store", "-qq", "--no-progress"]) == 0
