"""The reports of several datasets in one document, as ``datascan check --json`` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan._version import __version__
from datascan.report.model import DatasetReport, FailedScan, LogReport, NetReport, Report

CHECK_SCHEMA = "datascan-check/1"


class NotScanned(msgspec.Struct, frozen=True):
    """A dataset, or a pattern of datasets, that could not be scanned."""

    path: Annotated[str, Meta(description="As the configuration names it.")]
    error: Annotated[str, Meta(description="Why, in a sentence.")]


class SeveralReports(msgspec.Struct, frozen=True):
    """The reports of several datasets, however many there are, with the verdict on all of them."""

    schema: Literal["datascan-check/1"]
    datascan: Annotated[str, Meta(description="The version of datascan that wrote it.")]
    verdict: Annotated[
        Literal["pass", "fail"],
        Meta(description="fail: one failed, is incomplete, or could not be scanned."),
    ]
    datasets: Annotated[
        list[DatasetReport | NetReport | LogReport],
        Meta(description="As ``--json`` of a single scan has it, in the order of the scans."),
    ]
    not_scanned: list[NotScanned]

    @classmethod
    def of(cls, reports: Sequence[Report], failed: Sequence[FailedScan]) -> SeveralReports:
        """The document of these reports, and of scans that could not be made."""
        passed = not failed and all(report.passed for report in reports)
        return cls(
            "datascan-check/1",
            __version__,
            "pass" if passed else "fail",
            [one for one in reports if isinstance(one, DatasetReport | NetReport | LogReport)],
            [NotScanned(scan.path, scan.error) for scan in failed],
        )
