"""Which tests execute which lines; measured anew for files of tests that have changed."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mutation import tracing
from benchmarks.mutation.mutants import Mutant
from benchmarks.mutation.pool import run_all
from benchmarks.mutation.trial import ROOT, Tests, call_pytest, prepare, run_selected

CACHE = ROOT / "build" / "mutation.json"
LEFT_OUT = ("tests/outputs/html/test_browser.py",)
"""Chromium does not start within the limit of memory, and takes seconds for each test."""

FILE_SECONDS = 900.0
AT_ONCE = 20
"""Files of tests between two times that the coverage is saved."""


@dataclass
class Recorder:
    """A plug-in of pytest that notes the time and the outcome of each test."""

    tracer: tracing.Tracer
    tests: list[dict[str, Any]] = field(default_factory=list)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        """One test."""
        self.tracer.begin(len(self.tests))
        self.tests.append({"name": item.nodeid, "seconds": 0.0, "passed": True})
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One part of a test."""
        self.tests[-1]["seconds"] += report.duration
        self.tests[-1]["passed"] &= not report.failed


def trace_file(tree: Path, file: str, folder: Path) -> int:
    """Runs a file of tests with the trace; to be called in a new process."""
    folder.mkdir()
    tracing.write_start(folder, ROOT)
    prepare(tree, folder / "log", [str(folder)])
    tracer = tracing.Tracer(str(folder / "lines"), str(tree / "src/datascan") + "/")
    recorder = Recorder(tracer)
    tracer.start()
    call_pytest([file], recorder)
    (folder / "tests.json").write_text(json.dumps(recorder.tests))
    return 0


def read_trace(folder: Path) -> list[dict[str, Any]]:
    """The tests of a file, each with the lines that it executed."""
    if not (folder / "tests.json").exists():
        return []
    tests = json.loads((folder / "tests.json").read_text())
    lines: list[dict[str, set[int]]] = [defaultdict(set) for _ in tests]
    for text in (folder / "lines").read_text().splitlines():
        test, line, file = text.split(" ", 2)
        if int(test) >= 0:
            lines[int(test)][file].add(int(line))
    for test, found in zip(tests, lines, strict=True):
        test["lines"] = {file: sorted(numbers) for file, numbers in found.items()}
    return tests


def digest_of(files: list[Path]) -> str:
    """A hash of the content of files."""
    content = hashlib.sha256()
    for file in sorted(files):
        content.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return content.hexdigest()


class Coverage:
    """Tests by the lines that they execute."""

    def __init__(self, files: list[dict[str, Any]]) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[str, set[int]]] = defaultdict(dict)
        for file in files:
            for test in file["tests"]:
                if test["passed"]:
                    self.seconds[test["name"]] = test["seconds"]
                    for module, lines in test["lines"].items():
                        self.lines[module][test["name"]] = set(lines)

    def tests_for(self, mutant: Mutant) -> Tests:
        """The tests that may notice a mutant, those of its own module first, then the shortest.

        Code that is executed once, by an import, concerns all tests that use the module. So do
        constants, which the tests of the module may import.
        """
        by_test = self.lines.get(mutant.file, {})
        wanted = set(mutant.lines)
        module = Path("tests", mutant.file)
        own = f"{module.with_name('test_' + module.name)}::"
        names = {name for name, lines in by_test.items() if not wanted or wanted & lines}
        names |= {name for name in self.seconds if name.startswith(own)}
        order = sorted(names, key=lambda n: (not n.startswith(own), self.seconds[n], n))
        return {name: self.seconds[name] for name in order}


def measure(paths: list[str], trees: list[Path], scratch: Path) -> Coverage:
    """The coverage of the tests in files or folders; uses what is known from the last run."""
    every = set((ROOT / "tests").rglob("test_*.py")) - {ROOT / name for name in LEFT_OUT}
    others = {path for path in (ROOT / "tests").rglob("*.py") if path.name[:5] != "test_"}
    sources = digest_of([*(ROOT / "src").rglob("*.py"), *others])
    files = load(sources)
    wanted = {
        str(file.relative_to(ROOT)): digest_of([file])
        for path in paths
        for file in sorted(every)
        if file.is_relative_to(ROOT / path)
    }
    missing = [n for n, digest in wanted.items() if files.get(n, {}).get("digest") != digest]
    for start in range(0, len(missing), AT_ONCE):
        names = missing[start : start + AT_ONCE]
        print(f"coverage: {start} of {len(missing)} files of tests", file=sys.stderr)
        traces = trace_files(names, trees, scratch)
        new = {name: {"digest": wanted[name], "tests": traces[name]} for name in names}
        save(sources, new)
        files |= new
    return Coverage([files[name] for name in wanted])


def load(sources: str) -> dict[str, Any]:
    """What is known of these sources, by files of tests."""
    known = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    files: dict[str, Any] = known.get("files", {}) if known.get("sources") == sources else {}
    return files


def save(sources: str, new: dict[str, Any]) -> None:
    """Adds to what is known."""
    CACHE.parent.mkdir(exist_ok=True)
    text = json.dumps({"sources": sources, "files": load(sources) | new})
    scratch = CACHE.with_suffix(f".{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(CACHE)


def trace_files(names: list[str], trees: list[Path], scratch: Path) -> dict[str, list[Any]]:
    """The tests of some files, each with the lines that it executes."""
    folders = [scratch / name.replace("/", ".") for name in names]
    jobs = [
        partial(trace_file, file=name, folder=folder)
        for name, folder in zip(names, folders, strict=True)
    ]
    for _ in run_all(jobs, trees, FILE_SECONDS):
        pass
    traces = [read_trace(folder) for folder in folders]
    retry_failed([test for tests in traces for test in tests if not test["passed"]], trees, scratch)
    return dict(zip(names, traces, strict=True))


def retry_failed(failed: list[dict[str, Any]], trees: list[Path], scratch: Path) -> None:
    """Tests that fail without a trace too are never used; some only need more time with it."""
    jobs = [
        partial(
            run_selected,
            log=scratch / f"retry{number}",
            tests={test["name"]: test["seconds"]},
            seconds=FILE_SECONDS,
        )
        for number, test in enumerate(failed)
    ]
    for job in run_all(jobs, trees, FILE_SECONDS):
        test = failed[job.index]
        test["passed"] = job.status == 0
        if not test["passed"]:
            print(f"Left out, because it fails without a mutant: {test['name']}", flush=True)
