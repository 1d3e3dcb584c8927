"""A page of one report, or of several and of datasets that were not scanned, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datascan._version import __version__
from datascan.outputs.html.limits import Limits
from datascan.outputs.html.view_model import ReportView, build_view, format_value
from datascan.outputs.html.words import WORDS
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.report.several import find_verdict
from datascan.text import pluralize


@dataclass(frozen=True, slots=True)
class FailureView:
    """A dataset that was not scanned."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class PageView:
    """A page: one report, or a summary and a section for each of several."""

    title: str
    version: str
    verdict: str
    summary: str
    reports: tuple[ReportView, ...]
    reports_left: int
    failures: tuple[FailureView, ...]
    failures_left: int

    @property
    def words(self) -> tuple[tuple[str, str], ...]:
        """The words of the page that an owner of a dataset may not know, explained."""
        return WORDS

    @property
    def is_single(self) -> bool:
        """Whether the page is one report, whose head is that of the page."""
        return not self.summary

    @property
    def data(self) -> dict[str, Any]:
        """The data of the charts, by the id of the figure."""
        return {anchor: data for report in self.reports for anchor, data in report.data.items()}


def build_page(reports: Sequence[Report], failed: Sequence[FailedScan], limits: Limits) -> PageView:
    """The page of reports and failed scans within ``limits``."""
    if len(reports) == 1 and not failed:
        view = build_view(reports[0], limits)
        return PageView(view.title, view.version, view.verdict, "", (view,), 0, (), 0)
    verdict = find_verdict(reports, failed)
    summary = summarize(reports, failed)
    shown = [*enumerate(reports, 1)][: limits.reports]
    return PageView(
        title=f"{verdict.upper()} · {summary}",
        version=__version__,
        verdict=verdict,
        summary=summary,
        reports=tuple(
            build_view(
                report,
                limits.shared(len(reports)),
                f"report-{i}",
                level=2,
                within=f" of dataset {i}",
            )
            for i, report in shown
        ),
        reports_left=len(reports) - len(shown),
        failures=tuple(
            FailureView(format_value(scan.path, limits), format_value(scan.error, limits))
            for scan in failed[: limits.rows]
        ),
        failures_left=max(0, len(failed) - limits.rows),
    )


def summarize(reports: Sequence[Report], failed: Sequence[FailedScan]) -> str:
    """How many datasets there are, and how many of them failed."""
    count = len(reports) + len(failed)
    if not count:
        return "No dataset was scanned"
    incomplete = sum(report.is_incomplete for report in reports)
    parts = [f"{sum(not report.passed for report in reports) - incomplete:,} failed"]
    parts += [f"{incomplete:,} incomplete"] if incomplete else []
    parts += [f"{len(failed):,} not scanned"] if failed else []
    return f"{pluralize(count, 'dataset')}: {', '.join(parts)}"
