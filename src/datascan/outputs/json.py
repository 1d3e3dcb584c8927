"""Reports as JSON (version 1 of its schema)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from datascan.plugins import OUTPUTS
from datascan.report.model import FailedScan, Report

HELP = OUTPUTS["json"]


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """One report by itself; otherwise all of them in one object. Indented, ends in a line break."""
    if len(reports) == 1 and not failed:
        return reports[0].to_json() + "\n"
    return render_several(reports, failed)


def render_several(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """All reports in one object, however many there are, with the verdict on all of them."""
    passed = not failed and all(report.passed for report in reports)
    whole = {
        "verdict": "pass" if passed else "fail",
        "datasets": list(reports),
        "not_scanned": [{"path": scan.path, "error": scan.error} for scan in failed],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"
