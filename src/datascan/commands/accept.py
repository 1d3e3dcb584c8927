"""``datascan accept``: findings that are known go to a baseline, with a reason."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.arguments import (
    add_dataset_arguments,
    add_effort_arguments,
    add_label_arguments,
    add_rule_arguments,
    options_of,
)
from datascan.errors import UsageError

if TYPE_CHECKING:
    from datascan.baseline import Entry
    from datascan.scanning import Scanned

PLACE = 14


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "accept",
        help="accept the findings of a dataset, with a reason (--baseline)",
        description="Scan a dataset, and add what is found to a baseline: findings that are known. "
        "Give the same options as to the scan that reads the baseline.",
    )
    add_dataset_arguments(command, "scan")
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="why these findings are accepted"
    )
    command.add_argument(
        "--expires", type=day, metavar="YYYY-MM-DD", help="the last day on which they are"
    )
    command.add_argument(
        "--rule", action="append", metavar="RULE", help="only of this rule (default: all warnings)"
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the baseline to write, as --baseline"
    )
    add_label_arguments(command)
    add_rule_arguments(command)
    add_effort_arguments(command)
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    command.set_defaults(command=run, quiet=False)


def day(text: str) -> date:
    """A date as ISO 8601 writes it."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date of the form YYYY-MM-DD") from error


def run(given: argparse.Namespace) -> int:
    """Scan, and add an entry for every rule with findings that are not accepted yet."""
    from datascan.accepting import entries_for
    from datascan.api import checked_options, require_rules, run_scan
    from datascan.baseline import written
    from datascan.delivery import watched
    from datascan.writing import check_writable, write

    target = given.output or given.baseline
    if target is None:
        raise UsageError("accept needs --baseline FILE: where to write what is accepted")
    if not given.reason.strip():
        raise UsageError("--reason is empty: say why these findings are accepted")
    rules = given.rule or []
    require_rules(rules)
    settings = options_of(given)
    settings.pop("baseline", None)
    if target.exists():
        settings["baseline"] = target
    options = checked_options(**settings, thumbnails=False)
    check_writable(target)
    entries: list[Entry] = []

    def accept(scanned: Scanned) -> None:
        entries.extend(
            entries_for(scanned.judgements, scanned, rules, given.reason.strip(), given.expires)
        )

    with watched(given) as (progress, interrupt):
        report = run_scan(given.paths, options, progress=progress, use=accept)
    if not report.complete:
        return 128 + interrupt.received
    old = target.read_text() if target.exists() else None
    write(target, [written(entries, old)])
    for entry in entries:
        told = [finding for finding in report.findings if finding.rule == entry.rule]
        print(f"accepted {entry.rule}: {told[0].message}")
    if not entries:
        print("nothing to accept: no finding that is not accepted already", file=sys.stderr)
    return 0
