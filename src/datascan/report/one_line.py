"""A report in one line: what ``-q`` prints."""

from __future__ import annotations

from collections.abc import Iterator

from datascan.report.model import Report, describe_stop
from datascan.report.summary import describe_excluded, describe_part, summarize_findings
from datascan.text import escape_control


def describe_verdict(report: Report) -> str:
    """The verdict as people read it: "PASS", "FAIL" or "INCOMPLETE"."""
    return "INCOMPLETE" if report.is_incomplete else report.verdict.upper()


def describe_in_one_line(report: Report) -> str:
    """Verdict, path and counts, safe to print.

    "FAIL  train_lmdb  2 of 1,000 records have errors (0.2%), 1 more has warnings". What a
    configuration silences is named, as it is in a whole report.
    """
    return escape_control(f"{describe_verdict(report)}  {report.name}  {'; '.join(parts(report))}")


def parts(report: Report) -> Iterator[str]:
    """What was found, where the scan was stopped, and what the configuration silences."""
    yield summarize_findings(report) or "no findings"
    if part := describe_part(report):
        yield part
    if excluded := describe_excluded(report.dataset):
        yield excluded
    if not report.complete:
        yield describe_stop(report)
    applied = report.configuration
    if applied is not None and applied.silences:
        silenced = "; ".join(one.silences for one in applied.settings if one.silences)
        yield f"configuration {applied.file}: {silenced}"
