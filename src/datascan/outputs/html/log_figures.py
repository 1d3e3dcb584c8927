"""The curves of a training log: loss and learning rate, and the iteration at which they broke."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from datascan.outputs.html.figure import Cell, Figure, Table, count
from datascan.outputs.html.limits import Limits
from datascan.report.figures import LogCurve, LogFigures
from datascan.report.model import LogReport
from datascan.text import format_number

MAX_POINTS = 2000


def log_curve(report: LogReport, limits: Limits, anchor: str) -> Figure | None:
    """Loss and learning rate of a run by iteration."""
    log, curve = report.log, report.log_curve
    if curve is None or not is_drawable(curve):
        return None
    series = [{"label": "loss", "values": curve.losses, "colour": "--first"}]
    legend = [("loss", "first")]
    if len({rate for rate in curve.rates if rate is not None}) > 1:
        series.append({"label": "learning rate", "values": curve.rates, "colour": "--second"})
        legend.append(("learning rate", "second"))
    data: dict[str, Any] = {
        "kind": "lines",
        "x": curve.iterations,
        "xlabel": "iteration",
        "ylabel": "loss",
        "log": False,
        "percent": False,
        "series": series,
        "marks": marks(log),
        "ticks": [],
    }
    rows = list(zip(curve.iterations, curve.losses, curve.rates, strict=True))[: limits.rows]
    return Figure(
        f"{anchor}-curve",
        "Loss and learning rate",
        sentence(log),
        Table(
            ("Iteration", "Loss", "Learning rate"),
            tuple((count(i), cell(loss), cell(rate)) for i, loss, rate in rows),
        ),
        data=data,
        legend=tuple(legend),
    )


def is_drawable(curve: LogCurve) -> bool:
    """Whether the curve can be drawn: reports may come from any source."""
    points = len(curve.iterations)
    ascending = all(a < b for a, b in pairwise(curve.iterations))
    same = points == len(curve.losses) == len(curve.rates)
    return 1 < points <= MAX_POINTS and same and ascending


def marks(log: LogFigures) -> list[dict[str, Any]]:
    """The last iteration before the break and the first one after it."""
    found = []
    if log.cause != "none" and log.last_finite_iteration is not None:
        found.append((log.last_finite_iteration, "last finite", "--second"))
    if log.first_nonfinite_iteration is not None:
        found.append((log.first_nonfinite_iteration, "not finite", "--first"))
    return [{"x": x, "label": label, "colour": colour} for x, label, colour in found]


def sentence(log: LogFigures) -> str:
    """How the run ended."""
    if log.cause == "none":
        return f"The loss was finite to the end, at iteration {log.iterations:,}."
    if log.first_nonfinite_iteration is None:
        return f"The cause: {log.cause}."
    return f"The loss broke at iteration {log.first_nonfinite_iteration:,}: {log.cause}."


def cell(value: float | None) -> Cell:
    """A number, or "not finite"."""
    return Cell("not finite") if value is None else Cell(format_number(value), value)
