"""Scans of datasets on disk: the report, and the result that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datascan.config.options import Options
from datascan.report.model import DatasetReport, Finding
from datascan.scanner.result import ScanResult
from datascan.session import ScanSession


def report_of(path: Path, options: Options | None = None, *, charts: bool = False) -> DatasetReport:
    """The report of a scan."""
    return scan_of(path, options, charts=charts)[0]


def scan_of(
    path: Path, options: Options | None = None, *, charts: bool = False
) -> tuple[DatasetReport, ScanResult]:
    """The report of a scan and its result, whose reader is closed."""
    with ScanSession(path, options) as session:
        return session.report(charts=charts), session.scan()


def findings_of(path: Path, rule: str, **options: Any) -> list[Finding]:
    """The findings of one rule in a scan without worker processes."""
    report = report_of(path, Options.from_keywords(workers=0, select=(rule,), **options))
    return report.findings
