"""The index of a folder with a page for each dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from datascan._version import __version__
from datascan.outputs.html.limits import LIMITS
from datascan.outputs.html.page import STYLES, asset, digest, environment
from datascan.outputs.html.page_view import summarize
from datascan.outputs.html.view_model import format_value
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.report.one_line import describe_verdict
from datascan.report.several import find_verdict
from datascan.report.summary import summarize_findings

MAX_ROWS = 5_000
"""So that the index stays below 2 MB, however long the names are."""


@dataclass(frozen=True, slots=True)
class Row:
    """A dataset: its verdict, path and page, and what was found."""

    verdict: str
    path: str
    page: str
    found: str


def render_index(
    reports: Sequence[Report], failed: Sequence[FailedScan], pages: Mapping[str, str]
) -> str:
    """The page with a row for each dataset; ``pages`` are the names of their pages, by path."""
    limits = LIMITS[0]
    rows = [
        Row(
            describe_verdict(report),
            format_value(report.dataset.path, limits),
            pages.get(report.dataset.path, ""),
            format_value(summarize_findings(report) or "no findings", limits),
        )
        for report in reports
    ]
    rows += [
        Row(
            scan.verdict.upper(),
            format_value(scan.path, limits),
            "",
            format_value(scan.error, limits),
        )
        for scan in failed
    ]
    style = asset(STYLES)
    verdict, summary = find_verdict(reports, failed), summarize(reports, failed)
    template = environment().get_template("index.html.jinja")
    text = template.render(
        title=f"{verdict.upper()} · {summary}",
        verdict=verdict,
        summary=summary,
        rows=rows[:MAX_ROWS],
        left=max(0, len(rows) - MAX_ROWS),
        version=__version__,
        style=Markup(style),  # noqa: S704  (our own files)
        policy=(
            f"default-src 'none'; img-src data:; style-src '{digest(style)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
    )
    return f"{text}\n"
