"""The configuration file of a command, and what is said about it on standard error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.internal_error import say

if TYPE_CHECKING:
    from datascan.config.applied import AppliedConfiguration
    from datascan.config.file import ConfigFile


def load_config(named: Path | None) -> ConfigFile | None:
    """The configuration that holds; files that were found but are not used are named.

    Raises:
        UsageError: if it cannot be read, or has a value that is not allowed.
    """
    from datascan.config.discovery.search import find_config

    found = find_config(named)
    for file in found.passed_over:
        say(str(file))
    return found.config


def print_configuration(applied: AppliedConfiguration | None) -> None:
    """Name the configuration in use, for commands whose output is not a report."""
    if applied is not None:
        say(applied.text)
