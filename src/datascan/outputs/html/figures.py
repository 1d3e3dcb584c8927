"""The figures of a report, in the order of the page. One more is one more function here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from datascan.outputs.html.batch_figures import batch_gaps, store_strip
from datascan.outputs.html.class_figures import class_histogram
from datascan.outputs.html.figure import Figure
from datascan.outputs.html.limits import Limits
from datascan.outputs.html.log_figures import log_curve
from datascan.outputs.html.value_figures import shapes, value_histogram
from datascan.report.model import Report

FIGURES: tuple[Callable[[Report, Limits, str], Figure | None], ...] = (
    log_curve,
    batch_gaps,
    store_strip,
    class_histogram,
    value_histogram,
    shapes,
)


def figures_of(report: Report, limits: Limits, anchor: str) -> Iterator[Figure]:
    """The figures that this report has; their ids begin with ``anchor``."""
    for draw in FIGURES:
        figure = draw(report, limits, anchor)
        if figure is not None:
            yield figure
