"""``--plan``: what a scan would take, instead of the scan."""

from __future__ import annotations

import argparse
import shutil
import sys
from typing import TYPE_CHECKING

from datascan.errors import UsageError
from datascan.plugins import output_helps

if TYPE_CHECKING:
    from datascan.session import ScanSession


def add_plan_argument(command: argparse.ArgumentParser) -> None:
    """Add ``--plan``."""
    command.add_argument(
        "--plan",
        action="store_true",
        help="only say what a scan would take: records, processes, memory, time",
    )


def check_plan(args: argparse.Namespace) -> None:
    """Refuse outputs with ``--plan``, which has none of them.

    Raises:
        UsageError: if one was given.
    """
    for name in (*output_helps(), "bad-records"):
        value = getattr(args, name.replace("-", "_"), None)
        if value is not None and (name, value) != ("json", "-"):
            raise UsageError(
                f"--plan scans nothing, so that there is no report for --{name} "
                "(--json - prints the plan as JSON)"
            )


def print_plan(args: argparse.Namespace, session: ScanSession) -> int:
    """Print what a scan would take. Returns the exit status, 0."""
    from datascan.cli.output import CLEAN, write_utf8
    from datascan.outputs.terminal import paper
    from datascan.outputs.terminal.forecast import render_forecast, summarize

    forecast = session.forecast()
    if args.json == "-":
        write_utf8(sys.stdout, forecast.to_json() + "\n")
        return CLEAN
    if args.quiet:
        print(summarize(forecast) + "\n" if args.quiet == 1 else "", end="")
        return CLEAN
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    text = render_forecast(
        forecast,
        colour=paper.use_colour(sys.stdout),
        width=width,
        unicode=paper.supports_unicode(sys.stdout),
    )
    print(text, end="")
    return CLEAN
