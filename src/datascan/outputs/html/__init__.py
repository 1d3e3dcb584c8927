"""The report as one HTML page that needs nothing beside it, and asks nobody for anything.

``page`` says what stands in it, ``templates`` how, ``assets`` how it looks and what moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datascan.report.model import Report


def render(report: Report) -> str:
    """The report as HTML of less than 2 MB, with a Content-Security-Policy of its own."""
    from datascan.outputs.html.page import page

    return page(report)
