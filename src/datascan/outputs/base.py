"""What an output is: a module that renders reports as text.

``plugins.OUTPUTS`` lists the outputs that write a file, with the help of their options. An output
is imported only if it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from msgspec import Struct

from datascan.errors import OutputError
from datascan.plugins import Plugin, find_plugin, load, load_plugin, unusable
from datascan.report.failed_scan import FailedScan
from datascan.report.model import Report


class Output(Protocol):
    """A module, or an object like one, that renders reports of any kind."""

    HELP: str
    """The help of the option that asks for the output, such as "the report as JSON"."""

    def render(self, reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
        """The text of one report, several or none, and of the datasets that were not scanned.

        Reports may come from a file, so their text may hold any characters. Never raises.
        """
        ...


class GuardedOutput(Struct, frozen=True):
    """The output of another package. What it raises is an OutputError that names the plug-in."""

    plugin: Plugin
    output: Output

    @property
    def HELP(self) -> str:  # noqa: N802  (the name of outputs)
        """The help of the output."""
        return self.output.HELP

    def render(self, reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
        """The text of the output."""
        with self.plugin.failures_as(OutputError):
            return self.plugin.require(self.output.render(reports, failed), str, "render")


def load_output(name: str) -> Output:
    """The output of this name.

    Raises:
        UsageError: if it is another package's and cannot be used.
    """
    plugin = find_plugin("output", name)
    if plugin is None:
        return cast("Output", load(f"datascan.outputs.{name}"))
    output = load_plugin("output", name, output_problem)
    if output is None:
        raise unusable("output", name)
    return cast("Output", GuardedOutput(plugin, output))


def output_problem(loaded: Any) -> str | None:
    """What is wrong with the output of another package, if anything is."""
    if not callable(getattr(loaded, "render", None)):
        return f"{loaded!r} has no function render"
    if not isinstance(getattr(loaded, "HELP", None), str):
        return f"{loaded!r} has no text HELP"
    return None
