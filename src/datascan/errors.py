"""The errors that datascan raises for its users: each holds one clear sentence."""

from __future__ import annotations

from typing import Any


class DatascanError(Exception):
    """Base of all errors that end a scan with exit status 2.

    Holds only its sentence, so that it crosses process borders.
    """


class UsageError(DatascanError):
    """An option or argument that cannot be meant."""


class DatasetError(DatascanError):
    """A path that is no dataset, or that cannot be read at all."""


class OutputError(DatascanError):
    """A report that cannot be written."""


class FindingsError(DatascanError):
    """A dataset has findings that fail it; ``findings`` holds them, the text lists the first ones.

    Raised on request only (``Report.raise_for_findings``); it crosses process borders too.
    """

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message, findings)
        self.findings = findings

    def __str__(self) -> str:
        return str(self.args[0])
