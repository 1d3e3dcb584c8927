"""A training log: the losses and rates of its runs, and how each of them ended.

Source: Caffe, src/caffe/solver.cpp, src/caffe/solvers/sgd_solver.cpp and tools/caffe.cpp: what they
print through glog.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from datascan.caffe.log.csv_log import table_run
from datascan.caffe.log.runs import Output, Run, number
from datascan.errors import DatasetError

GLOG = re.compile(r"^[IWEF]\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./+-]+:\d+\] ")
LOSS = re.compile(r"Iteration (\d{1,12})(?: \([^)]*\))?, loss = (\S+)")
RATE = re.compile(r"Iteration (\d{1,12}), lr = (\S+)")
OUTPUT = re.compile(r"Train net output #\d+: (.{1,200}?) = (\S+)(?: \(\* (\S+) = \S+ loss\))?")
PARAMETER = re.compile(r"^(\w{1,40}): (\S{1,200})\s*$")
DEVICES = re.compile(r"Using GPUs ([\d, ]+)")
BEGIN = "Initializing solver from parameters"
RESUMED = re.compile(r"Restoring previous solver status from|Resuming from \S+\.solverstate")
SNAPSHOT = re.compile(r"(\d{1,12})\.solverstate")
DEATH = re.compile(
    r"\*\*\* (?:Aborted at|SIG|Check failure stack trace)|Segmentation fault|terminate called"
    r"|Check failed:|core dumped"
)
TRACEBACK = "Traceback (most recent call last):"
LAST_WORDS = re.compile(rf"\bBus error\b|\bKilled\b|^{re.escape(TRACEBACK)}")
"""What shells and Python print: never in a line of glog."""

MAX_LINE_LENGTH = 1 << 16


@dataclass(frozen=True, slots=True)
class Log:
    """All runs of a file; ``layout`` is "caffe-log" or "csv"."""

    path: Path
    layout: str
    runs: tuple[Run, ...]


def read_log(path: Path) -> Log:
    """Read a log, line by line.

    Raises:
        DatasetError: where it cannot be read, or is neither a log of Caffe nor a table.
    """
    try:
        with open_log(path) as file:
            runs = tuple(run for run in caffe_runs(lines_of(file)) if not run.is_empty)
        if any(run.iterations or run.rate_iterations or run.is_glog for run in runs):
            return Log(path, "caffe-log", runs)
        with open_log(path) as file:
            table = table_run(lines_of(file))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    if table is None:
        raise DatasetError(
            f'{path} is no training log: it has no line "Iteration N, loss = X", '
            "and is no table of iteration and loss"
        )
    return Log(path, "csv", (table,))


def open_log(path: Path) -> IO[str]:
    """The file as text: UTF-8, or UTF-16 with its mark, which PowerShell writes."""
    with path.open("rb") as file:
        start = file.read(2)
    wide = start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if wide else "utf-8-sig"
    return path.open("r", encoding=encoding, errors="replace", newline=None)


def lines_of(file: Iterable[str]) -> Iterator[str]:
    """Lines without their ends; of a very long one only its beginning."""
    for line in file:
        yield line.rstrip("\r\n")[:MAX_LINE_LENGTH]


def caffe_runs(lines: Iterable[str]) -> Iterator[Run]:
    """The runs that a log of Caffe tells of."""
    run = Run()
    in_parameters = False
    for line in lines:
        said = GLOG.sub("", line)
        if said is line and in_parameters:
            if found := PARAMETER.match(line):
                run.parameters.setdefault(found[1], found[2].strip('"'))
            continue
        in_parameters = BEGIN in said
        if (in_parameters or begins(said, run)) and not run.is_empty:
            yield run
            run = Run()
        run.is_glog |= said is not line
        if in_parameters:
            run.started = True
        else:
            parse_line(run, line, said)
    yield run


def begins(said: str, run: Run) -> bool:
    """Whether a line is of a new run: it tells of devices, or of an iteration that goes back."""
    told = LOSS.search(said)
    goes_back = told and run.iterations and int(told[1]) < run.iterations[-1]
    return bool(goes_back or DEVICES.search(said))


def parse_line(run: Run, line: str, said: str) -> None:
    """Note what a line says. A value that is no number was cut, and says nothing."""
    if found := LOSS.search(said):
        if (loss := number(found[2])) is not None:
            run.death = None  # it lives
            run.iterations.append(int(found[1]))
            run.losses.append(loss)
    elif found := RATE.search(said):
        if (rate := number(found[2])) is not None:
            run.rate_iterations.append(int(found[1]))
            run.rates.append(rate)
    elif (found := OUTPUT.search(said)) and run.iterations:
        parse_output(run, *found.groups())
    elif found := DEVICES.search(said):
        run.devices = max(1, len(found[1].replace(",", " ").split()))
    elif RESUMED.search(said):
        run.resumed = True
        named = SNAPSHOT.search(said)
        run.snapshot = int(named[1]) if named else None
    elif run.death == TRACEBACK and not line[:1].isspace():
        # The line behind the frames says what it was; Ctrl-C is no crash.
        run.death = None if line.startswith("KeyboardInterrupt") else in_a_line(line) or TRACEBACK
    elif run.death is None and is_death(line, glog=said is not line):
        run.death = in_a_line(said)


def parse_output(run: Run, name: str, value: str, weight: str | None) -> None:
    """Note an output of the iteration at hand."""
    known = number(value)
    if known is not None:
        output = run.outputs.setdefault(name, Output())
        output.weight = (number(weight) or 0.0) if weight else 0.0
        output.iterations.append(run.iterations[-1])
        output.values.append(known)


def in_a_line(text: str) -> str:
    """Text without its blanks, and not too long."""
    return " ".join(text.split())[:300]


def is_death(line: str, *, glog: bool) -> bool:
    """Whether a line tells of a crash."""
    return bool(DEATH.search(line) or (not glog and LAST_WORDS.search(line)))
