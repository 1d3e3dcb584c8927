"""A report of a scan that was stopped after the dataset had been read."""

from __future__ import annotations

from msgspec.structs import replace

from datascan.report.model import DatasetReport


def stopped(report: DatasetReport) -> DatasetReport:
    """The report, marked incomplete: what was to be added to it is missing."""
    verdict = "fail" if report.verdict == "fail" else "incomplete"
    return replace(report, complete=False, verdict=verdict)
