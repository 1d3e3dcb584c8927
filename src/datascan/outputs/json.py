"""The report as JSON (version 1 of its schema)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datascan.report.model import Report


def render(report: Report) -> str:
    """The report as indented JSON, with a line break at its end."""
    return report.to_json() + "\n"
