"""``datascan report``: shows a saved report, or renders it to files."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.errors import DatasetError
from datascan.files import MAX_REPORT_BYTES, read_typed
from datascan.plugins import output_helps


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("file", type=Path, metavar="FILE.json")
    for name, help_text in output_helps().items():
        command.add_argument(f"--{name}", metavar="FILE", help=help_text)


def run(args: argparse.Namespace) -> int:
    """Show a saved report, or write the requested outputs instead."""
    from datascan.cli.output import check_outputs, write_outputs
    from datascan.cli.progress import SignalWatcher, handle_signals
    from datascan.report.model import Report

    # A signal removes the temporary file of an output.
    handle_signals(SignalWatcher())
    check_outputs(args)
    try:
        text = read_typed(args.file, max_bytes=MAX_REPORT_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot read {args.file}: {error.strerror}") from error
    args.quiet = any(getattr(args, name.replace("-", "_")) is not None for name in output_helps())
    write_outputs(Report.from_json(text), args)
    return 0
