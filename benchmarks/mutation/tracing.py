"""Notes which lines of the package each test executes, also in processes that it starts.

Every line is written to a file as soon as it is executed, because workers are killed without
notice. Forked processes inherit the trace; others find ``sitecustomize`` on their path.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

VARIABLE = "DATASCAN_TRACED"
"""The environment variable that has the file for the lines, the package and the current test."""

START = """\
import sys
sys.path.append({root!r})
from benchmarks.mutation import tracing
tracing.resume()
"""


class Tracer:
    """Writes "test line file" for each new line of the package in ``folder``."""

    def __init__(self, target: str, folder: str, test: str = "-1") -> None:
        self.target = target
        self.folder = folder
        self.test = test
        self.descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.seen: set[tuple[str, int]] = set()

    def start(self) -> None:
        """Traces this thread and new ones."""
        threading.settrace(self.enter)
        sys.settrace(self.enter)

    def begin(self, test: int) -> None:
        """Everything from now on belongs to this test."""
        self.test = str(test)
        self.seen = set()
        os.environ[VARIABLE] = "\n".join([self.target, self.folder, self.test])

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Called for each function."""
        return self.step if frame.f_code.co_filename.startswith(self.folder) else None

    def step(self, frame: FrameType, event: str, arg: Any) -> Any:
        """Called for each line of a function of the package."""
        place = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and place not in self.seen:
            self.seen.add(place)
            text = f"{self.test} {place[1]} {place[0].removeprefix(self.folder)}\n"
            os.write(self.descriptor, text.encode())
        return self.step


def resume() -> None:
    """Traces a process that was started by a test."""
    if VARIABLE in os.environ:
        Tracer(*os.environ[VARIABLE].split("\n")).start()


def write_start(folder: Path, root: Path) -> None:
    """Makes Python trace every process that has ``folder`` in its path."""
    (folder / "sitecustomize.py").write_text(START.format(root=str(root)))
