"""Batches that lack a class, by batch size, and the positions of classes in the store."""

from __future__ import annotations

from itertools import groupby, pairwise
from math import ceil, sqrt
from statistics import median
from typing import Any, TypeVar

from markupsafe import Markup

from datascan.outputs.html.class_figures import MAX_CLASSES, class_name
from datascan.outputs.html.figure import Cell, Figure, Table, count, figure_of
from datascan.outputs.html.limits import Limits
from datascan.report.figures import (
    BatchFigures,
    ClassPositions,
    ClassPositionsRow,
    GapCurve,
    LabelFigures,
)
from datascan.report.model import DatasetReport
from datascan.text import format_percent

COLUMNS = (
    "Batch size",
    "In stored order",
    "Share",
    "Worst class",
    "Shuffled: probability",
    "An epoch",
    "Worst class, shuffled",
)

T = TypeVar("T")

LEVELS = 8
FEW = 5
"""Fewer records of a class may be close together by chance."""

DASH = "\N{EN DASH}"
ROW_HEIGHTS = ((12, 22), (30, 14), (60, 9))
"""Pairs: up to this many rows, a row of the strip is this many pixels high."""


def batch_gaps(report: DatasetReport, limits: Limits, anchor: str) -> Figure | None:
    """The share of batches that lack a class, at each batch size."""
    if not report.batch_sizes:
        return None
    in_order, curve = report.dataset.read_in_order, report.gap_curve
    data: dict[str, Any] | None = None
    if curve is not None and is_drawable(curve):
        data = {
            "kind": "lines",
            "x": curve.batch_sizes,
            "xlabel": "batch size",
            "ylabel": "batches that lack a class",
            "log": True,
            "percent": True,
            "series": chart_series(curve, in_order=in_order),
            "marks": marks(report),
            "ticks": [figures.batch_size for figures in report.batch_sizes[: limits.rows]],
        }
    legend = (("in stored order", "first"), ("shuffled", "second"))
    rows = [batch_row(f, report.labels) for f in report.batch_sizes[: limits.rows]]
    return Figure(
        f"{anchor}-batches",
        "Batches that lack a class",
        sentence(report),
        Table(
            in_order_only(COLUMNS, in_order=in_order),
            tuple(in_order_only(row, in_order=in_order) for row in rows),
        ),
        data=data,
        legend=legend[not in_order :] if data else (),
        is_open=True,
    )


def in_order_only(cells: tuple[T, ...], *, in_order: bool) -> tuple[T, ...]:
    """The cells of a row, without those about store order unless it counts."""
    return cells if in_order else (cells[0], *cells[4:])


def chart_series(curve: GapCurve, *, in_order: bool) -> list[dict[str, Any]]:
    """The lines of the chart; that of the store order only if it counts."""
    ordered = {"label": "in stored order", "values": curve.sequential, "colour": "--first"}
    shuffled = {"label": "shuffled", "values": curve.shuffled, "colour": "--second"}
    return [ordered, shuffled] if in_order else [shuffled]


def is_drawable(curve: GapCurve) -> bool:
    """Whether the curve can be drawn: reports may come from any source."""
    points = len(curve.batch_sizes)
    return 1 < points <= 2000 and points == len(curve.sequential) == len(curve.shuffled)


def marks(report: DatasetReport) -> list[dict[str, Any]]:
    """The marks of the smallest safe batch sizes."""
    least = report.min_batch_size
    if least is None:
        return []
    ordered = {"x": least.sequential, "label": "safe in stored order", "colour": "--first"}
    shuffled = {"x": least.shuffled_1pct, "label": "safe shuffled", "colour": "--second"}
    return [ordered, shuffled] if report.dataset.read_in_order else [shuffled]


def sentence(report: DatasetReport) -> str:
    """The smallest safe batch sizes in words."""
    why = "A loss that divides by how often a label occurs in a batch is NaN once one is missing."
    least = report.min_batch_size
    if least is None:
        return why
    ordered = f"{least.sequential:,} in stored order, " if report.dataset.read_in_order else ""
    return (
        f"{why} Smallest safe batch size: {ordered}{least.shuffled_1pct:,} shuffled "
        "(under 1% of batches lack a class)."
    )


def batch_row(figures: BatchFigures, labels: LabelFigures | None) -> tuple[Cell, ...]:
    """The cells of one batch size."""
    ordered, shuffled = figures.sequential, figures.shuffled
    share = ordered.lacking / ordered.batches if ordered.batches else 0.0
    return (
        count(figures.batch_size),
        Cell(f"{ordered.lacking:,} of {ordered.batches:,}", ordered.lacking),
        figure_of(share, format_percent),
        label_cell(ordered.worst_label, labels) if ordered.lacking else Cell(DASH),
        figure_of(shuffled.p_lacking, format_percent),
        figure_of(shuffled.expected_lacking_per_epoch, "{:,.1f}".format),
        label_cell(shuffled.worst_label, labels) if shuffled.p_lacking > 0 else Cell(DASH),
    )


