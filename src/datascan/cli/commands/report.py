"""``datascan report``: show a saved report again, or render it to files."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.errors import DatasetError
from datascan.plugins import OUTPUTS


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("file", type=Path, metavar="FILE.json")
    for name, help_text in OUTPUTS.items():
        command.add_argument(f"--{name}", metavar="FILE", help=help_text)


def run(given: argparse.Namespace) -> int:
    """Show a saved report; where outputs are asked for, write those and show nothing."""
    from datascan.cli.output import check_outputs, write_outputs
    from datascan.report.model import Report

    check_outputs(given)
    try:
        text = given.file.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {given.file}: {error.strerror}") from error
    given.quiet = any(getattr(given, name) is not None for name in OUTPUTS)
    write_outputs(Report.from_json(text), given)
    return 0
