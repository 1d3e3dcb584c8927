"""``datascan log``: why a training run broke, and on which record."""

from __future__ import annotations

import argparse
from pathlib import Path

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    input_path,
    options_of,
)

DESCRIPTION = (
    "Tell from a training log why the loss broke. With its net and solver, name "
    "the records that were read when it did, and scan them."
)


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "log",
        type=input_path,
        metavar="TRAIN.log",
        help="what Caffe printed, a CSV, TensorBoard's event files, or a trainer_state.json; - for "
        "standard input",
    )
    command.add_argument("--net", type=Path, metavar="NET.prototxt", help="the trained net")
    command.add_argument("--solver", type=Path, metavar="SOLVER.prototxt", help="its solver")
    command.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="where relative sources lie (else: the working directory, the net's folder)",
    )
    add_option_arguments(command, "log")
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")


def run(args: argparse.Namespace) -> int:
    """Read the log, scan what its net reads, and write the report. Returns the exit status."""
    from datascan.caffe.net.reads import training_paths
    from datascan.caffe.scan_log import log_scans, report_log, training_of
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
    from datascan.logs.reading import read_log

    require_door(args.log, "log")
    config = load_config(args.config)
    log = read_log(args.log)
    training = training_of(args.log, args.net, args.solver, args.root)
    read = [*training_paths(training), *configured_paths(config)]
    files = OutputFiles(args, guard_of(args, read), ("bad-records",))
    files.check()
    options_for = options_outside(configured_options(config, options_of(args)), files.guard.inputs)
    with (
        cancellable(args) as (progress, signals),
        log_scans(options_for, charts=wants_charts(args), progress=progress) as scans,
    ):
        report = report_log(log, training, scans)
        progress.close()
        files.write("bad-records", scans.iter_bad_records, counted=True)
    write_outputs(with_command(report, args), args, files)
    return files.finish(exit_status(report, signals), quiet=is_quiet(args))
