"""Reports as one self-contained HTML page: it works offline and makes no network requests.

``view_model`` decides what the page contains, ``templates`` how it is laid out, ``assets`` how it
looks and behaves.
"""

from __future__ import annotations

from collections.abc import Sequence

from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report

HELP = OUTPUTS["html"]


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A page of less than 2 MB, with a Content-Security-Policy of its own."""
    # Jinja is slow to import, and not needed to list the outputs.
    from datascan.outputs.html.page import page

    return page(reports, failed)
