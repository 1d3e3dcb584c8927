"""The report for a person at a terminal: the verdict first, and all of it in ten seconds."""

from __future__ import annotations

import os
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TextIO

from datascan.report import BatchFigures, Finding, LabelFigures, Report, ValueFigures

SHOWN_EXAMPLES = 3
SHOWN_SHAPES = 4
KEY_WIDTH = 48
DETAIL_WIDTH = 160
NARROWEST = 60
INDENT = "  "

COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;34", "pass": "1;32", "faint": "2"}


@dataclass(frozen=True, slots=True)
class Paint:
    """ANSI colours, or none."""

    colour: bool

    def __call__(self, text: str, kind: str) -> str:
        """``text`` in the colour of ``kind``."""
        return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if self.colour else text


def style(stream: TextIO) -> bool:
    """Whether to colour: only on a terminal that can, and never against NO_COLOR."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def render(report: Report, *, colour: bool, width: int) -> str:
    """The report as text of lines no wider than ``width`` (tables: 80), ending in a line break."""
    paint = Paint(colour)
    width = max(width, NARROWEST)
    lines = [*headline(report, paint, width)]
    for _, same in groupby(report.findings, key=lambda finding: finding.rule):
        lines += ["", *rule_lines(list(same), paint, width)]
    lines += ["", *statistics(report)]
    if report.batch_sizes:
        lines += ["", *batch_table(report)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def headline(report: Report, paint: Paint, width: int) -> Iterator[str]:
    """Verdict, dataset, size and time."""
    source = report.dataset
    verdict = paint("PASS", "pass") if report.passed else paint("FAIL", "error")
    path = shortened(visible(source.path), width - 40)
    yield f"{verdict}  {path}  ({source.backend}, {source.layout})"
    seen = counted(source.records, "record")
    size = f"{seen}, {in_bytes(source.bytes)} in {report.elapsed_seconds:.2f} s"
    tally = [
        counted(number, severity)
        for severity in ("error", "warning", "info")
        if (number := sum(finding.severity == severity for finding in report.findings))
    ]
    yield f"      {size}: {', '.join(tally) or 'no findings'}"
    if not report.complete:
        text = f"INCOMPLETE: the scan was stopped after {seen}; the rest was not looked at"
        yield paint(text, "warning")


def rule_lines(same: Sequence[Finding], paint: Paint, width: int) -> Iterator[str]:
    """The findings of one rule, and what to do about them."""
    first = same[0]
    label = paint(f"{first.severity.upper():<8}", first.severity)
    yield f"{label}{paint(first.rule, first.severity)}"
    for finding in same:
        yield from finding_lines(finding, paint, width)
    # Where there are several, the first is that of the worst case.
    yield from wrapped("-> " + visible(first.fix), INDENT, width, hang="   ")


def finding_lines(finding: Finding, paint: Paint, width: int) -> Iterator[str]:
    """A finding: its message and first examples."""
    yield from wrapped(visible(finding.message), INDENT, width, hang=INDENT)
    named = any(example.index is not None for example in finding.examples)
    told = [e for e in finding.examples if e.index is not None or e.detail not in finding.message]
    for example in told[:SHOWN_EXAMPLES]:
        yield from example_lines(example.index, example.key, example.detail, width)
    more = max(finding.records if named else 0, len(told)) - SHOWN_EXAMPLES
    if more > 0:
        hint = "; --bad-records FILE lists them all" if named else ""
        yield paint(f"{INDENT}  and {more:,} more{hint}", "faint")


def example_lines(index: int | None, key: str | None, detail: str, width: int) -> Iterator[str]:
    """One record, in a line if it fits: number, key, detail."""
    detail = shortened(visible(detail), DETAIL_WIDTH)
    if index is None:
        yield from wrapped(detail, INDENT * 2, width, hang=INDENT)
        return
    name = f"#{index:,}  {shortened(visible(key or ''), KEY_WIDTH)}"
    yield from wrapped(f"{name}  {detail}", INDENT * 2, width, hang=INDENT)


def statistics(report: Report) -> Iterator[str]:
    """Labels, shapes and values: a line each."""
    if report.labels is not None:
        yield f"labels  {label_line(report.labels)}"
    if report.shapes:
        shown = [
            f"{'x'.join(map(str, shape.shape)) or 'scalar'} {shape.dtype} ({shape.records:,})"
            for shape in report.shapes[:SHOWN_SHAPES]
        ]
        more = len(report.shapes) - SHOWN_SHAPES
        yield "shapes  " + ", ".join(shown) + (f", and {more:,} more" if more > 0 else "")
    if report.values is not None:
        yield f"values  {value_line(report.values)}"


def label_line(labels: LabelFigures) -> str:
    """Number of classes and their sizes, or the range of targets."""
    missing = f"; {counted(labels.missing, 'record')} without" if labels.missing else ""
    if labels.kind == "regression":
        low, high = labels.min, labels.max
        return f"regression targets, {number(low)} to {number(high)}{missing}"
    named = labels.names or []

    def name(label: str) -> str:
        at = int(label)
        return f"{label} {visible(named[at])!r}" if 0 <= at < len(named) else label

    classes = counted(labels.num_classes or 0, "class")
    declared = " declared" if labels.declared else ""
    counts = {
        label: count
        for label, count in labels.counts.items()
        if 0 <= int(label) < (labels.num_classes or 0)
    }
    if not counts:
        return f"{classes}{declared}, no label among them{missing}"
    least, most = min(counts.values()), max(counts.values())
    if least == most:
        sizes = f"{counted(most, 'record')} each"
    else:
        rarest = min(counts, key=counts.__getitem__)
        largest = max(counts, key=counts.__getitem__)
        sizes = f"{least:,} (class {name(rarest)}) to {most:,} (class {name(largest)}) records each"
    return f"{classes}{declared}, {sizes}{missing}"


def value_line(values: ValueFigures) -> str:
    """Range, moments, and what is not finite."""
    about = "about " if values.approximate else ""
    text = f"{number(values.min)} to {number(values.max)}, "
    text += f"mean {about}{number(values.mean)}, std {about}{number(values.std)}"
    if values.nan or values.inf:
        text += f"; {values.nan:,} NaN, {values.inf:,} Inf"
    return text


def batch_table(report: Report) -> Iterator[str]:
    """Batch size against batches that lack a class, in store order and shuffled."""
    rows = [
        ("batch", "in store order:", "worst", "shuffled:", "a batch", "worst"),
        ("size", "lack a class", "class", "P(lacks a class)", "an epoch", "class"),
        *(batch_row(figures) for figures in report.batch_sizes),
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    least = report.min_batch_size
    if least is not None:
        yield (
            f"smallest safe batch size: {least.sequential:,} in store order, "
            f"{least.shuffled_1pct:,} shuffled (under 1% of batches lack a class)"
        )


def batch_row(figures: BatchFigures) -> tuple[str, ...]:
    """The cells of one batch size."""
    ordered, shuffled = figures.sequential, figures.shuffled
    return (
        f"{figures.batch_size:,}",
        f"{ordered.lacking:,} of {ordered.batches:,}",
        str(ordered.worst_label) if ordered.lacking else "-",
        percent(shuffled.p_lacking),
        f"{shuffled.expected_lacking_per_epoch:,.1f}",
        str(shuffled.worst_label) if shuffled.p_lacking > 0 else "-",
    )


def percent(share: float) -> str:
    """A share as a percentage; what is not 0 never looks like it."""
    if share == 0:
        return "0%"
    return f"{share:.2%}" if share >= 0.0001 else "< 0.01%"


def number(value: float | None) -> str:
    """A figure in at most six digits."""
    return "?" if value is None else f"{value:.6g}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 record", "2 classes"."""
    if noun == "info" or count == 1:
        return f"{count:,} {noun}"
    return f"{count:,} {noun}es" if noun.endswith("s") else f"{count:,} {noun}s"


def in_bytes(count: int) -> str:
    """A number of bytes in its unit: "154.2 MB"."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def visible(text: str) -> str:
    """Text whose control, format and unassigned characters show as escapes.

    Keys come out of the dataset: none of them may move the cursor, or turn the writing round.
    """
    return "".join(c if harmless(c) else c.encode("unicode_escape").decode() for c in text)


def harmless(character: str) -> bool:
    """Whether a character is a plain one."""
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def shortened(text: str, width: int) -> str:
    """Text cut in its middle to at most ``width`` characters."""
    if len(text) <= width:
        return text
    half = (width - 3) // 2
    return f"{text[: width - 3 - half]}...{text[-half:]}"


def wrapped(text: str, indent: str, width: int, *, hang: str = "") -> list[str]:
    """Text in lines of at most ``width``, unbreakable words excepted."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
