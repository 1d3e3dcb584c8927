"""A training log: the losses and rates of its runs, and how each of them ended.

Source: Caffe, src/caffe/solver.cpp and src/caffe/solvers/sgd_solver.cpp: what they print through
glog. Also plain tables of iteration and loss, with a comma, semicolon or tab between the columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from datascan.errors import DatasetError

GLOG = re.compile(r"^[IWEF]\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./+-]+:\d+\] ")
LOSS = re.compile(r"Iteration (\d{1,12})(?: \([^)]*\))?, loss = (\S+)")
RATE = re.compile(r"Iteration (\d{1,12}), lr = (\S+)")
OUTPUT = re.compile(r"Train net output #\d+: (.{1,200}?) = (\S+)(?: \(\* (\S+) = \S+ loss\))?")
PARAMETER = re.compile(r"^(\w{1,40}): (\S{1,200})\s*$")
DEVICES = re.compile(r"Using GPUs ([\d, ]+)")
BEGIN = "Initializing solver from parameters"
RESUMED = "Restoring previous solver status from"
DEATH = (
    "*** Aborted at",
    "*** SIG",
    "*** Check failure stack trace",
    "Segmentation fault",
    "terminate called",
    "Check failed:",
    "core dumped",
)
NOT_FINITE = {"#qnan": "nan", "#ind": "nan", "#snan": "nan", "#inf": "inf"}
"""How the C library of Windows writes numbers: 1.#QNAN, -1.#IND."""

SEPARATORS = (",", ";", "\t")
LONGEST_LINE = 1 << 16


@dataclass(slots=True)
class Output:
    """What the log tells of one output of the net: iterations, values, and its loss weight."""

    weight: float = 1.0
    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """One run of a log, in the order of its lines.

    ``iterations`` and ``losses`` belong together, as do ``rate_iterations`` and ``rates``;
    ``parameters`` are what the log prints of the solver. ``began`` is the iteration that a
    snapshot was resumed at. ``death`` is the line that tells of a crash.
    """

    iterations: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    rate_iterations: list[int] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    outputs: dict[str, Output] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    devices: int = 1
    resumed: bool = False
    began: int = 0
    death: str | None = None

    @property
    def last(self) -> int:
        """The largest iteration that the log tells of."""
        return max((*self.iterations, *self.rate_iterations), default=0)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to judge."""
        return not self.iterations and not self.rate_iterations and self.death is None

    def number(self, name: str) -> int | None:
        """A whole number among the solver's parameters."""
        text = self.parameters.get(name, "")
        return int(text) if text.isdigit() and len(text) < 13 else None


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
        with path.open("r", encoding="utf-8", errors="replace", newline=None) as file:
            runs = tuple(run for run in caffe_runs(lines_of(file)) if not run.is_empty)
        if any(run.iterations or run.rate_iterations for run in runs):
            return Log(path, "caffe-log", runs)
        with path.open("r", encoding="utf-8-sig", errors="replace", newline=None) as file:
            table = table_run(lines_of(file))
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    if table is None:
        raise DatasetError(
            f'{path} is no training log: it has no line "Iteration N, loss = X", '
            "and is no table of iteration and loss"
        )
    return Log(path, "csv", (table,))


def lines_of(file: Iterable[str]) -> Iterator[str]:
    """Lines without their ends; of a very long one only its beginning."""
    for line in file:
        yield line.rstrip("\r\n")[:LONGEST_LINE]


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
        goes_back = (
            (told := LOSS.search(said)) and run.iterations and (int(told[1]) < run.iterations[-1])
        )
        if in_parameters or goes_back:
            if not run.is_empty:
                yield run
                run = Run()
            if in_parameters:
                continue
        take(run, line, said)
    yield run


def take(run: Run, line: str, said: str) -> None:
    """Note what a line says."""
    if found := LOSS.search(said):
        if run.resumed and not run.iterations:
            run.began = int(found[1])
        run.iterations.append(int(found[1]))
        run.losses.append(number(found[2]))
    elif found := RATE.search(said):
        run.rate_iterations.append(int(found[1]))
        run.rates.append(number(found[2]))
    elif (found := OUTPUT.search(said)) and run.iterations:
        output = run.outputs.setdefault(found[1], Output())
        output.weight = number(found[3]) if found[3] else 0.0
        output.iterations.append(run.iterations[-1])
        output.values.append(number(found[2]))
    elif found := DEVICES.search(said):
        run.devices = max(1, len(found[1].replace(",", " ").split()))
    elif RESUMED in said:
        run.resumed = True
    elif run.death is None and any(word in line for word in DEATH):
        run.death = " ".join(said.split())[:300]


def number(text: str) -> float:
    """A number as C prints it; NaN where it is none."""
    word = text.rstrip(",;)").lower()
    for end, meaning in NOT_FINITE.items():
        if word.endswith(end):
            return float(f"{'-' * word.startswith('-')}{meaning}")
    try:
        return float(word)
    except ValueError:
        return float("nan")


def table_run(lines: Iterable[str]) -> Run | None:
    """A table of iteration, loss and perhaps rate; None where it is none."""
    run = Run()
    columns: tuple[int, int, int | None] | None = None
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip().strip("\"'") for cell in re.split("[,;\t]", line)]
        if columns is None:
            columns = columns_of(cells)
            if columns is None:
                return None
            if not is_number(cells[columns[0]]):
                continue
        place, loss, rate = columns
        if len(cells) <= max(place, loss) or not is_number(cells[place]):
            continue
        iteration = float(cells[place])
        if not isfinite(iteration) or not 0 <= iteration < 1e12:
            continue
        if cells[loss]:
            run.iterations.append(int(iteration))
            run.losses.append(number(cells[loss]))
        if rate is not None and rate < len(cells) and cells[rate]:
            run.rate_iterations.append(int(iteration))
            run.rates.append(number(cells[rate]))
    return run if run.iterations else None


def columns_of(cells: list[str]) -> tuple[int, int, int | None] | None:
    """Which columns hold iteration, loss and rate: by the heading, or the first two."""
    if len(cells) < 2:
        return None
    if all(is_number(cell) for cell in cells[:2]):
        return 0, 1, None
    words = [cell.lower() for cell in cells]
    place = next((i for i, w in enumerate(words) if "iter" in w or w in ("step", "epoch")), None)
    loss = next((i for i, w in enumerate(words) if "loss" in w), None)
    rate = next((i for i, w in enumerate(words) if w in RATE_WORDS or "learning" in w), None)
    return None if place is None or loss is None or place == loss else (place, loss, rate)


RATE_WORDS = ("lr", "rate", "learningrate")


def is_number(text: str) -> bool:
    """Whether ``number`` would make sense of it."""
    word = text.lower()
    return word.endswith(tuple(NOT_FINITE)) or is_float(word)


def is_float(word: str) -> bool:
    """Whether Python reads a number in it."""
    try:
        float(word)
    except ValueError:
        return False
    return True
