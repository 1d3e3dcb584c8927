"""The console script ends with the status of the command, and loses nothing that was written."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders.caffe import write_datums

SCRIPT = """
import atexit, sys, threading, time
from datascan.__main__ import command

sys.argv[0] = "datascan"
{before}
command()
"""


def start(*arguments: object, before: str = "", **keywords):
    """Call the console script's function, after the statements ``before``."""
    code = SCRIPT.format(before=before)
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, check=False, text=True, capture_output=True, **keywords)


@pytest.fixture
def images(tmp_path) -> Path:
    """A folder of healthy images."""
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number:03}.png")
    return folder


def test_the_status_is_that_of_the_command(images):
    assert start("images", images).returncode == 0
    (images / "000.png").write_bytes(b"")
    assert start("images", images).returncode == 1
    assert start("images", images / "none").returncode == 2
    assert start("--version").returncode == 0


def test_all_output_arrives_in_a_pipe(images):
    for file in images.iterdir():
        file.write_bytes(b"<html>" + file.name.encode())
    done = start("images", images, "--json", "-")
    assert len(json.loads(done.stdout)["findings"]) > 0
    assert done.returncode == 1


def test_what_is_registered_for_the_exit_runs(images):
    done = start("images", images, before="atexit.register(print, 'the end')")
    assert done.stdout.endswith("the end\n")
    assert done.returncode == 0


def test_a_thread_is_waited_for(images):
    late = (
        "def late():\n    time.sleep(3)\n    print('late')\n\nthreading.Thread(target=late).start()"
    )
    done = start("images", images, before=late)
    assert "late\n" in done.stdout  # a slow scan may end after it
    assert done.returncode == 0


def test_output_that_fails_at_the_exit_is_reported(images, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with Path("/dev/full").open("w") as full:
        code = SCRIPT.format(before="atexit.register(sys.stdout.buffer.write, b'the end')")
        command = [sys.executable, "-c", code, "images", str(images), "-qq"]
        done = subprocess.run(command, check=False, text=True, stdout=full, stderr=subprocess.PIPE)
    assert done.stderr == "datascan: cannot write the output: No space left on device\n"
    assert done.returncode == 2


def test_the_entry_point_of_the_package_is_the_function_tested_here():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["scripts"]["datascan"] == "datascan.__main__:command"


# What starting imports. Times depend on the machine; what is imported, and made, does not.

IMPORTED = """
import atexit, sys

def show():
    names = [name for name in sys.modules if name.partition(".")[0] == "datascan"]
    values = [(name, value) for name in names for value in vars(sys.modules[name]).values()]
    made = [v for name, v in values if isinstance(v, type) and v.__module__ == name]
    print(len(names), sum("__dataclass_fields__" in vars(one) for one in made), *sys.modules)

atexit.register(show)
"""


def imported(*arguments: object, **keywords) -> tuple[int, int, set[str]]:
    """How many modules of ours a command imports and dataclasses it makes, and all modules."""
    run = start(*arguments, before=IMPORTED, **keywords)
    assert run.returncode == 0, run.stderr
    modules, dataclasses, *names = run.stdout.splitlines()[-1].split()
    return int(modules), int(dataclasses), set(names)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_version_and_help_import_little(arguments):
    modules, dataclasses, names = imported(*arguments)
    assert modules <= 13
    assert dataclasses == 0
    assert not {"numpy", "msgspec", "inspect", "pathlib", "difflib", "tomllib"} & names


def test_a_small_scan_imports_what_it_needs(tmp_path):
    store = write_datums(tmp_path / "store")
    modules, dataclasses, names = imported("lmdb", store, "--quiet", cwd=tmp_path)
    assert modules <= 226
    # A dataclass takes 0.3 ms, a struct of msgspec 0.01 ms.
    assert dataclasses <= 46
    libraries = {"h5py", "PIL", "google", "lmdb", "plyvel", "tqdm", "jinja2", "tomlkit"}
    assert not {*libraries, "difflib", "json", "tomllib", "importlib.metadata"} & names
