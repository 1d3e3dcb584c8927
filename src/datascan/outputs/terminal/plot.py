"""A small plot in characters: values over iterations, with a cross for each that is missing."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10

from msgspec import Struct

HEIGHT = 9
LABEL = 9
LARGEST = 1e300
DECADES = 2
"""Positive values that span more powers of ten than this are drawn by their logarithms."""


class Marks(Struct, frozen=True):
    """The characters of a plot."""

    point: str
    broken: str
    axis: str
    corner: str
    line: str


UNICODE = Marks("•", "✕", "┤", "└", "─")
ASCII = Marks("*", "x", "|", "+", "-")


class Scale(Struct, frozen=True):
    """Maps values to rows, 0 at the bottom."""

    low: float
    high: float
    logs: bool

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """The scale of all ``values``."""
        low, high = min(values), max(values)
        logs = low > 0 and high / low > 10**DECADES
        if logs:
            low, high = log10(low), log10(high)
        if high - low < 1e-12 * max(1.0, abs(high)):
            # Half of the smallest float is 0.
            low, high = low - (0.5 * abs(low) or 0.5), high + (0.5 * abs(high) or 0.5)
        return cls(low, high, logs)

    def row(self, value: float) -> int:
        """The row of a value."""
        scaled = log10(value) if self.logs else value
        return floor((scaled - self.low) / (self.high - self.low) * (HEIGHT - 1) + 0.5)

    def value(self, row: int) -> float:
        """The value of a row."""
        at = self.low + (self.high - self.low) * row / (HEIGHT - 1)
        return float(10**at) if self.logs else at


def plot(
    places: Sequence[int], values: Sequence[float | None], width: int, *, unicode: bool
) -> list[str]:
    """Lines of at most ``width`` columns; None among ``values`` is drawn as a cross.

    ``places`` ascend. Empty if all values are None, or if there is too little space.
    """
    # Clipped, so that differences do not overflow either.
    drawn = [None if v is None else max(-LARGEST, min(LARGEST, v)) for v in values]
    known = [value for value in drawn if value is not None]
    columns = width - LABEL - 2
    if not known or columns < 10 or len(places) < 2:
        return []
    marks = UNICODE if unicode else ASCII
    scale = Scale.of(known)
    first, last = places[0], places[-1]
    grid = [[" "] * columns for _ in range(HEIGHT)]
    for place, value in zip(places, drawn, strict=True):
        at = (place - first) * (columns - 1) // max(1, last - first)
        if 0 <= at < columns:
            row = HEIGHT - 1 if value is None else scale.row(value)
            mark = marks.broken if value is None else marks.point
            if grid[row][at] != marks.broken:
                grid[row][at] = mark
    lines = []
    for row in range(HEIGHT - 1, -1, -1):
        label = f"{scale.value(row):.3g}" if row % 4 == 0 else ""
        lines.append(f"{label:>{LABEL}}{marks.axis}{''.join(grid[row]).rstrip()}")
    lines.append(" " * LABEL + marks.corner + marks.line * columns)
    ends = f"{first:,}", f"{last:,}"
    lines.append(" " * (LABEL + 1) + ends[0] + ends[1].rjust(columns - len(ends[0])))
    return lines
