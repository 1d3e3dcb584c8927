"""Reports as JSON (version 1 of its schema)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from datascan.plugins import OUTPUTS
from datascan.report.model import FailedScan, Report
from datascan.text import escape_in_json

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
        "datasets": [json.loads(report.to_json()) for report in reports],
        "not_scanned": [{"path": scan.path, "error": scan.error} for scan in failed],
    }
    return escape_in_json(json.dumps(whole, indent=2)) + "\n"
