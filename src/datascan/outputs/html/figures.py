"""The figures of a report, in the order of the page. A new figure is one more function here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datascan.outputs.html.batch_figures import batch_gaps, store_strip
from datascan.outputs.html.class_figures import class_histogram
from datascan.outputs.html.figure import Figure
from datascan.outputs.html.limits import Limits
from datascan.outputs.html.log_figures import log_curve
from datascan.outputs.html.value_figures import shapes, value_histogram
from datascan.report.model import DatasetReport, LogReport, Report

DATASET_FIGURES: tuple[Callable[[DatasetReport, Limits, str], Figure | None], ...] = (
    batch_gaps,
    store_strip,
    class_histogram,
    value_histogram,
    shapes,
)


def figures_of(report: Report, limits: Limits, anchor: str) -> Iterator[Figure]:
    """The figures of a report; their ids begin with ``anchor``."""
    figures: list[Figure | None] = []
    if isinstance(report, LogReport):
        figures = [log_curve(report, limits, anchor)]
    elif isinstance(report, DatasetReport):
        figures = [draw(report, limits, anchor) for draw in DATASET_FIGURES]
    yield from (figure for figure in figures if figure is not None)