def label_cell(label: int, labels: LabelFigures | None) -> Cell:
    """A class in a table."""
    name = str(label) if labels is None else class_name(labels, str(label))
    return Cell(name, max(-MAX_CLASSES, min(MAX_CLASSES, label)))


def store_strip(report: DatasetReport, limits: Limits, anchor: str) -> Figure | None:
    """The positions of each class in the store."""
    strip, records = report.strip, report.dataset.records
    if strip is None or not limits.strips:
        return None
    if not 0 < len(strip.rows) <= 60 or not 0 < strip.bins <= 1000 or not records:
        return None
    names = [row_name(row, report.labels) for row in strip.rows]
    starts = [ceil(i * records / strip.bins) for i in range(strip.bins + 1)]
    sizes = [b - a for a, b in pairwise(starts)]
    height = next((high for most, high in ROW_HEIGHTS if len(strip.rows) <= most), 9)
    return Figure(
        f"{anchor}-strip",
        "Where each class is in the dataset",
        strip_sentence(strip, records),
        Table(
            ("Class", "Records", "First record", "Last record", "Stretch of the dataset"),
            tuple(
                (
                    Cell(name, row.first),
                    count(row.records),
                    count(row.first_index),
                    count(row.last_index),
                    figure_of((row.last_index - row.first_index + 1) / records, format_percent),
                )
                for name, row in zip(names, strip.rows, strict=True)
            ),
        ),
        data={
            "kind": "strip",
            "names": names,
            "starts": starts,
            "counts": [row.counts for row in strip.rows],
            "height": height,
        },
        drawing=draw_strip(strip, sizes, names, height, records),
    )


def row_name(row: ClassPositionsRow, labels: LabelFigures | None) -> str:
    """A class, or a run of classes."""
    if row.first != row.last:
        return f"{row.first}{DASH}{row.last}"
    return str(row.first) if labels is None else class_name(labels, str(row.first))


def strip_sentence(strip: ClassPositions, records: int) -> str:
    """The strip in words: whether the store is sorted by class."""
    how = "Each row is a class, from the first record at the left to the last at the right."
    if len(strip.rows) < 2:
        return how
    spreads = [(spread_of(row, records), row.records) for row in strip.rows if row.records >= FEW]
    if len(spreads) > 1:
        # n records at random positions span (n - 1) / (n + 1) of the store on average.
        usual = median(spread / ((n - 1) / (n + 1)) for spread, n in spreads)
        if usual <= 3 / len(spreads) and usual < 0.75:
            half = format_percent(median(spread for spread, _ in spreads))
            return (
                f"{how} The dataset is sorted by class: half of the rows are within {half} "
                "of it, so batches read in this order hold few classes. Shuffle it."
            )
    return f"{how} Even rows mean a shuffled dataset, steps a sorted one."


def spread_of(row: ClassPositionsRow, records: int) -> float:
    """The share of the store between a row's first and last record."""
    return (row.last_index - row.first_index + 1) / records


def draw_strip(
    strip: ClassPositions, sizes: list[int], names: list[str], height: int, records: int
) -> Markup:
    """The strip as SVG: one path per shade, one piece of it per run of equal cells."""
    paths = "".join(
        f'<path class="shade-{shade}" d="{"".join(runs)}"/>'
        for shade, runs in shades(strip, sizes).items()
    )
    step = 1 if height > 9 else 4
    labels = Markup("").join(
        Markup('<li class="high-{}">{}</li>').format(height, name if not i % step else "")
        for i, name in enumerate(names)
    )
    return Markup(
        '<div class="strip"><ul class="strip-names" aria-hidden="true">{labels}</ul>'
        '<div class="strip-store"><svg viewBox="0 0 {bins} {rows}" height="{height}" '
        'preserveAspectRatio="none" role="img" aria-label="{text}">{paths}</svg>'
        '<p class="strip-ends" aria-hidden="true"><span>record 0</span><span>{last:,}</span></p>'
        "</div></div>"
    ).format(
        labels=labels,
        bins=strip.bins,
        rows=len(strip.rows),
        height=height * len(strip.rows),
        text="Shares of classes along the dataset; the table below has the same as numbers",
        paths=Markup(paths),  # noqa: S704  (numbers only)
        last=records - 1,
    )


def shades(strip: ClassPositions, sizes: list[int]) -> dict[int, list[str]]:
    """Path data by shade, from 1 (few records of the stretch) to 8 (all of them)."""
    found: dict[int, list[str]] = {}
    for y, row in enumerate(strip.rows):
        cells = [
            shade_of(n, size) for n, size in zip(row.counts[: strip.bins], sizes, strict=False)
        ]
        x = 0
        for shade, run in groupby(cells):
            width = len(list(run))
            if shade:
                found.setdefault(shade, []).append(f"M{x} {y}h{width}v.88h-{width}z")
            x += width
    return dict(sorted(found.items()))


def shade_of(records: int, size: int) -> int:
    """The shade of a share, by its square root: small shares are easier to distinguish."""
    return min(LEVELS, max(1, round(LEVELS * sqrt(records / size)))) if records and size else 0
