"""Plain tables of iteration, loss and optionally rate: CSV, or columns separated by whitespace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from datascan.caffe.log.runs import Run, parse_number

MAX_ITERATION = 1e12
RATE_HEADINGS = ("lr", "rate", "learningrate")
WHITESPACE = re.compile(r"\s+")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableFormat:
    """The format of a table: its separator, and the columns to read."""

    separator: str
    iteration: int
    loss: int
    rate: int | None

    @classmethod
    def of(cls, line: str) -> TableFormat | None:
        """Detect the format from the first line: a heading, or iteration and loss as numbers."""
        line = line.lstrip("#").strip()
        separator = next((mark for mark in (";", "\t", ",") if mark in line), " ")
        cells = split_cells(line, separator)
        if len(cells) < 2:
            return None
        if all(parse_number(cell) is not None for cell in cells[:2]):
            return cls(separator, 0, 1, None)
        words = [cell.lower() for cell in cells]
        steps = (i for i, w in enumerate(words) if "iter" in w or "step" in w or w == "epoch")
        losses = (i for i, w in enumerate(words) if "loss" in w)
        rates = (i for i, w in enumerate(words) if w in RATE_HEADINGS or "learning" in w)
        place, loss = next(steps, None), next(losses, None)
        if place is None or loss is None or place == loss:
            return None
        return cls(separator, place, loss, next(rates, None))

    def cells(self, line: str) -> list[str]:
        """The cells of a line, with decimal commas replaced by points."""
        cells = split_cells(line, self.separator)
        if self.separator == ",":
            return cells
        return [c.replace(",", ".") if DECIMAL_COMMA.fullmatch(c) else c for c in cells]

    def iteration_in(self, cells: Sequence[str]) -> int | None:
        """The iteration of a line; None if it is invalid or the line has no loss."""
        if len(cells) <= max(self.iteration, self.loss):
            return None
        value = parse_number(cells[self.iteration])
        if value is None or not isfinite(value) or not 0 <= value < MAX_ITERATION:
            return None
        return int(value)

    def rate_in(self, cells: Sequence[str]) -> float | None:
        """The learning rate of a line, if it has one."""
        if self.rate is None or self.rate >= len(cells):
            return None
        return parse_number(cells[self.rate])


def split_cells(line: str, separator: str) -> list[str]:
    """The cells of a line, without quotes."""
    cells = WHITESPACE.split(line.strip()) if separator == " " else line.split(separator)
    return [cell.strip().strip("\"'") for cell in cells]


def parse_table(lines: Iterable[str]) -> Run | None:
    """Parse a table of iteration, loss and optionally rate; None if it is not such a table."""
    run, form = Run(), None
    missing: list[int] = []
    longest_gap = 0
    for line in filter(str.strip, lines):
        if form is None:
            form = TableFormat.of(line)
            if form is None and not line.startswith("#"):
                return None
        if form is None:
            continue
        cells = form.cells(line)
        iteration = form.iteration_in(cells)
        if iteration is None:
            continue
        if not cells[form.loss]:
            missing.append(iteration)
        elif (loss := parse_number(cells[form.loss])) is not None:
            longest_gap, missing = max(longest_gap, len(missing)), []
            run.iterations.append(iteration)
            run.losses.append(loss)
        if (rate := form.rate_in(cells)) is not None:
            run.rate_iterations.append(iteration)
            run.rates.append(rate)
    if len(missing) > longest_gap:
        # Some tools write NaN as an empty cell. A table that just has gaps has them earlier, too.
        run.iterations += missing
        run.losses += [float("nan")] * len(missing)
    return run if run.iterations else None
