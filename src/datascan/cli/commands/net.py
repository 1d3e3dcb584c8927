"""``datascan net``: a Caffe net, its solver, and every dataset that it reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import (
    add_option_arguments,
    add_output_arguments,
    options_of,
)

if TYPE_CHECKING:
    from datascan.caffe.net.sources import DataSource
    from datascan.scanner.result import ScanResult


DESCRIPTION = (
    "Look at a Caffe net and its solver for what makes a loss NaN, and scan every "
    "dataset that it reads, with its own batch size and number of classes."
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
    command.add_argument("--no-data", action="store_true", help="only look at net and solver")
    add_option_arguments(command, "net")
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")


def run(given: argparse.Namespace) -> int:
    """Read the net, scan its sources, write what was asked for, and print the report."""
    from msgspec.structs import replace

    from datascan.caffe.net.training import read_training
    from datascan.caffe.scan_net import run_net
    from datascan.cli.files import write
    from datascan.cli.output import check_outputs, exit_status, write_outputs
    from datascan.cli.progress import cancellable
    from datascan.config.file import configured_options
    from datascan.report import bad_records

    # What only a page shows is left out where nobody will see a page.
    shown = given.html is not None or given.json not in (None, "-")
    options_for = configured_options(options_of(given), given.config, charts=shown)
    training = read_training(given.net, given.solver, given.root)
    check_outputs(given, "bad-records")
    lines: list[str] = []
    with cancellable(given) as (progress, interrupt):

        def keep_bad_records(scanned: ScanResult, source: DataSource) -> None:
            if given.bad_records:
                found = bad_records.iter_bad_records(scanned)
                lines.extend(bad_records.with_source(found, source.given, source.phase))

        report = run_net(
            training, options_for, data=not given.no_data, progress=progress, use=keep_bad_records
        )
        progress.close()
    if shown:
        report = replace(report, command=given.typed)
    if given.bad_records:
        write(Path(given.bad_records), lines)
    write_outputs(report, given)
    return exit_status(report, interrupt)
