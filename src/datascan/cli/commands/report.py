"""``datascan report``: shows a saved report, or renders it to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import add_force_argument
from datascan.errors import DatasetError
from datascan.files import MAX_REPORT_BYTES, read_typed
from datascan.plugins import output_helps

if TYPE_CHECKING:
    from datascan.report.model import Report


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("file", type=Path, metavar="FILE.json")
    for name, help_text in output_helps().items():
        command.add_argument(f"--{name}", metavar="FILE", help=help_text)
    add_force_argument(command)


def run(args: argparse.Namespace) -> int:
    """Show a saved report, or write the requested outputs instead.

    Returns the exit status of the scan that made the report.
    """
    from datascan.cli.output import OutputFiles, guard_of, saved_status, write_outputs
    from datascan.cli.progress import SignalWatcher, handle_signals

    # A signal removes the temporary file of an output.
    handle_signals(SignalWatcher())
    files = OutputFiles(args, guard_of(args))
    files.check()
    written = any(getattr(args, name.replace("-", "_")) is not None for name in output_helps())
    args.quiet = 2 if written else 0
    report = read_report(args.file)
    write_outputs(report, args, files, origin=True)
    return files.finish(saved_status(report), quiet=args.json == "-")


def read_report(file: Path) -> Report:
    """The report that is saved in a file.

    Raises:
        DatasetError: if there is none; names the right command for what else the file is.
    """
    from datascan.cli.doors import describe, find_door
    from datascan.report.model import Report

    try:
        return Report.from_json(read_typed(file, max_bytes=MAX_REPORT_BYTES))
    except (OSError, DatasetError) as error:
        door = find_door(file)
        if door is not None:
            raise DatasetError(f"not a report: {describe(door, file)}") from error
        if isinstance(error, OSError):
            raise DatasetError(f"cannot read {file}: {error.strerror}") from error
        raise
