"""``datascan lmdb``, ``leveldb``, ``hdf5``, ``images`` and ``scan``: scan one dataset."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.arguments import (
    add_config_argument,
    add_dataset_arguments,
    add_effort_arguments,
    add_label_arguments,
    add_output_arguments,
    add_rule_arguments,
    options_of,
)

if TYPE_CHECKING:
    from datascan.scanning import Scanned

PLACE = 0
SCANS = {
    "lmdb": "an LMDB environment: a folder, or a single file",
    "leveldb": "a LevelDB folder",
    "hdf5": "HDF5 files, or a text file that lists them one a line",
    "images": "a folder of images: with a sub-folder for each class, flat, or with a list",
    "scan": "any of the above, told apart by looking at it",
}


def register(commands: Any) -> None:
    """Add a command for every backend, and one for all of them."""
    for name, what in SCANS.items():
        command = commands.add_parser(name, help=what, description=f"Scan {what}.")
        add_dataset_arguments(command, name)
        add_label_arguments(command)
        add_rule_arguments(command)
        add_config_argument(command)
        effort = add_effort_arguments(command)
        effort.add_argument(
            "--resume", type=Path, metavar="FILE", help="keep what is done in FILE, and go on there"
        )
        outputs = add_output_arguments(command)
        outputs.add_argument(
            "--bad-records", metavar="FILE", help="every bad record, as JSON Lines"
        )
        command.set_defaults(command=run, backend=None if name == "scan" else name)


def run(given: argparse.Namespace) -> int:
    """Scan, write what was asked for, and print the report."""
    from msgspec.structs import replace

    from datascan import bad_records
    from datascan.api import checked_options, run_scan
    from datascan.configuration import settings_of
    from datascan.delivery import check_outputs, hand_out, status, watched
    from datascan.writing import write

    settings = settings_of(given.paths[0], options_of(given), given.config)
    backend = given.backend or settings.get("backend")
    settings.pop("backend", None)
    # What only a page shows is left out where nobody will see a page.
    shown = given.html is not None or given.json not in (None, "-")
    options = checked_options(**settings, thumbnails=shown)
    check_outputs(given, "bad-records", "resume")
    with watched(given) as (progress, interrupt):

        def keep_bad_records(scanned: Scanned) -> None:
            progress.close()
            if given.bad_records:
                write(Path(given.bad_records), bad_records.lines(scanned))

        report = run_scan(
            given.paths, options, backend=backend, progress=progress, use=keep_bad_records
        )
    if shown:
        report = replace(report, command=given.typed)
    hand_out(report, given)
    return status(report, interrupt)
