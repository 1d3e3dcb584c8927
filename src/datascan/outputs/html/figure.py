"""A figure: title, sentence, chart, and the same data as a table for accessibility."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; ``value`` is its sort key if that is a number."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading for each column; ``note`` says which rows are left out."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, drawn by the script from ``data``, or already drawn as ``drawing``.

    ``legend``: names of the lines, each with the CSS class of its colour. ``is_open``: whether the
    table is expanded at first.
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
