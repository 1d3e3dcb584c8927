"""Runs tests in a copy of the tree, in a process of their own."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import google.protobuf.text_format
import h5py
import jinja2
import lmdb
import msgspec
import numpy as np
import PIL.Image
import pytest
import tomlkit
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "docs", "examples", "scripts", "benchmarks", "README.md", "setup.py")
IMPORTED_ONCE = (google, h5py, jinja2, lmdb, msgspec, np, PIL, tomlkit)
"""What nearly all tests import, and each new process has then imported already."""

MEMORY = 12 << 30
"""A mutant that takes all memory must not stop the machine; Chromium reserves more, and fails."""

SLOWER = 10
BUSY_SECONDS = 10.0
IDLE_SECONDS = 240.0
"""A test hangs if it takes ten times as long as without a mutant, and 10 seconds more of the
processor's time. Of any other time it gets more, because the machine may be busy."""

Tests = dict[str, float]
"""Tests, the most telling one first, with the seconds that each of them takes."""


def copy_tree(folder: Path) -> Path:
    """A copy of the tree with its compiled modules, next to the same shared data."""
    tree = folder / ROOT.name
    tree.mkdir(parents=True)
    for name in (*COPIED, "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tree / name)
    shared = ROOT.parent / "shared"
    if shared.exists():
        (folder / "shared").symlink_to(shared.resolve())
    return tree


@dataclass
class Selection:
    """A plug-in of pytest that runs the given tests in their order, each with a time limit."""

    tests: Tests
    seconds: float
    is_late: bool = False
    order: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = {test: rank for rank, test in enumerate(self.tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keeps and sorts the tests."""
        items[:] = [item for item in items if item.nodeid in self.order]
        items.sort(key=lambda item: self.order[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        """Each test has a limit; its signal ends this process, even in native code."""
        if busy_seconds() > self.seconds:
            self.is_late = True
            item.session.shouldstop = "no time left"
        limit = SLOWER * self.tests[item.nodeid]
        signal.setitimer(signal.ITIMER_PROF, limit + BUSY_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, limit + IDLE_SECONDS)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)


def busy_seconds() -> float:
    """The processor's time that this process and its children have taken."""
    return sum(os.times()[:4])


def prepare(tree: Path, log: Path, path: list[str]) -> None:
    """Makes this new process one that uses only the copy of the tree."""
    os.setsid()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(tree)
    places = [str(tree), str(tree / "src"), *path]
    sys.path[:] = [*places, *(p for p in sys.path if p and not is_original(Path(p)))]
    os.environ["PYTHONPATH"] = os.pathsep.join(places[1:])
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    settings.register_profile(
        "mutation", database=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile("mutation")


def is_original(path: Path) -> bool:
    """Whether a path leads to the modules of the tree that was copied."""
    return path.resolve() in {ROOT, ROOT / "src"}


def call_pytest(files: list[str], plugin: object, *options: str) -> int:
    """The exit status of pytest, which writes no files."""
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", *options, *files]
    arguments += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # imported before the fork
    return int(pytest.main(arguments, plugins=[plugin]))


def fork(function: Callable[[], int]) -> int:
    """Starts a process that calls the function; returns its number."""
    process = os.fork()
    if process:
        return process
    status = 70
    try:
        status = function()
    except BaseException:  # noqa: BLE001  (this process must end here)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run_selected(tree: Path, log: Path, tests: Tests, seconds: float) -> int:
    """Runs tests until one fails; to be called in a new process. Returns the status of pytest.

    Most mutants are killed by the first tests, so two files are imported at first. After
    ``seconds`` of the processor's time, no further test is begun.
    """
    prepare(tree, log, [])
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    for part in filter(None, (files[:2], files[2:])):
        chosen = {test: time for test, time in tests.items() if test.partition("::")[0] in part}
        selection = Selection(chosen, seconds)
        status = call_pytest(part, selection, "-x", "-rfE")
        if selection.is_late:
            return 0
        if status not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            return status
    return 0
