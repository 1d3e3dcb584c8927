"""The reports of several datasets in one document, as ``datascan check --json`` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan._version import __version__
from datascan.report.failed_scan import FailedScan
from datascan.report.model import DatasetReport, LogReport, NetReport, Report


class NotScanned(msgspec.Struct, frozen=True):
    """A dataset, or a pattern of datasets, that was not scanned."""

    path: Annotated[str, Meta(description="As the configuration names it.")]
    error: Annotated[str, Meta(description="Why, in a sentence.")]


class SeveralReports(msgspec.Struct, frozen=True):
    """The reports of several datasets, however many there are, with the verdict on all of them."""

    schema: Literal["datascan-check/1"]
    datascan: Annotated[str, Meta(description="The version of datascan that wrote it.")]
    verdict: Annotated[
        Literal["pass", "fail", "incomplete"],
        Meta(
            description="fail: one failed, or could not be scanned; incomplete: else, one is, or "
            "was left out because another scan had ended all."
        ),
    ]
    datasets: Annotated[
        list[DatasetReport | NetReport | LogReport],
        Meta(description="As ``--json`` of a single scan has it, in the order of the scans."),
    ]
    not_scanned: list[NotScanned]

    @classmethod
    def of(cls, reports: Sequence[Report], failed: Sequence[FailedScan]) -> SeveralReports:
        """The document of these reports, and of scans that could not be made."""
        return cls(
            "datascan-check/1",
            __version__,
            find_verdict(reports, failed),
            [one for one in reports if isinstance(one, DatasetReport | NetReport | LogReport)],
            [NotScanned(scan.path, scan.error) for scan in failed],
        )


def find_verdict(
    reports: Sequence[Report], failed: Sequence[FailedScan]
) -> Literal["pass", "fail", "incomplete"]:
    """The verdict on several datasets: fail comes before incomplete, and that before pass."""
    verdicts = {scan.verdict for scan in failed} | {report.verdict for report in reports}
    if "fail" in verdicts:
        return "fail"
    is_open = "incomplete" in verdicts or any(report.is_incomplete for report in reports)
    return "incomplete" if is_open else "pass"
