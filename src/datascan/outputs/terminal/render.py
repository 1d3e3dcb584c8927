"""The report for a person at a terminal: the verdict first, short enough to read in ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datascan.outputs.terminal.figures import batch_table, curves, statistics
from datascan.outputs.terminal.findings import rule_lines
from datascan.outputs.terminal.headline import (
    calm_lines,
    configuration_lines,
    headline,
    is_calm,
)
from datascan.outputs.terminal.paper import MIN_WIDTH, Paper
from datascan.report.model import LogReport, SourceReport
from datascan.text import pluralize

if TYPE_CHECKING:
    from datascan.report.failed_scan import FailedScan
    from datascan.report.figures import Finding
    from datascan.report.model import Report

HELP = "the report on a terminal"

TALL = 60


def render(  # noqa: PLR0913  (all but the first two by name, and optional)
    reports: Sequence[Report],
    failed: Sequence[FailedScan] = (),
    *,
    colour: bool = False,
    width: int = 100,
    unicode: bool = True,
    verbose: bool = True,
) -> str:
    """Reports and failed scans as text of lines up to ``width`` columns wide (tables: 80).

    Without ``unicode``, characters other than ASCII are escaped. Without ``verbose``, a report that
    needs no reading takes five lines.
    """
    paper = Paper(colour, max(width, MIN_WIDTH), unicode)
    blocks = [
        calm_lines(report, paper)
        if is_calm(report) and not verbose
        else report_lines(report, paper)
        for report in reports
    ]
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
    verdict = scan.verdict.upper()
    first, *more = paper.wrap(f"{verdict}  {paper.plain(scan.path)}", "", "      ")
    yield paper.paint(verdict, "warning" if scan.left_out else "error") + first[len(verdict) :]
    yield from more
    yield from paper.wrap(f"not scanned: {paper.plain(scan.error)}", "      ")


def body(report: Report, paper: Paper) -> Iterator[str]:
    """Findings and figures; for a source without the batch table, which would have one row."""
    rules: dict[tuple[str, bool], list[Finding]] = {}
    for finding in report.findings:
        rules.setdefault((finding.rule, finding.accepted is not None), []).append(finding)
    for same in rules.values():
        yield from ("", *rule_lines(same, report.dataset, paper))
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
