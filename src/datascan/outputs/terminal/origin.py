"""How a report was made, for a person at a terminal: below a report that was saved."""

from __future__ import annotations

from datascan.outputs.terminal.paper import MIN_WIDTH, Paper
from datascan.report.model import Report
from datascan.report.origin import describe_origin


def render_origin(
    report: Report, *, colour: bool = False, width: int = 100, unicode: bool = True
) -> str:
    """Versions, options and fingerprint, after a blank line; "" for reports of datascan 0.1."""
    paper = Paper(colour, max(width, MIN_WIDTH), unicode)
    lines = [
        paper.paint(line, "faint").rstrip()
        for subject, text in describe_origin(report)
        for line in paper.wrap(f"{subject:<8}{paper.plain(text)}", "", " " * 8)
    ]
    return "\n".join(["", *lines, ""]) if lines else ""
