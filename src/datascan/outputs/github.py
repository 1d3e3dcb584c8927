"""Findings as GitHub Actions workflow commands, which show as annotations of the run.

GitHub shows at most ten annotations of each kind per step. Text is escaped as on a terminal, as the
log of the run is shown in one, and then for commands as by GitHub's own toolkit
(``actions/toolkit``, command.ts). Without these escapes, a key could issue commands.
"""

from __future__ import annotations

from collections.abc import Sequence

from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Finding
from datascan.report.model import Report
from datascan.report.titles import finding_title
from datascan.text import escape_control, pluralize

HELP = "annotations of a GitHub Actions run"
MAX_ANNOTATIONS = 10
KINDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A line for each rule in each dataset and each failed scan, at most ten of a kind.

    Accepted findings have none; those that are tolerated are notices.
    """
    lines: dict[str, list[str]] = {"error": [], "warning": [], "notice": []}
    for scan in failed:
        kind = "notice" if scan.left_out else "error"
        lines[kind].append(annotation(kind, f"not scanned: {scan.path}", scan.error))
    for report in (one for whole in reports for one in whole.reports):
        applied = report.configuration
        if applied is not None and applied.silences:
            lines["notice"].append(annotation("notice", report.name, applied.text))
        found: dict[str, list[Finding]] = {}
        for finding in report.findings:
            if finding.accepted is None:
                found.setdefault(finding.rule, []).append(finding)
        for rule, same in found.items():
            kind, text = describe_rule(same)
            title = f"{finding_title(same[0], report.dataset)} [{rule}]: {report.name}"
            lines[kind].append(annotation(kind, title, text))
    return "".join(line for same in lines.values() for line in same[:MAX_ANNOTATIONS])


def describe_rule(same: Sequence[Finding]) -> tuple[str, str]:
    """The kind of annotation for the findings of a rule, and its text: the first is the worst."""
    first = same[0]
    more = f"; and {pluralize(len(same) - 1, 'more finding')}" if len(same) > 1 else ""
    text = f"{first.summary}{more}; {first.fix}"
    if first.tolerated is not None:
        return "notice", f"{first.tolerated.text}: {text}"
    return KINDS[first.severity], text


def annotation(kind: str, title: str, message: str) -> str:
    """One workflow command, in one line."""
    return f"::{kind} title={as_property(title)}::{as_message(message)}\n"


def as_message(value: str) -> str:
    """Text as the message of a command: one line, as line breaks are escaped like all controls."""
    return escape_control(value).replace("%", "%25")


def as_property(value: str) -> str:
    """Text as a property of a command."""
    return as_message(value).replace(":", "%3A").replace(",", "%2C")
