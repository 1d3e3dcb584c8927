"""``datascan lmdb``, ``leveldb``, ``hdf5``, ``images`` and ``scan``: scan one dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    add_path_arguments,
    options_of,
)
from datascan.plugins import COMMANDS

if TYPE_CHECKING:
    from datascan.scanner.result import ScanResult


ANY_FORMAT = (
    "Scan a dataset and report every bad record: an LMDB or LevelDB store, HDF5 files, or a folder "
    "of images. The format is detected automatically."
)


def add_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of the scan of one format, or of any of them."""
    command.description = ANY_FORMAT if name == "scan" else f"Scan {COMMANDS[name]}."
    add_path_arguments(command, name)
    add_option_arguments(command, name)
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")
    command.set_defaults(backend=None if name == "scan" else name)


def run(given: argparse.Namespace) -> int:
    """Scan, write what was asked for, and print the report."""
    from msgspec.structs import replace

    from datascan.cli.files import write
    from datascan.cli.output import check_outputs, exit_status, write_outputs
    from datascan.cli.progress import cancellable
    from datascan.config.file import resolve_settings
    from datascan.config.options import Options
    from datascan.report import bad_records
    from datascan.session import run_scan

    settings = resolve_settings(given.paths[0], options_of(given), given.config)
    backend = given.backend or settings.get("backend")
    settings.pop("backend", None)
    # What only a page shows is left out where nobody will see a page.
    shown = given.html is not None or given.json not in (None, "-")
    options = Options.from_keywords(**settings).replace(charts=shown)
    check_outputs(given, "bad-records", "resume")
    with cancellable(given) as (progress, interrupt):

        def keep_bad_records(scanned: ScanResult) -> None:
            progress.close()
            if given.bad_records:
                write(Path(given.bad_records), bad_records.iter_bad_records(scanned))

        report = run_scan(
            given.paths, options, backend=backend, progress=progress, use=keep_bad_records
        )
    if shown:
        report = replace(report, command=given.typed)
    write_outputs(report, given)
    return exit_status(report, interrupt)
