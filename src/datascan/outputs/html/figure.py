"""What a figure is: title, sentence, chart, and a table of the same for those who see none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; ``value`` is what it is sorted by, where that is a number."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading for each column; ``note`` says what is left out of it."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure. ``data`` is drawn by the script, ``drawing`` is drawn already.

    ``legend``: words for the lines, each with the class of its colour. ``is_open``: the table is
    what is to be seen first.
    """

    anchor: str
    title: str
    text: str
    table: Table
    data: Mapping[str, Any] | None = None
    drawing: Markup | None = None
    legend: tuple[tuple[str, str], ...] = ()
    is_open: bool = False


def count(number: int) -> Cell:
    """A whole number."""
    return Cell(f"{number:,}", number)


def figure_of(value: float, written: Callable[[float], str]) -> Cell:
    """A number as ``written`` writes it."""
    return Cell(written(value), value)
