"""Parses a training log: the losses and rates of its runs, and how each of them ended.

Source: Caffe, the output through glog of src/caffe/solver.cpp, src/caffe/solvers/sgd_solver.cpp and
tools/caffe.cpp.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from datascan.caffe.log.csv_log import parse_table
from datascan.caffe.log.runs import Output, Run, parse_number
from datascan.errors import DatasetError
from datascan.files import MAX_LOG_BYTES, open_typed

GLOG = re.compile(r"^[IWEF]\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./+-]+:\d+\] ")
LOSS = re.compile(r"Iteration (\d{1,12})(?: \([^)]{0,200}\))?, loss = (\S+)")
RATE = re.compile(r"Iteration (\d{1,12}), lr = (\S+)")
OUTPUT = re.compile(r"Train net output #\d+: (.{1,200}?) = (\S+)(?: \(\* (\S+) = \S+ loss\))?")
PARAMETER = re.compile(r"^(\w{1,40}): (\S{1,200})\s*$")
DEVICES = re.compile(r"Using GPUs ([\d, ]+)")
SOLVER_HEADING = "Initializing solver from parameters"
RESUME = re.compile(r"Restoring previous solver status from|Resuming from \S+\.solverstate")
SNAPSHOT = re.compile(r"(\d{1,12})\.solverstate")
CRASH = re.compile(
    r"\*\*\* (?:Aborted at|SIG|Check failure stack trace)|Segmentation fault|terminate called"
    r"|Check failed:|core dumped"
)
TRACEBACK = "Traceback (most recent call last):"
SHELL_CRASH = re.compile(rf"\bBus error\b|\bKilled\b|^{re.escape(TRACEBACK)}")
"""Crashes reported by shells and Python, never in a line of glog."""

MAX_LINE_LENGTH = 1 << 16


@dataclass(frozen=True, slots=True)
class Log:
    """All runs in a file; ``layout`` is "caffe-log" or "csv"."""

    path: Path
    layout: str
    runs: tuple[Run, ...]


def read_log(path: Path) -> Log:
    """Read a log.

    Raises:
        DatasetError: if the file cannot be read, or is neither a Caffe log nor a table.
    """
    try:
        with open_log(path) as file:
            runs = tuple(run for run in split_runs(iter_lines(file)) if not run.is_empty)
            if any(run.iterations or run.rate_iterations or run.is_glog for run in runs):
                return Log(path, "caffe-log", runs)
            file.seek(0)
            table = parse_table(iter_lines(file))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    if table is None:
        raise DatasetError(
            f'{path} is not a training log: it has no line "Iteration N, loss = X" '
            "and is not a table of iteration and loss"
        )
    return Log(path, "csv", (table,))


def open_log(path: Path) -> TextIO:
    """Open the file as UTF-8, or as UTF-16 if it has a byte order mark, as PowerShell writes it."""
    file = open_typed(path, max_bytes=MAX_LOG_BYTES)
    wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    file.seek(0)
    encoding = "utf-16" if wide else "utf-8-sig"
    return TextIOWrapper(file, encoding, errors="replace", newline=None)


def iter_lines(file: TextIO) -> Iterator[str]:
    """The lines without line endings; very long ones are truncated.

    A line is read in pieces, because it may be as long as the file.
    """
    is_rest = False
    while piece := file.readline(MAX_LINE_LENGTH):
        if not is_rest:
            yield piece.rstrip("\r\n")
        is_rest = not piece.endswith("\n")


def split_runs(lines: Iterable[str]) -> Iterator[Run]:
    """Split a Caffe log into runs."""
    run = Run()
    in_parameters = False
    for line in lines:
        text = GLOG.sub("", line)
        if text is line and in_parameters:
            if found := PARAMETER.match(line):
                run.parameters.setdefault(found[1], found[2].strip('"'))
            continue
        in_parameters = SOLVER_HEADING in text
        if (in_parameters or starts_new_run(text, run)) and not run.is_empty:
            yield run
            run = Run()
        run.is_glog |= text is not line
        if in_parameters:
            run.started = True
        else:
            parse_line(run, line, text)
    yield run


def starts_new_run(text: str, run: Run) -> bool:
    """Whether a line starts a new run: it lists devices, or its iteration is a step back."""
    found = LOSS.search(text)
    is_step_back = found and run.iterations and int(found[1]) < run.iterations[-1]
    return bool(is_step_back or DEVICES.search(text))


def parse_line(run: Run, line: str, text: str) -> None:
    """Add the content of a line to ``run``. A value that is not a number was cut: it is skipped."""
    if found := LOSS.search(text):
        if (loss := parse_number(found[2])) is not None:
            run.crash = None  # the run is still alive
            run.iterations.append(int(found[1]))
            run.losses.append(loss)
    elif found := RATE.search(text):
        if (rate := parse_number(found[2])) is not None:
            run.rate_iterations.append(int(found[1]))
            run.rates.append(rate)
    elif (found := OUTPUT.search(text)) and run.iterations:
        parse_output(run, *found.groups())
    elif found := DEVICES.search(text):
        run.devices = max(1, len(found[1].replace(",", " ").split()))
    elif RESUME.search(text):
        run.resumed = True
        named = SNAPSHOT.search(text)
        run.snapshot = int(named[1]) if named else None
    elif run.crash == TRACEBACK and not line[:1].isspace():
        # The line after the frames names the exception; Ctrl-C is not a crash.
        is_interrupt = line.startswith("KeyboardInterrupt")
        run.crash = None if is_interrupt else squeeze_whitespace(line) or TRACEBACK
    elif run.crash is None and is_crash(line, glog=text is not line):
        run.crash = squeeze_whitespace(text)


def parse_output(run: Run, name: str, value: str, weight: str | None) -> None:
    """Add an output of the current iteration to ``run``."""
    known = parse_number(value)
    if known is not None:
        output = run.outputs.setdefault(name, Output())
        output.weight = (parse_number(weight) or 0.0) if weight else 0.0
        output.iterations.append(run.iterations[-1])
        output.values.append(known)


def squeeze_whitespace(text: str) -> str:
    """``text`` with single spaces, and not too long."""
    return " ".join(text.split())[:300]


def is_crash(line: str, *, glog: bool) -> bool:
    """Whether a line reports a crash."""
    return bool(CRASH.search(line) or (not glog and SHELL_CRASH.search(line)))
