"""To be written."""

from __future__ import annotations

from datascan.measures.faults import FaultCheck
from datascan.model import Severity


class CorruptImage(FaultCheck):
    """The image cannot be decoded in full, or its decoder reports damaged data."""

    rule = "corrupt-image"
    severity = Severity.ERROR
    fix = "fetch or encode these images again; delete them if they cannot be had"
    what = ("image cannot be decoded in full", "images cannot be decoded in full")
