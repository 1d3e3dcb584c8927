"""One record for a person at a terminal: what it is, its values, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from datascan.outputs.terminal.paper import MIN_WIDTH, Paper, shorten
from datascan.report.titles import finding_title
from datascan.text import format_bytes, format_number, format_shape, pluralize

if TYPE_CHECKING:
    from datascan.report.model import DatasetReport
    from datascan.report.record_view import FieldView, ImageView, RecordView

NAME_WIDTH = 1000
MAX_FIELDS = 40
MARGIN = 8
"""The width of the first column."""


def render(  # noqa: PLR0913  (all but the first two by name)
    report: DatasetReport,
    view: RecordView,
    *,
    index: int | None,
    notes: Sequence[str],
    names: Sequence[str],
    paper: Paper,
) -> str:
    """A record with its findings, as lines. ``names`` are those of the classes."""
    paper = Paper(paper.colour, max(paper.width, MIN_WIDTH), paper.unicode)
    lines = [*head(report, view, index, paper)]
    for note in notes:
        lines += paper.wrap(paper.plain(note), "  ", "  ")
    lines += label_lines(view, names, paper)
    if view.image is not None:
        lines += paper.wrap(row("image", describe_image(view.image)), "", " " * MARGIN)
    elif view.head:
        lines += head_lines(view.head, paper)
    for field in view.fields[:MAX_FIELDS]:
        lines += field_lines(field, paper)
    if len(view.fields) > MAX_FIELDS:
        lines.append(f"and {len(view.fields) - MAX_FIELDS:,} more fields")
    is_opaque = not view.fields and view.image is None and not view.faults
    if is_opaque:
        lines += paper.wrap(row("value", f"{format_bytes(view.nbytes)}, not inspected"), "", "")
    lines += [*verdict(report, paper, is_opaque=is_opaque)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def head(report: DatasetReport, view: RecordView, index: int | None, paper: Paper) -> Iterator[str]:
    """Dataset, index, key and size."""
    source = report.dataset
    number = "" if index is None else f"#{index}  "
    key = shorten(paper.plain(view.key), NAME_WIDTH)
    kind = f"({paper.plain(source.backend)}, {paper.plain(source.layout)})"
    size = f"  {format_bytes(view.nbytes)}" if view.nbytes else ""
    yield from paper.wrap(f"{number}{key}{size}  of {paper.plain(source.path)}  {kind}", "", "  ")


def row(name: str, text: str) -> str:
    """A line with its heading."""
    return f"{name:<{MARGIN - 1}} {text}"


def label_lines(view: RecordView, names: Sequence[str], paper: Paper) -> list[str]:
    """The label, and the name of the class."""
    if view.label is None:
        return []
    label = view.label
    text = describe_values(label[:8]) if isinstance(label, list) else describe_value(label)
    text += ", ..." if isinstance(label, list) and len(label) > 8 else ""
    if isinstance(label, int | float) and label == label // 1 and 0 <= label < len(names):
        text += f" '{shorten(paper.plain(names[int(label)]), NAME_WIDTH)}'"
    return paper.wrap(row("label", text), "", " " * MARGIN)


def describe_image(image: ImageView) -> str:
    """Format, size, mode and the range of each channel."""
    text = f"{image.format}, {image.width}x{image.height} pixels, {image.mode}"
    ranges = ", ".join(
        f"{format_number(low)} to {format_number(high)}" for low, high in image.ranges
    )
    return f"{text}; values {ranges}" if ranges and "nan" not in ranges else text


def head_lines(octets: bytes, paper: Paper) -> list[str]:
    """The first bytes of what should be an image, as text."""
    text = "".join(chr(b) if 32 <= b < 127 else "." for b in octets)
    return paper.wrap(row("begins", paper.plain(text)), "", " " * MARGIN)


def field_lines(field: FieldView, paper: Paper) -> Iterator[str]:
    """A field: shape, dtype, statistics and some of its values."""
    shape = format_shape(field.shape)
    name = shorten(paper.plain(field.name), 40)
    title = f"{name:<{MARGIN - 1}} {shape} {field.dtype}, {pluralize(field.size, 'value')}"
    yield from paper.wrap(title, "", " " * MARGIN)
    if field.low is not None:
        text = f"{format_number(field.low)} to {format_number(field.high)}, "
        text += f"mean {format_number(field.mean)}, std {format_number(field.std)}"
        yield from paper.wrap(text, " " * MARGIN)
    if field.nan or field.inf:
        share = f"{field.nan + field.inf:,} of {pluralize(field.size, 'value')}"
        yield from paper.wrap(f"{field.nan:,} NaN, {field.inf:,} Inf: {share}", " " * MARGIN)
    if not field.excerpt:
        return
    if field.first_bad is None:
        more = ", ..." if field.size > len(field.excerpt) else ""
        yield from paper.wrap(f"[{describe_values(field.excerpt)}{more}]", " " * MARGIN, " ")
        return
    at = field.first_bad - field.excerpt_from
    words = [describe_value(value) for value in field.excerpt]
    words[at] = f">{words[at]}<"
    before = "... " if field.excerpt_from else ""
    after = " ..." if field.excerpt_from + len(words) < field.size else ""
    where = f"first at {place(field.first_bad, field.shape)}: "
    for line in paper.wrap(f"{where}{before}{' '.join(words)}{after}", " " * MARGIN, "  "):
        yield line.replace(words[at], paper.paint(words[at], "error"))


def place(flat: int, shape: tuple[int, ...]) -> str:
    """An index of a value: "[2, 1, 0]"."""
    at = np.unravel_index(flat, shape) if shape else ()
    return f"[{', '.join(str(int(one)) for one in at)}]"


def describe_values(values: Sequence[Any]) -> str:
    """Values with commas."""
    return ", ".join(map(describe_value, values))


def describe_value(value: Any) -> str:
    """A number with at most six digits; a whole number in full."""
    return str(value) if isinstance(value, int) else format_number(value)


def verdict(report: DatasetReport, paper: Paper, *, is_opaque: bool) -> Iterator[str]:
    """The findings of the record, or a line that says that it passed.

    ``is_opaque``: nothing is known about its content, so it cannot pass.
    """
    yield ""
    if is_opaque and not report.findings:
        yield f"{paper.paint('WARNING', 'warning')} the content of this record was not inspected"
    elif not report.findings:
        yield f"{paper.paint('PASS', 'pass')}    this record has no findings by itself"
    for finding in report.findings:
        known = finding.accepted is not None
        mark = "accepted" if known else finding.severity.upper()
        title = f"{mark:<8}{' ' * known}{paper.plain(finding_title(finding, report.dataset))}"
        name = paper.paint(f"[{paper.plain(finding.rule)}]", "faint")
        yield f"{paper.paint(title, 'faint' if known else finding.severity)}  {name}"
        detail = next((one.detail for one in finding.examples), finding.message)
        yield from paper.wrap(paper.plain(detail), " " * MARGIN, "  ")
        yield from paper.wrap("-> " + paper.plain(finding.fix), " " * MARGIN, "   ")


def neighbour_lines(
    views: Sequence[tuple[int | None, RecordView, bool]], names: Sequence[str], paper: Paper
) -> Iterator[str]:
    """A line for each record; the one that was asked for is marked."""
    for index, view, chosen in views:
        parts = ["" if index is None else f"#{index}", shorten(paper.plain(view.key), NAME_WIDTH)]
        parts += [" ".join(line.split()) for line in label_lines(view, names, paper)[:1]]
        parts += [brief(view)]
        parts += [f"{rule}: {paper.plain(detail)}" for rule, detail in view.faults]
        line = "  ".join(part for part in parts if part)
        yield f"{'>' if chosen else ' '} {shorten(line, paper.width - 2)}"


def brief(view: RecordView) -> str:
    """Shape, range and NaN of a record, in a few words."""
    if view.image is not None:
        return f"{view.image.width}x{view.image.height} {view.image.mode}"
    if not view.fields:
        return ""
    field = view.fields[0]
    text = f"{format_shape(field.shape)} {field.dtype}"
    if field.low is not None:
        text += f", {format_number(field.low)} to {format_number(field.high)}"
    return text + (f", {field.nan:,} NaN, {field.inf:,} Inf" if field.nan or field.inf else "")
