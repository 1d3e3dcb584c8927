"""What an output is: a module that renders reports as text.

``plugins.OUTPUTS`` lists the outputs that write a file, with the help of their options. An output
is imported only if it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from datascan.plugins import load
from datascan.report.model import FailedScan, Report


class Output(Protocol):
    """A module, or an object like one, that renders reports of any kind."""

    HELP: str
    """The help of the option that asks for the output, such as "the report as JSON"."""

    def render(self, reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
        """The text of one report, several or none, and of the datasets that were not scanned.

        Reports may come from a file, so their text may hold any characters. Never raises.
        """
        ...


def load_output(name: str) -> Output:
    """The output of this name."""
    output: Output = load(f"datascan.outputs.{name}")
    return output
