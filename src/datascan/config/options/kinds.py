"""What values of options may be: their types with ranges, and the headings of ``--help``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from datascan.config.option_field import MAX_INT

LabelType = Literal["auto", "class", "regression", "none"]
FailOn = Literal["error", "warning", "never"]
SeverityName = Literal["error", "warning", "info"]

Positive = Annotated[int, Meta(ge=1, le=MAX_INT)]
NonNegative = Annotated[int, Meta(ge=0, le=MAX_INT)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]
Text = Annotated[str, Meta(min_length=1)]

LABELS, RULES, HOW = GROUPS = "labels", "rules", "how to scan"
"""Headings in ``--help``, in their order."""


class Severity(StrEnum):
    """How bad a finding is; ``rank`` orders them."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return ("info", "warning", "error").index(self.value)
