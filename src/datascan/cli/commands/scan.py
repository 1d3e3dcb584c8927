"""``datascan lmdb``, ``leveldb``, ``hdf5``, ``images`` and ``scan``: scan one dataset."""

from __future__ import annotations

import argparse

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    add_path_arguments,
    options_of,
)
from datascan.cli.plan import add_plan_argument
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
    add_plan_argument(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")
    command.set_defaults(backend=None if name == "scan" else name)


def run(args: argparse.Namespace) -> int:
    """Scan the dataset and write the report. Returns the exit status."""
    from datascan.cli.configuration import load_config
    from datascan.cli.internal_error import say
    from datascan.cli.missing import describe_slowness
    from datascan.cli.output import (
        OutputFiles,
        advise,
        exit_status,
        guard_of,
        is_quiet,
        wants_charts,
        with_command,
        write_outputs,
    )
    from datascan.cli.plan import check_plan, print_plan
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import configured_paths, resolve_settings
    from datascan.report.bad_records import iter_bad_records
    from datascan.session import ScanSession

    config = load_config(args.config)
    settings = resolve_settings(config, args.paths[0], options_of(args))
    backend = args.backend or settings.backend
    options = settings.options()
    guard = guard_of(args, settings.paths(), configured_paths(config))
    if args.plan:
        check_plan(args)
        with ScanSession(args.paths, options, reader=backend) as session:
            return print_plan(args, session)
    files = OutputFiles(args, guard, ("bad-records", "resume"))
    files.check()
    if not is_quiet(args) and (slow := describe_slowness()):
        say(slow)
    with (
        cancellable(args) as (progress, signals),
        ScanSession(args.paths, options, reader=backend, progress=progress) as session,
    ):
        report = session.report(charts=wants_charts(args))
        progress.close()
        signals.scanning = False
        files.write("bad-records", lambda: iter_bad_records(session.scan()), counted=True)
    files.failures += progress.failures
    write_outputs(with_command(report, args), args, files)
    if not report.complete and (advice := advise(report, args)):
        say(advice)
    return files.finish(exit_status(report, signals), quiet=is_quiet(args))
