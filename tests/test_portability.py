"""Everything works without what only Unix has: no module, flag or function of it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb

HIDE = """
import os, shutil, signal, sys
shutil._use_fd_functions = False  # as on systems without the flags that are hidden here
for module in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[module] = None
for name in (
    "O_CLOEXEC O_NONBLOCK O_NOFOLLOW O_NOCTTY O_DIRECTORY O_NOATIME geteuid getuid getegid getgid "
    "fchmod fchown chown set_blocking memfd_create sched_getaffinity fork forkpty killpg "
    "posix_fadvise pread preadv statvfs fstatvfs uname mkfifo"
).split():
    if hasattr(os, name):
        delattr(os, name)
for name in "SIGPIPE SIGHUP SIGSTOP SIGCONT pthread_sigmask setitimer alarm".split():
    delattr(signal, name)
sys.platform = "elsewhere"
"""
"""Run by Python at its start, before anything else is imported, in workers too."""

IMPORT_ALL = """
import importlib, pkgutil, datascan
for module in pkgutil.walk_packages(datascan.__path__, "datascan."):
    if not module.name.endswith("__main__") and ".testing" not in module.name:
        importlib.import_module(module.name)
"""


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "sitecustomize.py").write_text(HIDE)
    return {**os.environ, "PYTHONPATH": str(tmp_path / "hide")}


def run(environment, *arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def write_images(path):
    return write_tree(path, {f"{i % 2}/{i}.jpg": photo(i) for i in range(18)})


def write_rows(path):
    storage = {"chunks": (5, 3), "compression": "gzip"}
    return write_hdf5(path, data=(numbers(20, 3), storage), label=np.arange(20) % 2)


DATASETS = {
    "lmdb": lambda path: write_lmdb(path, numbered(random_datums(30))),
    "leveldb": lambda path: write_leveldb(path, numbered(random_datums(30))),
    "hdf5": write_rows,
    "images": write_images,
}


def test_the_hiding_hides(elsewhere):
    assert "ModuleNotFoundError" in run(elsewhere, "-c", "import fcntl").stderr
    assert "AttributeError" in run(elsewhere, "-c", "import os; os.O_CLOEXEC").stderr


def test_all_modules_are_imported(elsewhere):
    assert run(elsewhere, "-c", IMPORT_ALL).stderr == ""


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", DATASETS)
def test_a_scan_is_the_same(tmp_path, elsewhere, kind, workers):
    path = DATASETS[kind](tmp_path / ("data.h5" if kind == "hdf5" else "data"))
    found = []
    for number, environment in enumerate((elsewhere, os.environ)):
        output = tmp_path / f"{number}.json"
        ended = run(
            environment, "-m", "datascan", "scan", path, "--workers", workers,
            "-qq", "--json", output,
        )  # fmt: skip
        assert (ended.stderr, ended.stdout) == ("", "")
        assert ended.returncode in {0, 1}
        report = json.loads(output.read_text())
        found.append([report[part] for part in ("dataset", "findings", "checked")])
    assert found[0] == found[1]
    assert found[0][0]["records"] > 0


def test_the_demo_runs(tmp_path, elsewhere):
    ended = run(elsewhere, "-m", "datascan", "demo", tmp_path / "demo")
    assert (ended.returncode, ended.stderr) == (0, "")
