"""The head of a report on a terminal: the verdict, what was scanned, what was found in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import INDENT, Paper, columns, shorten
from datascan.report.model import LogReport, NetReport, describe_stop
from datascan.report.summary import (
    count_records,
    describe_clean,
    describe_excluded,
    describe_part,
    summarize_checked,
    summarize_findings,
    summarize_unmatched,
)
from datascan.text import format_bytes, pluralize

if TYPE_CHECKING:
    from datascan.report.figures import LogFigures
    from datascan.report.model import Report

HEAD = " " * 6
"""The indent of the lines below the verdict."""

CALM_LINES = 5
"""The most lines of a report that needs no reading, if the paper is wide enough."""


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
    yield from paper.wrap(size_of(report), HEAD)
    if isinstance(report, LogReport):
        for note in report.log.notes or ():
            yield from (paper.paint(line, "faint") for line in paper.wrap(paper.plain(note), HEAD))
    yield from opening_lines(report, paper)
    if excluded := describe_excluded(source):
        yield from (paper.paint(line, "faint") for line in paper.wrap(excluded, HEAD))
    if source.other_files:
        text = f"{pluralize(source.other_files, 'non-image file')} ignored"
        yield from (paper.paint(line, "faint") for line in paper.wrap(text, HEAD))
    if report.cache is not None and (text := str(report.cache)):
        yield from (paper.paint(line, "faint") for line in paper.wrap(paper.plain(text), HEAD))
    if not report.complete:
        text = describe_stop(report)
        yield from (paper.paint(line, "warning") for line in paper.wrap(text, HEAD))
    if unmatched := summarize_unmatched(report.unmatched):
        lines = paper.wrap(paper.plain(unmatched), HEAD)
        yield from (paper.paint(line, "warning") for line in lines)
    if report.checked is not None and not isinstance(report, NetReport | LogReport):
        text = summarize_checked(report.checked)
        yield from (paper.paint(line, "faint") for line in paper.wrap(text, HEAD))


def opening_lines(report: Report, paper: Paper) -> Iterator[str]:
    """What has to be done, and how many records have findings."""
    counts = summarize_findings(report)
    if report.opening:
        yield from paper.wrap("  ".join(map(paper.plain, report.opening)), HEAD)
        yield from (paper.paint(line, "faint") for line in paper.wrap(counts, HEAD) if counts)
        return
    yield from paper.wrap(counts or paper.plain(describe_clean(report)), HEAD)


def size_of(report: Report) -> str:
    """How many records and bytes were read in what time; of a log, its iterations."""
    source = report.dataset
    size = f"{count_records(source)}, {format_bytes(source.bytes)} in "
    size += f"{report.elapsed_seconds:,.2f} s"
    if isinstance(report, LogReport):
        return log_line(report.log, report.log_runs)
    if isinstance(report, NetReport):
        count = len(report.sources)
        return f"{pluralize(count, 'source')}, {size}" if count else "no data was scanned"
    return size


def is_calm(report: Report) -> bool:
    """Whether the report needs no reading: it passed, with nothing but notes and accepted findings.

    Reports of sources count as well. What was assumed of a training log has to be read.
    """
    if isinstance(report, LogReport) and report.log.notes:
        return False
    return report.passed and all(
        finding.severity == "info" or finding.accepted is not None
        for finding in report.all_findings
    )


def calm_lines(report: Report, paper: Paper) -> list[str]:
    """A report that needs no reading, in five lines: more only if the configuration hides things.

    What was left out or not read again is said; everything else is left to ``--verbose``.
    """
    verdict = f"PASS  {paper.plain(report.dataset.path)}"
    source = report.dataset
    kind = f"  ({paper.plain(source.backend)}, {paper.plain(source.layout)})"
    whole = verdict + kind if columns(verdict + kind) <= paper.width else verdict
    labels = report.labels
    classes = labels.num_classes if labels is not None and labels.kind == "class" else None
    size = size_of(report)
    if classes:
        count, _, rest = size.rpartition(", ")
        size = f"{count}, {pluralize(classes, 'class')}, {rest}"
    said = " ".join(map(paper.plain, report.opening or ["No findings."]))
    applied = report.configuration
    configured = [*configuration_lines(report, paper)]
    if applied is not None and not applied.silences:
        configured = configured[:1]
    for inner in report.sources or ():
        own = inner.configuration
        if own is not None and own.silences and own != applied:
            configured += configuration_lines(inner, paper)
    lines = [
        paper.paint("PASS", "pass") + whole[4:],
        HEAD + shorten(size, paper.width - len(HEAD)),
        *paper.wrap(said, HEAD),
    ]
    if unread := describe_unread(report):
        text = HEAD + shorten(paper.plain(unread), paper.width - len(HEAD))
        lines.append(paper.paint(text, "faint"))
    if len(lines) == CALM_LINES and applied is not None and not applied.silences:
        configured = []
    if len(configured[:1]) + len(lines) < CALM_LINES:
        rest = shorten(rest_of(report), paper.width - len(HEAD))
        lines.append(paper.paint(f"{HEAD}{rest}", "faint"))
    return [*configured, *lines]


def describe_unread(report: Report) -> str:
    """What was left out and what was not read again, in one short line; "" if nothing."""
    reused = str(report.cache).partition(":")[0] if report.cache is not None else ""
    # The size of a dataset says so itself, but not that of a net.
    part = describe_part(report) if isinstance(report, NetReport) else ""
    return "; ".join(text for text in (part, describe_excluded(report.dataset), reused) if text)


def rest_of(report: Report) -> str:
    """What else there is to read, in one line."""
    status = Counter(rule.status for rule in report.checked or ())
    passed = pluralize(status["passed"] + status["failed"], "rule")
    parts = [f"{passed} applied"] if report.checked else []
    if absent := status["not-applicable"]:
        parts.append(f"{absent:,} {'does' if absent == 1 else 'do'} not apply")
    accepted = sum(finding.accepted is not None for finding in report.all_findings)
    notes = len(report.all_findings) - accepted
    parts += [pluralize(notes, "note")] if notes else []
    parts += [f"{accepted:,} accepted"] if accepted else []
    if report.unmatched:
        parts.append(f"{pluralize(len(report.unmatched), 'baseline entry')} without a finding")
    return f"{', '.join(parts)}; --verbose shows more" if parts else "--verbose shows more"


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
