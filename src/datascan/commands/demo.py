"""``datascan demo``: a dataset of each kind with planted faults, scanned, with HTML reports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

PLACE = 30


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "demo", help="make a dataset of each kind with faults, scan it, and write HTML reports"
    )
    command.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="DIR",
        help="keep the datasets, and write the reports, there (reports without it: datascan-demo)",
    )
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Make datasets with faults, scan them, and print the reports."""
    from datascan.delivery import show
    from datascan.demo import demo

    return demo(given.folder, show)
