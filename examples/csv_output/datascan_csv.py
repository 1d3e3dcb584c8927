"""datascan reports as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from datascan.report.model import FailedScan, Report

HELP = "findings as a CSV table"


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A row for each finding, each clean dataset and each failed scan."""
    rows = [("dataset", "rule", "severity", "what was found")]
    for report in (part for whole in reports for part in whole.reports):
        for finding in report.findings:
            mark = "" if finding.accepted is None else " (accepted)"
            severity = f"{finding.severity}{mark}"
            rows.append((report.name, finding.rule, severity, finding.message))
        if not report.findings:
            rows.append((report.name, "", "", "no findings"))
    rows += [(scan.path, "", "error", f"not scanned: {scan.error}") for scan in failed]
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(map(cell, row) for row in rows)
    return table.getvalue()


def cell(text: str) -> str:
    """Text in one line, which a spreadsheet does not take for a formula."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
