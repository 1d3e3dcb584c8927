"""Pipes and devices in place of files end with a message or a finding, never with a wait."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.images import photo

SECONDS = 30

NET = (
    'layer {{ name: "d" type: "{kind}" top: "x" {param} {{ source: "{source}" batch_size: 1 }} }}\n'
)
INFOGAIN = """
layer { name: "d" type: "DummyData" top: "x" top: "y" }
layer { name: "loss" type: "InfogainLoss" bottom: "x" bottom: "y"
        infogain_loss_param { source: "pipe" } }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a pipe that nobody writes to, and an image."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("data").mkdir()
    Path("data/0.jpg").write_bytes(photo(1))
    return tmp_path


def run(*words, **options):
    """``datascan`` in a process of its own, which must end."""
    command = [sys.executable, "-m", "datascan", *words]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=SECONDS, **options
    )


def write(name: str, text: str) -> str:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_text(text)
    return name


@pytest.mark.parametrize("option", ["--expect", "--baseline", "--config"])
def test_a_pipe_as_an_option(folder, option):
    done = run("images", "data", option, "pipe")
    assert done.returncode == 2
    assert "pipe: it is not a regular file" in done.stderr


@pytest.mark.parametrize("key", ["expect", "baseline", "list"])
@pytest.mark.parametrize("special", ["pipe", "/dev/zero"])
def test_a_pipe_or_device_in_the_configuration(folder, key, special):
    write("datascan.toml", f'{key} = "{special}"\n')
    done = run("images", "data")
    assert done.returncode == 2
    assert f"{special} is not a regular file" in done.stderr


def test_a_pipe_as_configuration(folder):
    os.mkfifo("datascan.toml")
    assert run("images", "data").returncode == 0
    assert run("images", "data", "--config", "datascan.toml").returncode == 2


@pytest.mark.parametrize(
    ("kind", "param"), [("HDF5Data", "hdf5_data_param"), ("ImageData", "image_data_param")]
)
@pytest.mark.parametrize("special", ["pipe", "/dev/zero"])
def test_a_pipe_or_device_as_a_source(folder, kind, param, special):
    done = run("net", write("n.prototxt", NET.format(kind=kind, param=param, source=special)))
    assert done.returncode == 1
    assert "not a regular file" in done.stdout


@pytest.mark.parametrize("special", ["pipe", "/dev/zero"])
def test_a_pipe_or_device_as_the_net_of_a_solver(folder, special):
    done = run("net", write("s.prototxt", f'net: "{special}"\nbase_lr: 0.1\n'))
    assert done.returncode == 2
    assert f"cannot read {special}: it is not a regular file" in done.stderr


def test_a_pipe_as_a_matrix(folder):
    done = run("net", write("n.prototxt", INFOGAIN), "--no-data")
    assert done.returncode == 1
    assert "matrix pipe cannot be read: it is not a regular file" in done.stdout


def test_a_pipe_as_the_file_of_a_store(folder):
    Path("store").mkdir()
    os.mkfifo("store/data.mdb")
    assert run("lmdb", "store").returncode == 2
    assert run("lmdb", "pipe").returncode == 2


@pytest.mark.parametrize(
    "words",
    [("log", "pipe"), ("report", "pipe"), ("net", "pipe"), ("images", "data", "--list", "pipe")],
)
def test_a_typed_pipe_that_nobody_writes_to_is_empty(folder, words):
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_typed_pipes_are_read(folder):
    log = "".join(f"Iteration {i}, loss = {1 / (i + 1)}\n" for i in range(1000))
    assert run("log", "/dev/stdin", input=log).returncode == 0
    done = run("images", "data", "--list", "/dev/stdin", input="0.jpg 0\n")
    assert done.returncode == 0, done.stderr
    saved = run("images", "data", "--json", "-").stdout
    assert "1 record" in run("report", "/dev/stdin", input=saved).stdout


def huge(name: str) -> str:
    """A file of a terabyte without content."""
    with Path(name).open("wb") as file:
        file.truncate(1 << 40)
    return name


@pytest.mark.parametrize(
    "words",
    [
        ("net", "huge"),
        ("log", "huge"),
        ("report", "huge"),
        ("images", "data", "--config", "huge"),
        ("images", "data", "--baseline", "huge"),
        ("images", "data", "--list", "huge"),
    ],
)
def test_texts_have_a_limit(folder, words):
    huge("huge")
    done = run(*words)
    assert done.returncode == 2
    assert "it has more than " in done.stderr


def test_an_image_file_of_a_terabyte_is_not_read(folder):
    huge("data/1.jpg")
    done = run("images", "data")
    assert done.returncode == 1
    assert "it has more than " in done.stdout
