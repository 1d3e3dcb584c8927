"""Findings as GitHub Actions workflow commands, which show as annotations of the run.

GitHub shows at most ten of a kind a step. Escapes are those of its own toolkit
(``actions/toolkit``, command.ts): without them a key could issue commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datascan.report import Finding, Report

MOST = 10
KINDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report) -> str:
    """A line for each finding, at most ten of a kind; accepted ones are notices."""
    return render_all([report])


def render_all(reports: list[Report]) -> str:
    """The lines of all reports, at most ten of a kind in all, worst first."""
    lines: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for report in reports:
        for finding in report.findings:
            kind = "notice" if getattr(finding, "accepted", None) else KINDS[finding.severity]
            if len(lines[kind]) < MOST:
                lines[kind].append(annotation(kind, finding, report.dataset.path))
    return "".join(line for same in lines.values() for line in same)


def annotation(kind: str, finding: Finding, path: str) -> str:
    """One workflow command, in one line."""
    title = as_property(f"{finding.rule}: {path}")
    return f"::{kind} title={title}::{as_message(f'{finding.message}; {finding.fix}')}\n"


def as_message(value: str) -> str:
    """Escapes for the message of a command."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def as_property(value: str) -> str:
    """Escapes for a property of a command."""
    return as_message(value).replace(":", "%3A").replace(",", "%2C")
