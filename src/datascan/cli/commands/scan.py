"""``datascan lmdb``, ``leveldb``, ``hdf5``, ``images`` and ``scan``: scan one dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    add_path_arguments,
    options_of,
)
from datascan.plugins import command_helps

ANY_FORMAT = (
    "Scan a dataset and report every bad record: an LMDB or LevelDB store, HDF5 files, or a folder "
    "of images. The format is detected automatically."
)


def add_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of the scan of one format, or of any of them."""
    command.description = ANY_FORMAT if name == "scan" else f"Scan {command_helps()[name]}."
    add_path_arguments(command, name)
    add_option_arguments(command, name)
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")
    command.set_defaults(backend=None if name == "scan" else name)


def run(args: argparse.Namespace) -> int:
    """Scan the dataset and write the report. Returns the exit status."""
    from datascan.cli.configuration import load_config
    from datascan.cli.files import write
    from datascan.cli.output import (
        check_outputs,
        exit_status,
        wants_charts,
        with_command,
        write_outputs,
    )
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import resolve_settings
    from datascan.report.bad_records import iter_bad_records
    from datascan.session import ScanSession

    settings = resolve_settings(load_config(args.config), args.paths[0], options_of(args))
    backend = args.backend or settings.backend
    options = settings.options()
    check_outputs(args, "bad-records", "resume")
    with (
        cancellable(args) as (progress, signals),
        ScanSession(args.paths, options, reader=backend, progress=progress) as session,
    ):
        report = session.report(charts=wants_charts(args))
        progress.close()
        if args.bad_records:
            write(Path(args.bad_records), iter_bad_records(session.scan()))
    write_outputs(with_command(report, args), args)
    return exit_status(report, signals)
