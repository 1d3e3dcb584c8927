"""``datascan report``: show a saved report again, or render it to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from datascan.errors import DatasetError
from datascan.outputs import file_outputs

PLACE = 20


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "report", help="show a report that was saved with --json, or write it in another form"
    )
    command.add_argument("file", type=Path, metavar="FILE.json")
    for name, output in file_outputs().items():
        command.add_argument(f"--{name}", metavar="FILE", help=output.HELP)
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Show a saved report; where outputs are asked for, write those and show nothing."""
    from datascan.delivery import check_outputs, hand_out
    from datascan.report import Report

    check_outputs(given)
    try:
        text = given.file.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {given.file}: {error.strerror}") from error
    given.quiet = any(getattr(given, name) is not None for name in file_outputs())
    hand_out(Report.from_json(text), given)
    return 0
