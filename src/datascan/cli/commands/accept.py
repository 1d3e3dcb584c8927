"""``datascan accept``: adds known findings to a baseline, with a reason."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import (
    add_force_argument,
    add_option_arguments,
    add_path_arguments,
    options_of,
)
from datascan.errors import OutputError, UsageError

if TYPE_CHECKING:
    from datascan.checks.base import Issue
    from datascan.config.baseline import BaselineEntry
    from datascan.config.known_records import KnownRecords


DESCRIPTION = (
    "Scan a dataset and add its findings to a baseline of accepted findings. "
    "Use the same options as for the scan that reads the baseline; datascan.toml applies, too."
)


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    add_path_arguments(command, "scan")
    command.add_argument(
        "--reason", required=True, metavar="TEXT", help="why these findings are accepted"
    )
    command.add_argument(
        "--expires",
        type=parse_date,
        metavar="YYYY-MM-DD",
        help="the last day on which they are accepted",
    )
    command.add_argument(
        "--rule",
        action="append",
        metavar="RULE",
        help="accept only findings of this rule (default: all warnings and errors)",
    )
    command.add_argument(
        "--infos", action="store_true", help="accept infos, too, which fail no scan"
    )
    command.add_argument(
        "--by", metavar="NAME", help="who accepts them (default: $GIT_AUTHOR_NAME or the user)"
    )
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write to FILE (default: --baseline)"
    )
    add_force_argument(command)
    add_option_arguments(command, "accept")
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    command.set_defaults(quiet=0)


def parse_date(text: str) -> date:
    """Parse a date in ISO 8601 format."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date (YYYY-MM-DD)") from error


def run(args: argparse.Namespace) -> int:
    """Scan, and add an entry for each rule with findings that are not accepted yet."""
    from datascan.cli.configuration import load_config, print_configuration
    from datascan.cli.doors import require_dataset
    from datascan.cli.files import check_writable
    from datascan.cli.guard.own_files import BASELINE, recognise
    from datascan.cli.internal_error import note
    from datascan.cli.output import check_streams, guard_of
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import configured_paths, resolve_settings
    from datascan.plugins import require_rules
    from datascan.scanner.baseline_filter import is_acceptable, make_entries
    from datascan.scanner.precedence import update_known
    from datascan.session import ScanSession
    from datascan.text import escape_surrogates

    require_reason(args)
    rules = args.rule or []
    require_rules(rules)
    flags = options_of(args)
    config = load_config(args.config)
    settings = resolve_settings(config, args.paths[0], flags)
    require_dataset(args.paths[0])
    target = args.output or settings.values.get("baseline")
    if target is None:
        raise UsageError("accept needs --baseline FILE, the file to write accepted findings to")
    if target is not args.output and "baseline" not in flags:
        require_baseline_name(target)
    # The baseline is read, too, but only to add to it.
    read = {*settings.paths(), *configured_paths(config)} - {target}
    guard = guard_of(args, read, replaced=target)
    check_streams(guard)

    def check(path: Path) -> None:
        guard.check("--output", path, BASELINE)

    check(target)
    is_old = target.exists() and recognise(target) == BASELINE
    options = settings.options(baseline=target if is_old else None)
    print_configuration(options.verdict.configuration)
    check_writable(target)
    with (
        cancellable(args) as (progress, signals),
        ScanSession(args.paths, options, reader=settings.backend, progress=progress) as session,
    ):
        scanned = session.scan()
        reason = escape_surrogates(args.reason.strip())
        chosen = [
            issue for issue in scanned.issues if is_acceptable(issue, rules, infos=args.infos)
        ]
        author = escape_surrogates(args.by or find_author())
        entries = [
            entry.of_dataset(target, scanned.reader.identity).signed(date.today(), author)
            for entry in make_entries(chosen, scanned, reason, args.expires)
        ]
        before = options.verdict.baseline.known if options.verdict.baseline else ()
        known = update_known(before, scanned, chosen, target)
    if not scanned.summary.is_complete:
        return 128 + signals.received
    if entries or known != before:
        add_entries(target, entries, known, is_old=is_old, check=check)
        note(f"wrote {target}")
    print_accepted(chosen)
    return 0


def require_reason(args: argparse.Namespace) -> None:
    """Check that the reason is not empty, and holds for a day to come.

    Raises:
        UsageError: if not.
    """
    from datascan.errors import UsageError

    if not args.reason.strip():
        raise UsageError("--reason is empty: state why these findings are accepted")
    if args.expires is not None:
        require_future(args.expires)


def require_future(expires: date) -> None:
    """Check that findings would be accepted today.

    Raises:
        UsageError: if they would not.
    """
    if expires < (today := date.today()):
        raise UsageError(
            f"--expires {expires} is in the past (today is {today}): nothing would be accepted"
        )


def find_author() -> str:
    """The name of the author of a commit if it is set, else the user's; "" without either."""
    try:
        return os.environ.get("GIT_AUTHOR_NAME") or getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return ""


def require_baseline_name(target: Path) -> None:
    """Check the name of a baseline that a configuration names, and that may be about to be created.

    A shell or another tool could run a new file of another kind.

    Raises:
        UsageError: if the file does not exist and is not TOML by its name.
    """
    if target.suffix != ".toml" and not target.exists():
        raise UsageError(f"{target} does not end in .toml: give --baseline {target} to create it")


def add_entries(
    target: Path,
    entries: list[BaselineEntry],
    known: Sequence[KnownRecords],
    *,
    is_old: bool,
    check: Callable[[Path], None],
) -> None:
    """Add entries to the baseline file, or create it; it then knows the records ``known``."""
    from datascan.cli.files import write
    from datascan.config.baseline import append_entries
    from datascan.files import MAX_TOML_BYTES, read_regular

    try:
        old = read_regular(target, max_bytes=MAX_TOML_BYTES).decode() if is_old else None
    except OSError as error:
        raise OutputError(f"cannot read {target}: {error.strerror}") from error
    write(target, [append_entries(entries, old, known)], check)


def print_accepted(issues: Sequence[Issue]) -> None:
    """Print what was accepted."""
    from datascan.text import escape_control

    for issue in issues:
        # If part of a finding was accepted before, its message says "not accepted".
        text = f"accepted {issue.rule}: {issue.message}"
        text = text.replace(" not accepted", " not accepted before", 1)
        print(escape_control(text))
    if not issues:
        print("nothing to accept: no new findings", file=sys.stderr)
