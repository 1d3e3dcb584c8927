"""The head of a report on a terminal: the verdict, what was scanned, what was found in short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import INDENT, Paper, shorten
from datascan.report.model import LogReport, NetReport, describe_stop
from datascan.report.summary import (
    count_records,
    summarize_checked,
    summarize_findings,
    summarize_unmatched,
)
from datascan.text import format_bytes, pluralize

if TYPE_CHECKING:
    from datascan.report.figures import LogFigures
    from datascan.report.model import Report


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
