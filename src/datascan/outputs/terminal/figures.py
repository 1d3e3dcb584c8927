"""The figures of a report on a terminal: labels, shapes, values, batch sizes, curves of a log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import INDENT, NAME_WIDTH, Paper, shorten
from datascan.report.summary import describe_targets
from datascan.text import format_number, format_percent, format_shape, pluralize

if TYPE_CHECKING:
    from datascan.report.figures import (
        BatchFigures,
        LabelFigures,
        LogCurve,
        ShapeFigures,
        ValueFigures,
    )
    from datascan.report.model import Report

SHOWN_SHAPES = 4
IMAGE_LAYOUTS = ("image", "ocr")
"""The layouts whose records are encoded images."""

PLOT_WIDTH = 90


def curves(curve: LogCurve, paper: Paper, *, broken: bool) -> Iterator[str]:
    """Loss and learning rate over the iterations, with a cross for values that are not finite.

    ``broken``: draw the rate even if it is constant.
    """
    width = min(paper.width, PLOT_WIDTH)
    every = list(zip(curve.iterations, curve.losses, curve.rates, strict=True))
    series = [("loss", [(at, loss) for at, loss, _ in every])]
    rates = [(at, rate) for at, _, rate in every if broken or rate is not None]
    if broken or len({rate for _, rate in rates}) > 1:
        series.append(("learning rate", rates))
    for name, points in series:
        places, values = [at for at, _ in points], [value for _, value in points]
        from datascan.outputs.terminal.plot import plot  # noqa: PLC0415  (few reports have curves)

        lines = plot(places, values, width, unicode=paper.unicode)
        if lines:
            yield from ("", f"{name} by iteration", *lines)


def statistics(report: Report, paper: Paper) -> Iterator[str]:
    """How names were understood, labels, shapes and values, one line each."""
    for subject, text in (report.dataset.notes or {}).items():
        yield from paper.wrap(f"{paper.plain(subject):<8}{paper.plain(text)}", "", " " * 8)
    if report.labels is not None:
        yield from paper.wrap(
            f"labels  {label_line(report.labels, paper, is_part=is_part(report))}", "", " " * 8
        )
    if report.shapes:
        shown = [
            f"{format_shape_of(s, report)} {paper.plain(s.dtype)} ({s.records:,})"
            for s in report.shapes[:SHOWN_SHAPES]
        ]
        more = len(report.shapes) - SHOWN_SHAPES
        text = "shapes  " + ", ".join(shown) + (f", and {more:,} more" if more > 0 else "")
        yield from paper.wrap(text, "", " " * 8)
    if report.values is not None:
        yield from paper.wrap(f"values  {value_line(report.values)}", "", " " * 8)


def format_shape_of(shape: ShapeFigures, report: Report) -> str:
    """A shape; of an image, width x height and the number of channels."""
    if report.dataset.layout in IMAGE_LAYOUTS and len(shape.shape) == 3:
        channels, height, width = shape.shape
        return f"{width}x{height} pixels, {pluralize(channels, 'channel')},"
    return format_shape(tuple(shape.shape))


def is_part(report: Report) -> bool:
    """Whether only a part of the dataset was read."""
    dataset = report.dataset
    return not report.complete or (dataset.total or 0) > dataset.records


def label_line(labels: LabelFigures, paper: Paper, *, is_part: bool) -> str:
    """Number of classes and their sizes, or the range of targets."""
    missing = f"; {pluralize(labels.missing, 'record')} without" if labels.missing else ""
    if labels.kind == "regression":
        return describe_targets(labels) + missing
    classes = pluralize(labels.num_classes or 0, "class")
    declared = " declared" if labels.declared else ""
    declared += f" ({labels.encoding})" if labels.encoding else ""
    counts = {
        label: count
        for label, count in labels.counts.items()
        if 0 <= int(label) < (labels.num_classes or 0)
    }
    if not counts:
        return f"{classes}{declared}, no label in range{missing}"
    return f"{classes}{declared}, {class_sizes(labels, counts, paper, is_part=is_part)}{missing}"


def class_sizes(
    labels: LabelFigures, counts: dict[str, int], paper: Paper, *, is_part: bool
) -> str:
    """How many classes are empty, or not in the part that was read, and the sizes of the others."""
    empty = (labels.num_classes or 0) - len(counts)
    if empty:
        what = f"{'is' if empty == 1 else 'are'} empty" if not is_part else "were not read"
        what = "was not read" if is_part and empty == 1 else what
        return f"{empty:,} of which {what}, {used_sizes(labels, counts, paper)}"
    return used_sizes(labels, counts, paper)


def used_sizes(labels: LabelFigures, counts: dict[str, int], paper: Paper) -> str:
    """The sizes of the classes that occur, the smallest and the largest by name."""
    least, most = min(counts.values()), max(counts.values())
    if least == most:
        return f"{pluralize(most, 'record')} each"
    rarest, largest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    sizes = [f"{counts[c]:,} (class {class_name(labels, c, paper)})" for c in (rarest, largest)]
    return " to ".join(sizes) + " records each"


def class_name(labels: LabelFigures, label: str, paper: Paper) -> str:
    """A class by its number, with its name if it has one: 3 'frog'."""
    at = int(label)
    if not labels.names or at >= len(labels.names):
        return label
    return f"{label} '{shorten(paper.plain(labels.names[at]), NAME_WIDTH)}'"


def value_line(values: ValueFigures) -> str:
    """Range, moments, and the number of values that are not finite."""
    about = "about " if values.approximate else ""
    text = f"{format_number(values.min)} to {format_number(values.max)}, "
    text += f"mean {about}{format_number(values.mean)}, std {about}{format_number(values.std)}"
    if values.nan or values.inf:
        text += f"; {values.nan:,} NaN, {values.inf:,} Inf"
    return text


def batch_table(report: Report, paper: Paper) -> Iterator[str]:
    """Batch sizes with the batches that lack a class, shuffled and, if it counts, in order."""
    rows = [
        ("batch", "in store order:", "worst", "shuffled:", "a batch", "worst"),
        ("size", "lack a class", "class", "P(lacks a class)", "an epoch", "class"),
        *(batch_row(figures) for figures in report.batch_sizes),
    ]
    in_order = report.dataset.read_in_order
    if not in_order:
        rows = [(row[0], *row[3:]) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    least = report.min_batch_size
    if least is not None:
        ordered = f"{least.sequential:,} in store order, " if in_order else ""
        text = (
            f"smallest safe batch size: {ordered}{least.shuffled_1pct:,} shuffled "
            "(under 1% of batches lack a class)"
        )
        yield from paper.wrap(text, "", INDENT)


def batch_row(figures: BatchFigures) -> tuple[str, ...]:
    """The cells of one batch size."""
    ordered, shuffled = figures.sequential, figures.shuffled
    return (
        f"{figures.batch_size:,}",
        f"{ordered.lacking:,} of {ordered.batches:,}",
        str(ordered.worst_label) if ordered.lacking else "-",
        format_percent(shuffled.p_lacking),
        f"{shuffled.expected_lacking_per_epoch:,.1f}",
        str(shuffled.worst_label) if shuffled.p_lacking > 0 else "-",
    )
