"""The errors that datascan raises for its users: each holds one clear sentence."""

from __future__ import annotations


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
