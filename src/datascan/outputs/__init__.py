"""Outputs: each module renders a report and nothing else.

A module with ``HELP``, a line for people, and ``render(report) -> str`` writes a file: the option
of its name asks for it. Modules import nothing heavy before they render.
"""

from __future__ import annotations

from types import ModuleType

from datascan.discovery import modules


def file_outputs() -> dict[str, ModuleType]:
    """The outputs that write a file, under the names of their options (without dashes)."""
    return {name_of(m): m for m in modules("outputs") if hasattr(m, "HELP")}


def name_of(module: ModuleType) -> str:
    """The last part of a module's name."""
    return module.__name__.rpartition(".")[2]
