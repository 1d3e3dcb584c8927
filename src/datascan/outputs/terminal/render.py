"""The report for a person at a terminal: the verdict first, short enough to read in ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import MIN_WIDTH, Paper, columns, shorten
from datascan.outputs.terminal.plot import plot
from datascan.report.model import LogReport, NetReport, SourceReport, describe_stop
from datascan.report.summary import (
    count_records,
    describe_targets,
    summarize_checked,
    summarize_findings,
    summarize_unmatched,
)
from datascan.text import format_bytes, format_number, format_percent, format_shape, pluralize

if TYPE_CHECKING:
    from datascan.report.figures import (
        Accepted,
        BatchFigures,
        Example,
        Finding,
        LabelFigures,
        LogCurve,
        LogFigures,
        ShapeFigures,
        ValueFigures,
    )
    from datascan.report.model import FailedScan, Report

HELP = "the report on a terminal"

SHOWN_FINDINGS = 4
SHOWN_EXAMPLES = 3
SHOWN_SHAPES = 4
IMAGE_LAYOUTS = ("image", "ocr")
"""The layouts whose records are encoded images."""

MAX_EXAMPLES = 20
KEY_WIDTH = 48
NAME_WIDTH = 1000
"""Names and details are shown whole, so that they can be pasted, unless they are absurdly long."""

TALL = 60
PLOT_WIDTH = 90
INDENT = "  "


def render(
    reports: Sequence[Report],
    failed: Sequence[FailedScan] = (),
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
) -> str:
    """Reports and failed scans as text of lines up to ``width`` columns wide (tables: 80).

    Without ``unicode``, characters other than ASCII are escaped.
    """
    paper = Paper(colour, max(width, MIN_WIDTH), unicode)
    blocks = [report_lines(report, paper) for report in reports]
    blocks += [[*failure_lines(scan, paper)] for scan in failed]
    lines = [line for block in blocks for line in ["", *block]][1:] or ["no dataset was scanned"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def report_lines(report: Report, paper: Paper) -> list[str]:
    """A report, followed by those of its sources."""
    head = [*configuration_lines(report, paper), *headline(report, paper)]
    lines = [*head, *body(report, paper)]
    for source in report.sources or ():
        lines += ["", *source_title(source, paper)]
        if source.configuration != report.configuration:
            lines += configuration_lines(source, paper)
        lines += [*headline(source, paper), *body(source, paper)]
    if len(lines) > TALL:
        # The first lines have scrolled off the screen.
        lines += ["", *head]
    return lines


def failure_lines(scan: FailedScan, paper: Paper) -> Iterator[str]:
    """A dataset that was not scanned, and the reason."""
    first, *more = paper.wrap(f"FAIL  {paper.plain(scan.path)}", "", "      ")
    yield paper.paint("FAIL", "error") + first[4:]
    yield from more
    yield from paper.wrap(f"not scanned: {paper.plain(scan.error)}", "      ")


def body(report: Report, paper: Paper) -> Iterator[str]:
    """Findings and figures; for a source without the batch table, which would have one row."""
    rules: dict[tuple[str, bool], list[Finding]] = {}
    for finding in report.findings:
        rules.setdefault((finding.rule, finding.accepted is not None), []).append(finding)
    for same in rules.values():
        yield from ("", *rule_lines(same, report.dataset.records, paper))
    if isinstance(report, LogReport) and report.log_curve is not None:
        yield from curves(report.log_curve, paper, broken=report.log.cause == "lr-not-finite")
    figures = [*statistics(report, paper)]
    yield from ["", *figures] if figures else []
    if report.batch_sizes and not isinstance(report, SourceReport):
        yield from ("", *batch_table(report, paper))


def source_title(source: SourceReport, paper: Paper) -> Iterator[str]:
    """A separator: which layer of the net reads a source, in which phase and batch size."""
    parts = [f"{source.phase}: layer {paper.plain(source.layer or '?')}"]
    if source.batch_size:
        parts.append(f"batch size {source.batch_size:,}")
    if source.num_classes:
        parts.append(pluralize(source.num_classes, "class"))
    yield from (paper.paint(line, "faint") for line in paper.wrap(f"-- {', '.join(parts)}", ""))


def headline(report: Report, paper: Paper) -> Iterator[str]:
    """Verdict, dataset, size and time."""
    source = report.dataset
    verdict = "INCOMPLETE" if report.is_incomplete else report.verdict.upper()
    mood = {"PASS": "pass", "INCOMPLETE": "warning"}.get(verdict, "error")
    indent = " " * (len(verdict) + 2)
    kind = f"({paper.plain(source.backend)}, {paper.plain(source.layout)})"
    first, *more = paper.wrap(f"{verdict}  {paper.plain(source.path)}  {kind}", "", indent)
    yield paper.paint(verdict, mood) + first[len(verdict) :]
    yield from more
    size = f"{count_records(source)}, {format_bytes(source.bytes)} in "
    size += f"{report.elapsed_seconds:,.2f} s"
    if isinstance(report, LogReport):
        size = log_line(report.log, report.log_runs)
    elif isinstance(report, NetReport):
        sources = report.sources
        size = f"{pluralize(len(sources), 'source')}, {size}" if sources else "no data was scanned"
    yield from paper.wrap(size, "      ")
    clean = "no findings"
    if report.complete and source.records:
        clean = "no findings; nothing here should break training"
    yield from paper.wrap(summarize_findings(report) or clean, "      ")
    if source.other_files:
        text = f"{pluralize(source.other_files, 'non-image file')} ignored"
        yield from (paper.paint(line, "faint") for line in paper.wrap(text, "      "))
    if not report.complete:
        text = describe_stop(report)
        yield from (paper.paint(line, "warning") for line in paper.wrap(text, "      "))
    if unmatched := summarize_unmatched(report.unmatched):
        lines = paper.wrap(paper.plain(unmatched), "      ")
        yield from (paper.paint(line, "warning") for line in lines)
    if report.checked is not None and not isinstance(report, NetReport | LogReport):
        text = summarize_checked(report.checked)
        yield from (paper.paint(line, "faint") for line in paper.wrap(text, "      "))


def configuration_lines(report: Report, paper: Paper) -> Iterator[str]:
    """The configuration file in use and its settings: what it silences shows in no finding."""
    applied = report.configuration
    if applied is None:
        return
    kind = "warning" if applied.silences else "faint"
    file = shorten(paper.plain(applied.file), max(20, paper.width // 2))
    text = f"configuration {file}: {paper.plain(applied.effect)}"
    yield from (paper.paint(line, kind) for line in paper.wrap(text, "", INDENT))


def log_line(log: LogFigures, runs: int | None) -> str:
    """A training log in one line."""
    parts = [f"{pluralize(log.iterations, 'iteration')}"]
    if runs:
        parts.append(f"1 of {runs:,} runs shown")
    if log.last_finite_iteration is not None:
        parts.append(f"loss finite at {log.last_finite_iteration:,}")
    if log.first_nonfinite_iteration is not None:
        parts.append(f"not at {log.first_nonfinite_iteration:,}")
    return ", ".join(parts)


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
        lines = plot(places, values, width, unicode=paper.unicode)
        if lines:
            yield from ("", f"{name} by iteration", *lines)


def rule_lines(same: Sequence[Finding], records: int, paper: Paper) -> Iterator[str]:
    """The findings of one rule in a dataset of ``records`` records, and how to fix them."""
    first = same[0]
    rule = shorten(paper.plain(first.rule), min(KEY_WIDTH, paper.width - 8))
    known = first.accepted is not None
    mark = "accepted" if known else first.severity.upper()
    title, share = f"{mark:<8}{' ' * known}{rule}", share_of(same, records)
    fits = columns(title) + columns(share) <= paper.width
    yield paper.paint(title, "faint" if known else first.severity) + (share if fits else "")
    for finding in same[:SHOWN_FINDINGS]:
        less = "" if finding.severity == first.severity else f"({finding.severity}) "
        yield from finding_lines(finding, paper, less)
    if len(same) > SHOWN_FINDINGS:
        yield paper.paint(f"{INDENT}and {len(same) - SHOWN_FINDINGS:,} more of this rule", "faint")
    if first.accepted is not None:
        yield from paper.wrap(acceptance(first.accepted, paper), INDENT, INDENT)
        return
    # The first finding is the worst.
    yield from paper.wrap("-> " + paper.plain(first.fix), INDENT, "   ")


def acceptance(why: Accepted, paper: Paper) -> str:
    """Why a finding is accepted, and until when."""
    until = "" if why.expires is None else f" (until {why.expires.isoformat()})"
    return f"accepted: {paper.plain(why.reason)}{until}"


def share_of(same: Sequence[Finding], records: int) -> str:
    """The share of records in the only finding of a rule; empty if there are several findings."""
    count = same[0].records
    if len(same) > 1 or not 0 < count <= records:
        return ""
    return f"  {format_percent(count / records)} of records"


def finding_lines(finding: Finding, paper: Paper, severity: str = "") -> Iterator[str]:
    """A finding: its message and first examples; ``severity``, if it differs from the heading."""
    yield from paper.wrap(severity + paper.plain(finding.message), INDENT, INDENT)
    named = any(example.index is not None for example in finding.examples)
    shown = [e for e in finding.examples if e.index is not None or e.detail not in finding.message]
    for example in shown[:SHOWN_EXAMPLES]:
        yield from example_lines(example, paper)
    more = max(finding.records if named else 0, len(shown)) - SHOWN_EXAMPLES
    if more > 0:
        hint = "; --bad-records FILE lists them all" if named else ""
        least = "at least " if not named and len(finding.examples) >= MAX_EXAMPLES else ""
        for line in paper.wrap(f"and {least}{more:,} more{hint}", INDENT * 2, INDENT):
            yield paper.paint(line, "faint")


def example_lines(example: Example, paper: Paper) -> Iterator[str]:
    """One example: number and key of the record, and the detail."""
    detail = shorten(paper.plain(example.detail), NAME_WIDTH)
    if example.index is not None:
        key = shorten(paper.plain(example.key or ""), NAME_WIDTH)
        # Without separators, so that the index can be pasted.
        detail = f"#{example.index}  {key}  {detail}"
    yield from paper.wrap(detail, INDENT * 2, INDENT)


def statistics(report: Report, paper: Paper) -> Iterator[str]:
    """How names were understood, labels, shapes and values, one line each."""
    for subject, text in (report.dataset.notes or {}).items():
        yield from paper.wrap(f"{paper.plain(subject):<8}{paper.plain(text)}", "", " " * 8)
    if report.labels is not None:
        yield from paper.wrap(f"labels  {label_line(report.labels, paper)}", "", " " * 8)
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


def label_line(labels: LabelFigures, paper: Paper) -> str:
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
    return f"{classes}{declared}, {class_sizes(labels, counts, paper)}{missing}"


def class_sizes(labels: LabelFigures, counts: dict[str, int], paper: Paper) -> str:
    """How many classes are empty, and the sizes of the others."""
    empty = (labels.num_classes or 0) - len(counts)
    if empty:
        verb = "is" if empty == 1 else "are"
        return f"{empty:,} of which {verb} empty, {used_sizes(labels, counts, paper)}"
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
