"""Outputs: each module renders reports and nothing else.

``plugins.OUTPUTS`` lists those that write a file, with the help of their options. Modules import
nothing heavy before they render.
"""

from __future__ import annotations

from types import ModuleType

from datascan.plugins import load


def load_output(name: str) -> ModuleType:
    """The module of an output that writes a file."""
    module: ModuleType = load(f"datascan.outputs.{name}")
    return module
