"""Reports as JSON (version 1 of its schema)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report
from datascan.report.several import SeveralReports
from datascan.text import escape_in_json

HELP = OUTPUTS["json"]


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """One report by itself; otherwise all of them in one object. Indented, ends in a line break."""
    if len(reports) == 1 and not failed:
        return reports[0].to_json() + "\n"
    return render_several(reports, failed)


def render_several(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """All reports in one object, however many there are, with the verdict on all of them."""
    whole = msgspec.json.encode(SeveralReports.of(reports, failed))
    return escape_in_json(msgspec.json.format(whole, indent=2).decode()) + "\n"
