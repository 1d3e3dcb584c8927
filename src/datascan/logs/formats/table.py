"""Tables of iteration and loss: CSV, or columns separated by whitespace.

Of Caffe's parse_log.py and parse_log.sh (also without its heading), of Lightning's CSVLogger
(metrics.csv), Keras' CSVLogger, exports of TensorBoard and Weights & Biases, and of one's own.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from math import isfinite

from msgspec import Struct, field

from datascan.logs.formats import names
from datascan.logs.formats.series import Gaps, Series, is_wanted
from datascan.logs.runs import Run, parse_number
from datascan.text import pluralize

MAX_ITERATION = 1e12
MAX_COLUMNS = 1000
MAX_WANTED = 50
"""Columns of losses, rates and norms that are read."""

PROBE = 200
"""Lines by which the columns of a table without a heading are recognised."""

WHITESPACE = re.compile(r"\s+")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)
MISSING = ("", "na", "n/a", "none", "null")
VALUE_HEADINGS = ("value", "cost", "error", "nll", "objective")
"""Headings of the loss if none contains "loss": exports of TensorBoard have Step and Value."""


class TableFormat(Struct, frozen=True):
    """The format of a table: its separator, the column of the steps, and the columns to read.

    ``columns`` are names by position. ``sparse``: empty cells are missing values by design, since
    each line has only what was logged at its time.
    """

    separator: str
    step: int
    columns: dict[int, str]
    unit: str = "iteration"
    sparse: bool = False
    notes: tuple[str, ...] = ()

    def cells(self, line: str) -> list[str]:
        """The cells of a line, with decimal commas replaced by points."""
        cells = split_cells(line, self.separator)
        if self.separator == ",":
            return cells
        return [c.replace(",", ".") if DECIMAL_COMMA.fullmatch(c) else c for c in cells]

    def step_in(self, cells: Sequence[str]) -> int | None:
        """The step of a line; None if it is invalid."""
        if len(cells) <= self.step:
            return None
        value = parse_number(cells[self.step])
        if value is None or not isfinite(value) or not 0 <= value < MAX_ITERATION:
            return None
        return int(value)


def split_cells(line: str, separator: str) -> list[str]:
    """The cells of a line, without quotes."""
    if separator == " ":
        cells = WHITESPACE.split(line.strip())
    elif '"' in line:
        cells = next(csv.reader([line], delimiter=separator), [])
    else:
        cells = line.split(separator)
    return [cell.strip().strip("\"'") for cell in cells[:MAX_COLUMNS]]


def separator_of(line: str) -> str:
    """The separator of the cells of a line."""
    return next((mark for mark in (";", "\t", ",") if mark in line), " ")


def format_of_heading(line: str) -> TableFormat | None:
    """The format that a heading describes; None if it has no step or no loss."""
    line = line.lstrip("#").strip()
    separator = separator_of(line)
    cells = split_cells(line, separator)
    named = [(i, cell) for i, cell in enumerate(cells) if is_wanted(cell)]
    wanted = dict(named[:MAX_WANTED])
    others = [i for i in range(len(cells)) if i not in wanted]
    steps = [i for i in others if names.is_step(cells[i])]
    epochs = [i for i in others if names.is_epoch(cells[i])]
    if not any(names.is_loss(cells[i]) for i in wanted):
        value = next((i for i in others if cells[i].lower() in VALUE_HEADINGS), None)
        if value is None:
            return None
        wanted[value] = "loss"
    place = next(chain(steps, epochs), None)
    if place is None:
        return None
    unit = "epoch" if not steps else "step" if "step" in cells[place].lower() else "iteration"
    return TableFormat(separator, place, wanted, unit, sparse=bool(steps and epochs))


def format_of_numbers(lines: Sequence[str]) -> TableFormat | None:
    """The format of a table without a heading, by its first lines; None if it is not one.

    With three or more columns, the second may be a clock, as in the tables of parse_log.sh:
    iteration, seconds, loss and rate, or iteration, seconds, accuracy and loss.
    """
    separator = separator_of(lines[0])
    rows = [numbers for line in lines if (numbers := numbers_in(line, separator))]
    width = min((len(row) for row in rows), default=0)
    if width < 2 or numbers_in(lines[0], separator) is None:
        return None
    columns = [[row[i] for row in rows] for i in range(width)]
    if width < 3 or not is_clock(columns[1], least=2 if width > 3 else 3):
        return TableFormat(separator, 0, {1: "loss"})
    notes = ["the table has no heading: column 2 grows like a clock, so"]
    if width > 3 and not is_rate(columns[3]) and all(0 <= x <= 1 for x in columns[2]):
        return TableFormat(separator, 0, {3: "loss"}, notes=(f"{notes[0]} column 4 is the loss",))
    found = {2: "loss"} | ({3: "lr"} if width > 3 else {})
    return TableFormat(separator, 0, found, notes=(f"{notes[0]} column 3 is the loss",))


def numbers_in(line: str, separator: str) -> list[float] | None:
    """The numbers of a line; None if a cell of its first two is not a number."""
    numbers = [parse_number(cell) for cell in split_cells(line, separator)]
    if len(numbers) < 2 or None in numbers[:2]:
        return None
    return [float("nan") if number is None else number for number in numbers]


def is_clock(column: Sequence[float], *, least: int) -> bool:
    """Whether at least some numbers are finite and rise from line to line, as seconds do."""
    rises = all(a < b for a, b in pairwise(column))
    return len(column) >= least and rises and all(map(isfinite, column))


def is_rate(column: Sequence[float]) -> bool:
    """Whether numbers are a learning rate: it changes on few lines, or falls all the time."""
    changes = sum(a != b for a, b in pairwise(column))
    return changes <= len(column) // 4 or all(a >= b for a, b in pairwise(column))


def detect(lines: Iterator[str]) -> tuple[TableFormat, Iterator[str]] | None:
    """The format of a table, and its lines; None if it is not a table of losses."""
    seen: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if form := format_of_heading(line):
            return form, lines
        if not line.startswith("#"):
            seen = [line, *filter(str.strip, islice(lines, PROBE))]
            form = format_of_numbers(seen)
            return (form, chain(seen, lines)) if form else None
    return None


class TableReader(Struct):
    """Reads the lines of a table of a known format."""

    form: TableFormat
    series: Series
    gaps: Gaps = field(default_factory=Gaps)

    @property
    def losses(self) -> list[int]:
        """The columns of losses."""
        return [i for i, name in self.form.columns.items() if names.is_loss(name)]

    def read(self, lines: Iterable[str]) -> None:
        """Read the lines."""
        losses = self.losses
        for line in lines:
            cells = self.form.cells(line)
            step = self.form.step_in(cells)
            if step is None or losses[0] >= len(cells):
                continue
            self.add_values(step, cells)
            if any(i < len(cells) and cells[i].lower() not in MISSING for i in losses):
                self.gaps.close()
            else:
                self.gaps.missing.append(step)

    def add_values(self, step: int, cells: Sequence[str]) -> None:
        """Add the values of a line; one that was cut is skipped."""
        for i, name in self.form.columns.items():
            text = cells[i] if i < len(cells) else ""
            if text.lower() not in MISSING and (value := parse_number(text)) is not None:
                self.series.add(step, name, value)

    def close_gaps(self) -> tuple[str, ...]:
        """Decide what empty cells at the end mean; says so."""
        if not self.gaps.is_at_end:
            return ()
        lines = f"the last {pluralize(len(self.gaps.missing), 'line')} without a loss"
        if self.form.sparse:
            return (f"{lines}: taken as missing values, not as NaN",)
        for step in self.gaps.missing:
            for i in self.losses:
                self.series.add(step, self.form.columns[i], float("nan"))
        return (f"{lines}: taken as NaN",)


def read_table(lines: Iterable[str]) -> tuple[tuple[Run, ...], tuple[str, ...]] | None:
    """The runs of a table, and what was assumed of it; None if it is not a table of losses."""
    found = detect(iter(lines))
    if found is None:
        return None
    form, body = found
    reader = TableReader(form, Series(form.unit))
    reader.read(body)
    notes = reader.close_gaps()
    runs = reader.series.runs()
    return (runs, (*form.notes, *notes)) if runs else None
