"""Plain tables of iteration, loss and perhaps rate: CSV of any kind, or columns in blanks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from datascan.caffe.log.runs import Run, number

LARGEST = 1e12
RATE_WORDS = ("lr", "rate", "learningrate")
BLANKS = re.compile(r"\s+")
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """How a table is written: what parts its columns, and which of them are of interest."""

    separator: str
    iteration: int
    loss: int
    rate: int | None

    @classmethod
    def of(cls, line: str) -> Form | None:
        """By the first line: a heading, or numbers with iteration and loss in front."""
        line = line.lstrip("#").strip()
        separator = next((mark for mark in (";", "\t", ",") if mark in line), " ")
        cells = cells_of(line, separator)
        if len(cells) < 2:
            return None
        if all(number(cell) is not None for cell in cells[:2]):
            return cls(separator, 0, 1, None)
        words = [cell.lower() for cell in cells]
        steps = (i for i, w in enumerate(words) if "iter" in w or "step" in w or w == "epoch")
        losses = (i for i, w in enumerate(words) if "loss" in w)
        rates = (i for i, w in enumerate(words) if w in RATE_WORDS or "learning" in w)
        place, loss = next(steps, None), next(losses, None)
        if place is None or loss is None or place == loss:
            return None
        return cls(separator, place, loss, next(rates, None))

    def cells(self, line: str) -> list[str]:
        """The cells of a line, with points for decimal commas."""
        cells = cells_of(line, self.separator)
        if self.separator == ",":
            return cells
        return [c.replace(",", ".") if DECIMAL_COMMA.fullmatch(c) else c for c in cells]

    def iteration_in(self, cells: Sequence[str]) -> int | None:
        """The iteration of a line; None where it has none, or no cell for the loss."""
        if len(cells) <= max(self.iteration, self.loss):
            return None
        value = number(cells[self.iteration])
        if value is None or not isfinite(value) or not 0 <= value < LARGEST:
            return None
        return int(value)

    def rate_in(self, cells: Sequence[str]) -> float | None:
        """The rate of a line, if it has one."""
        if self.rate is None or self.rate >= len(cells):
            return None
        return number(cells[self.rate])


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of a line, without quotes."""
    cells = BLANKS.split(line.strip()) if separator == " " else line.split(separator)
    return [cell.strip().strip("\"'") for cell in cells]


def table_run(lines: Iterable[str]) -> Run | None:
    """A table of iteration, loss and perhaps rate; None where it is none."""
    run, form = Run(), None
    empty: list[int] = []
    widest = 0
    for line in filter(str.strip, lines):
        if form is None:
            form = Form.of(line)
            if form is None and not line.startswith("#"):
                return None
        if form is None:
            continue
        cells = form.cells(line)
        iteration = form.iteration_in(cells)
        if iteration is None:
            continue
        if not cells[form.loss]:
            empty.append(iteration)
        elif (loss := number(cells[form.loss])) is not None:
            widest, empty = max(widest, len(empty)), []
            run.iterations.append(iteration)
            run.losses.append(loss)
        if (rate := form.rate_in(cells)) is not None:
            run.rate_iterations.append(iteration)
            run.rates.append(rate)
    if len(empty) > widest:
        # Some write NaN as an empty cell; tables with gaps have gaps before, too.
        run.iterations += empty
        run.losses += [float("nan")] * len(empty)
    return run if run.iterations else None
