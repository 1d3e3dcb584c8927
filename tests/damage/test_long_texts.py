"""Texts made to keep parsers busy: each takes minutes or hours in version 0.1."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.images import photo

SECONDS = 30
LAYER = 'layer { name: "d" type: "ReLU" bottom: "x" top: "y" }\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    for i in range(3):
        Path(f"data/{i}.jpg").write_bytes(photo(i))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """``datascan`` in a process of its own, which must end soon."""
    command = [sys.executable, "-m", "datascan", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)


def test_a_label_of_many_digits_and_a_letter():
    lines = ["0.jpg 0", "1.jpg 1", f"2.jpg {'1' * 200_000}x"]
    Path("list.txt").write_text("\n".join(lines))
    done = run("images", "data", "--list", "list.txt")
    assert done.returncode == 1
    assert "non-integer-label" in done.stdout


def test_iterations_with_parentheses_that_do_not_end():
    Path("train.log").write_text(f"{'Iteration 1 (' * 5_000}\n" * 300 + "Iteration 2, loss = 1\n")
    assert run("log", "train.log").returncode == 0


def test_a_log_of_one_line():
    Path("train.log").write_text("Iteration 2, loss = 1\n" + "x" * (64 << 20))
    assert run("log", "train.log").returncode == 0


def test_many_unknown_fields():
    Path("n.prototxt").write_text(LAYER + "".join(f"stride{i}: 1\n" for i in range(65_000)))
    done = run("net", "n.prototxt", "--json", "-")
    assert "stride4, stride5 and 64,994 more are not understood" in done.stdout
    assert len(done.stdout) < 100_000


def test_a_net_of_one_line():
    Path("n.prototxt").write_text(LAYER.strip() + " x: 1" * 300_000)
    done = run("net", "n.prototxt")
    assert done.returncode == 2
    assert "has a line of more than 131,072 characters" in done.stderr


@pytest.mark.parametrize("text", ["{key} = 1", "x = {{ {key} = 1 }}", "[{key}]", '["" . {key}]'])
def test_a_key_of_many_parts(text):
    Path("datascan.toml").write_text(text.format(key=".".join("a" * 300_000)))
    done = run("images", "data")
    assert done.returncode == 2
    assert "a key has more than 32 parts" in done.stderr


def test_a_pattern_of_many_stars():
    pattern = "**/a/" * 15 + "b"
    deep = Path("a/" * 30)
    deep.mkdir(parents=True)
    (deep / "0.jpg").write_bytes(photo(1))
    Path("datascan.toml").write_text(f'[dataset."{pattern}"]\nlimit = 1\n')
    assert run("images", str(deep)).returncode == 0
