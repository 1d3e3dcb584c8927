"""Values and shapes: how they are distributed."""

from __future__ import annotations

from math import log10, sqrt

from markupsafe import Markup

from datascan.outputs.html.figure import Cell, Figure, Table, count, figure_of
from datascan.outputs.html.limits import Limits, short
from datascan.report.figures import ShapeFigures
from datascan.report.model import DatasetReport
from datascan.text import escape_control, format_number, format_percent, pluralize

MAX_DOTS = 1500
FEW_IMAGES = 20
EDGE, MARGIN = 320, 44
LARGEST = 1e300
"""Beyond this, the arithmetic of a chart overflows: there is only a table."""

TIMES = " \N{MULTIPLICATION SIGN} "


def value_histogram(report: DatasetReport, limits: Limits, anchor: str) -> Figure | None:  # noqa: ARG001  (the signature of a figure)
    """The distribution of the values in a sample of the records."""
    values, histogram = report.values, report.histogram
    if values is None:
        return None
    about = "about " if values.approximate else ""
    text = f"No value is finite: {values.nan:,} NaN, {values.inf:,} Inf."
    if values.min is not None:
        text = f"{format_number(values.min)} to {format_number(values.max)}"
        for name, figure in (("mean", values.mean), ("standard deviation", values.std)):
            text += "" if figure is None else f", {name} {about}{format_number(figure)}"
        text += f"; {values.nan:,} NaN, {values.inf:,} Inf."
    rows: tuple[tuple[Cell, ...], ...] = ()
    if histogram is not None and len(histogram.bins) == len(histogram.counts) + 1:
        text += f" The chart shows {pluralize(histogram.records, 'record')}, spread evenly."
        total = sum(histogram.counts) or 1
        rows = tuple(
            (
                figure_of(low, format_number),
                figure_of(high, format_number),
                count(n),
                figure_of(n / total, format_percent),
            )
            for low, high, n in zip(
                histogram.bins, histogram.bins[1:], histogram.counts, strict=False
            )
        )
    return Figure(
        f"{anchor}-values",
        "Values",
        text,
        Table(("From", "To", "Values", "Share"), rows),
        data={
            "kind": "bins",
            "edges": histogram.bins,
            "counts": histogram.counts,
            "xlabel": "value",
            "ylabel": "values",
        }
        if histogram is not None and rows and max(map(abs, histogram.bins)) < LARGEST
        else None,
    )


def shapes(report: DatasetReport, limits: Limits, anchor: str) -> Figure | None:
    """Shapes and dtypes; sizes of images as dots."""
    if not report.shapes:
        return None
    shown = report.shapes[: limits.rows]
    total = sum(kind.records for kind in report.shapes)
    kinds = len(report.shapes)
    many = f"{kinds} shapes or more" if kinds >= 100 else pluralize(kinds, "shape")
    first = report.shapes[0]
    text = (
        f"{many}; the most frequent is {format_size(first)} ({pluralize(first.records, 'record')})."
    )
    dots = sizes_of(report)
    if len(dots) > 1:
        text += " Each dot is an image size, the larger the more images have it."
    return Figure(
        f"{anchor}-shapes",
        "Image sizes" if len(dots) > 1 else "Shapes",
        text,
        Table(
            ("Shape", "Records", "Share"),
            tuple(
                (
                    Cell(format_size(kind)),
                    count(kind.records),
                    figure_of(kind.records / total if total else 0.0, format_percent),
                )
                for kind in shown
            ),
            "" if len(shown) == kinds < 100 else f"The {len(shown):,} most frequent shapes.",
        ),
        drawing=scatter(dots) if len(dots) > 1 else None,
        is_open=len(dots) < 2,
    )


def format_size(kind: ShapeFigures) -> str:
    """A shape and its dtype: 3 x 32 x 32 uint8."""
    shape = TIMES.join(f"{edge}" for edge in kind.shape[:8]) or "scalar"
    return short(f"{shape} {escape_control(short(kind.dtype, 20))}", 100)


def sizes_of(report: DatasetReport) -> list[tuple[int, int, int]]:
    """Width, height and number of images, if the records are images of several sizes."""
    if report.image_sizes:
        return [(one.width, one.height, one.records) for one in report.image_sizes][:MAX_DOTS]
    if "image" not in report.dataset.layout and report.dataset.layout != "ocr":
        return []
    total: dict[tuple[int, int], int] = {}
    for kind in report.shapes:
        if len(kind.shape) == 3:
            _, height, width = kind.shape
            total[width, height] = total.get((width, height), 0) + kind.records
    return [(width, height, records) for (width, height), records in total.items()]


def scatter(dots: list[tuple[int, int, int]]) -> Markup:
    """Widths and heights as SVG on logarithmic scales, so a rotated image is a mirrored dot."""
    low = 10 ** (log10(max(1, min(min(w, h) for w, h, _ in dots))) - 0.08)
    high = 10 ** (log10(max(2, *(max(w, h) for w, h, _ in dots))) + 0.08)
    # The size of a dot should not depend on a few images more or less.
    most = max(FEW_IMAGES, *(records for _, _, records in dots))

    def place(pixels: float) -> float:
        return (log10(max(1, pixels)) - log10(low)) / (log10(high) - log10(low)) * EDGE

    grid = Markup("").join(
        Markup(
            '<path class="grid" d="M{m} {y:.1f}h{e}M{x:.1f} 0v{e}"/>'
            '<text class="right" x="{left}" y="{ty:.1f}">{n:,}</text>'
            '<text class="middle" x="{x:.1f}" y="{bottom}">{n:,}</text>'
        ).format(
            m=MARGIN,
            e=EDGE,
            x=MARGIN + place(tick),
            y=EDGE - place(tick),
            ty=EDGE - place(tick) + 4,
            left=MARGIN - 6,
            bottom=EDGE + 18,
            n=tick,
        )
        for tick in ticks(low, high)
    )
    marks = Markup("").join(
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{}</title></circle>').format(
            MARGIN + place(width),
            EDGE - place(height),
            2.5 + 9 * sqrt(records / most),
            f"{height:,}{TIMES}{width:,} pixels (height{TIMES}width): "
            f"{pluralize(records, 'image')}",
        )
        for width, height, records in sorted(dots, key=lambda dot: -dot[2])
    )
    return Markup(
        '<svg class="scatter" viewBox="0 0 {w} {h}" role="img" aria-label="Sizes of images in '
        'pixels; the table below has the most frequent">{grid}'
        '<path class="grid" d="M{m} {e}L{w} 0"/>{marks}'
        '<text class="middle" x="{middle}" y="{bottom}">'
        "width in pixels, height upwards</text></svg>"
    ).format(
        w=MARGIN + EDGE,
        h=EDGE + 40,
        grid=grid,
        marks=marks,
        m=MARGIN,
        e=EDGE,
        middle=MARGIN + EDGE // 2,
        bottom=EDGE + 36,
    )


def ticks(low: float, high: float) -> list[int]:
    """Round numbers between ``low`` and ``high``: 1, 2, 5 times a power of ten."""
    rounded = [m * 10**power for power in range(6) for m in (1, 2, 5)]
    inside = [tick for tick in rounded if low <= tick <= high]
    return inside if len(inside) <= 7 else [t for t in inside if str(t)[0] == "1"]
