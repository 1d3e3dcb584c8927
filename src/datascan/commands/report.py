"""``datascan report``: show a saved report again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from datascan.errors import DatasetError

PLACE = 20


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("report", help="show a report that was saved with --json")
    command.add_argument("file", type=Path, metavar="FILE.json")
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Show a saved report."""
    from datascan.delivery import show
    from datascan.report import Report

    try:
        text = given.file.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {given.file}: {error.strerror}") from error
    show(Report.from_json(text))
    return 0
