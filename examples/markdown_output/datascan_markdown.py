"""datascan reports as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from datascan.report.model import FailedScan, Report

HELP = "findings as a Markdown table"


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A row for each finding, each clean dataset and each failed scan."""
    rows = []
    for report in (part for whole in reports for part in whole.reports):
        for finding in report.findings:
            mark = "" if finding.accepted is None else " (accepted)"
            severity = f"{finding.severity}{mark}"
            rows.append((report.name, finding.rule, severity, finding.message))
        if not report.findings:
            rows.append((report.name, "", "", "no findings"))
    rows += [(scan.path, "", "error", f"not scanned: {scan.error}") for scan in failed]
    table = [("dataset", "rule", "severity", "what was found"), ("---",) * 4]
    table += [tuple(map(cell, row)) for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in table)


def cell(text: str) -> str:
    """Text as the content of a cell: in one line, and without markup."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>|#!~" else c for c in text)
