"""``datascan net``: a Caffe net, its solver, and every dataset that it reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    options_of,
)

DESCRIPTION = (
    "Check a Caffe net and its solver for causes of a NaN loss, and scan every dataset that "
    "it reads, with the batch size and number of classes of the net."
)


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "net", type=Path, metavar="NET.prototxt", help="a net, or a solver that names one"
    )
    command.add_argument("--solver", type=Path, metavar="SOLVER.prototxt", help="its solver")
    command.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="where relative sources lie (else: the working directory, the net's folder)",
    )
    command.add_argument("--no-data", action="store_true", help="check only the net and its solver")
    add_option_arguments(command, "net")
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")


def run(args: argparse.Namespace) -> int:
    """Read the net, scan its sources, and write the report. Returns the exit status."""
    from datascan.caffe.net.reads import training_paths
    from datascan.caffe.net.training import read_training
    from datascan.caffe.scan_net import SourceScans, report_net
    from datascan.cli.configuration import load_config
    from datascan.cli.doors import require_door
    from datascan.cli.guard.cache import options_outside
    from datascan.cli.output import (
        OutputFiles,
        exit_status,
        guard_of,
        is_quiet,
        wants_charts,
        with_command,
        write_outputs,
    )
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import configured_options, configured_paths

    require_door(args.net, "net")
    config = load_config(args.config)
    training = read_training(args.net, args.solver, args.root)
    read = [*training_paths(training), *configured_paths(config)]
    files = OutputFiles(args, guard_of(args, read), ("bad-records",))
    options_for = options_outside(configured_options(config, options_of(args)), files.guard.inputs)
    files.check()
    with (
        cancellable(args) as (progress, signals),
        SourceScans(options_for, charts=wants_charts(args), progress=progress) as scans,
    ):
        report = report_net(training, scans, data=not args.no_data)
        progress.close()
        files.write("bad-records", scans.iter_bad_records, counted=True)
    write_outputs(with_command(report, args), args, files)
    return files.finish(exit_status(report, signals), quiet=is_quiet(args))
