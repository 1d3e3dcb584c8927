"""Datasets of a scan of several that have no report."""

from __future__ import annotations

from typing import Literal, NamedTuple


class FailedScan(NamedTuple):
    """A dataset that was not scanned: its path, and the reason in a sentence.

    ``left_out``: it could have been, but another scan had ended all. ``verdict`` is its own.
    """

    path: str
    error: str
    left_out: bool = False

    @property
    def verdict(self) -> Literal["fail", "incomplete"]:
        """What it makes of a gate: nobody knows what a dataset that was left out holds."""
        return "incomplete" if self.left_out else "fail"
