"""``datascan report``: shows a saved report, or renders it to files."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.cli.arguments import add_force_argument
from datascan.errors import DatasetError
from datascan.files import MAX_REPORT_BYTES, read_typed
from datascan.plugins import output_helps


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
    from datascan.report.model import Report

    # A signal removes the temporary file of an output.
    handle_signals(SignalWatcher())
    files = OutputFiles(args, guard_of(args))
    files.check()
    try:
        text = read_typed(args.file, max_bytes=MAX_REPORT_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot read {args.file}: {error.strerror}") from error
    written = any(getattr(args, name.replace("-", "_")) is not None for name in output_helps())
    args.quiet = 2 if written else 0
    report = Report.from_json(text)
    write_outputs(report, args, files, origin=True)
    return files.finish(saved_status(report), quiet=args.json == "-")
