"""``datascan accept``: findings that are known go to a baseline, with a reason."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import (
    add_option_arguments,
    add_path_arguments,
    options_of,
)
from datascan.errors import OutputError, UsageError

if TYPE_CHECKING:
    from datascan.config.baseline import BaselineEntry
    from datascan.scanner.result import ScanResult


DESCRIPTION = (
    "Scan a dataset, and add what is found to a baseline: findings that are known. "
    "Give the same options as to the scan that reads the baseline; datascan.toml holds too."
)


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    add_path_arguments(command, "scan")
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="why these findings are accepted"
    )
    command.add_argument(
        "--expires", type=parse_date, metavar="YYYY-MM-DD", help="the last day on which they are"
    )
    command.add_argument(
        "--rule",
        action="append",
        metavar="RULE",
        help="only of this rule (default: all warnings and errors)",
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the baseline to write, as --baseline"
    )
    add_option_arguments(command, "accept")
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    command.set_defaults(quiet=False)


def parse_date(text: str) -> date:
    """A date as ISO 8601 writes it."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date of the form YYYY-MM-DD") from error


def run(given: argparse.Namespace) -> int:
    """Scan, and add an entry for every rule with findings that are not accepted yet."""
    from datascan.cli.files import check_writable
    from datascan.cli.progress import cancellable
    from datascan.config.file import resolve_settings
    from datascan.config.options import Options
    from datascan.plugins import require_rules
    from datascan.scanner.baseline_filter import is_acceptable, make_entries
    from datascan.session import run_scan
    from datascan.text import escape_surrogates

    if not given.reason.strip():
        raise UsageError("--reason is empty: say why these findings are accepted")
    rules = given.rule or []
    require_rules(rules)
    settings = resolve_settings(given.paths[0], options_of(given), given.config)
    target = given.output or settings.get("baseline")
    if target is None:
        raise UsageError("accept needs --baseline FILE: where to write what is accepted")
    settings["baseline"] = target if target.exists() else None
    backend = settings.pop("backend", None)
    options = Options.from_keywords(**settings).replace(charts=False)
    check_writable(target)
    entries: list[BaselineEntry] = []
    said: list[str] = []

    def accept(scanned: ScanResult) -> None:
        reason = escape_surrogates(given.reason.strip())
        found = make_entries(scanned.issues, scanned, rules, reason, given.expires)
        identity = scanned.reader.identity
        entries.extend(entry.of_dataset(target, identity) for entry in found)
        wanted = (j for j in scanned.issues if is_acceptable(j, rules))
        # What is left of a finding says so in its message.
        said.extend(
            f"accepted {j.rule}: {j.message}".replace(" not accepted", " not accepted before", 1)
            for j in wanted
        )

    with cancellable(given) as (progress, interrupt):
        report = run_scan(given.paths, options, backend=backend, progress=progress, use=accept)
    if not report.complete:
        return 128 + interrupt.received
    if entries:
        add_entries(target, entries)
    print_accepted(said)
    return 0


def add_entries(target: Path, entries: list[BaselineEntry]) -> None:
    """Write the baseline with further entries."""
    from datascan.cli.files import write
    from datascan.config.baseline import append_entries

    try:
        old = target.read_bytes().decode() if target.exists() else None
    except OSError as error:
        raise OutputError(f"cannot read {target}: {error.strerror}") from error
    write(target, [append_entries(entries, old)])


def print_accepted(said: list[str]) -> None:
    """Say what was accepted."""
    from datascan.text import escape_control, escape_surrogates

    for text in said:
        print(escape_control(escape_surrogates(text)))
    if not said:
        print("nothing to accept: no finding that is not accepted already", file=sys.stderr)
