"""A pass takes at most five lines on a terminal, in a pipe and in CI; --verbose prints the rest."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.builders.lmdb import numbered, random_datums, write_lmdb

SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("healthy")
    return write_lmdb(home / "store", numbered(random_datums(60, (3, 8, 8))))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("faulty")
    values = [*random_datums(60, (3, 8, 8)), b""]
    return write_lmdb(home / "store", numbered(values))


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "datascan", "lmdb", *map(str, arguments)]


def in_terminal(*arguments: object, width: int = 80) -> tuple[int, list[str]]:
    """Exit status, and the lines on a terminal, without colours and the progress bar."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        command(*arguments, "--no-progress"), stdout=follower, stderr=follower, stdin=follower
    ) as running:
        os.close(follower)
        said = b""
        while chunk := read(leader):
            said += chunk
        status = running.wait()
    os.close(leader)
    return status, SGR.sub("", said.decode()).splitlines()


def read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the other end is closed
        return b""


def in_pipe(*arguments: object, **environment: str) -> tuple[int, list[str]]:
    run = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    return run.returncode, run.stdout.splitlines()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_pass_is_at_most_five_lines_of_a_terminal(healthy, width):
    status, said = in_terminal(healthy, width=width)
    assert status == 0
    # Only the path of the temporary folder may make the first line longer than a row.
    first = len(said[0]) - len(str(healthy)) + len("train/store")
    rows = sum(-(-max(1, length) // width) for length in (first, *map(len, said[1:])))
    assert rows <= 5
    assert said[0].startswith("PASS  ")
    assert "Nothing was found that needs attention in 60 records." in " ".join(
        " ".join(said).split()
    )


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}])
def test_a_pass_is_as_short_in_a_pipe_and_in_ci(healthy, environment):
    status, said = in_pipe(healthy, **environment)
    assert status == 0
    assert len(said) <= 5
    assert "\x1b" not in "".join(said)


@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_verbose_prints_the_figures(healthy, flag):
    status, said = in_pipe(healthy, flag)
    assert status == 0
    assert any(line.startswith("values  ") for line in said)
    assert not any(line.startswith("values  ") for line in in_pipe(healthy)[1])


def test_a_failure_opens_with_what_to_do(faulty):
    for status, said in (in_terminal(faulty), in_pipe(faulty), in_pipe(faulty, CI="true")):
        assert status == 1
        text = " ".join(" ".join(said).split())
        assert "1 of 61 records cannot be used (empty)" in text
        assert "ERROR Empty record [empty-record]" in text
        assert text.index("cannot be used") < text.index("has errors")


def test_a_saved_report_is_shown_in_full(healthy, tmp_path):
    file = tmp_path / "report.json"
    assert in_pipe(healthy, "--json", file)[0] == 0
    shown = subprocess.run(
        [sys.executable, "-m", "datascan", "report", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0
    assert "\nvalues  " in shown.stdout
