"""``datascan learn``: writes expectations, learned from a good dataset."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from datascan.cli.arguments import (
    add_force_argument,
    add_option_arguments,
    add_path_arguments,
    options_of,
)

DESCRIPTION = "Scan a good dataset and describe it in a file that --expect compares others with."


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    add_path_arguments(command, "scan")
    command.add_argument(
        "-o", "--output", metavar="FILE", default="-", help="write to FILE (default: stdout)"
    )
    add_force_argument(command)
    add_option_arguments(command, "learn")
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    command.set_defaults(quiet=0)


def run(args: argparse.Namespace) -> int:
    """Scan, write the expectations, and warn on standard error if the dataset fails."""
    from datascan._version import __version__
    from datascan.cli.configuration import load_config, print_configuration
    from datascan.cli.doors import require_dataset
    from datascan.cli.files import check_writable, write
    from datascan.cli.guard.own_files import EXPECTATIONS
    from datascan.cli.internal_error import note, say
    from datascan.cli.output import check_streams, exit_status, guard_of, write_utf8
    from datascan.cli.progress import cancellable
    from datascan.config.discovery.settings import configured_paths, resolve_settings
    from datascan.scanner.learn import format_expectations, learn_expectations
    from datascan.session import ScanSession

    flags = options_of(args)
    config = load_config(args.config)
    settings = resolve_settings(config, args.paths[0], flags)
    require_dataset(args.paths[0])
    # Expectations from the configuration are about to be replaced.
    options = settings.options() if "expect" in flags else settings.options(expect=None)
    print_configuration(options.verdict.configuration)
    target = Path(args.output)
    replaced = settings.values.get("expect") if "expect" not in flags else None
    read = {*settings.paths(), *configured_paths(config)} - {replaced}
    guard = guard_of(args, read)
    check_streams(guard)

    def check(path: Path) -> None:
        guard.check("--output", path, EXPECTATIONS)

    if args.output != "-":
        check(target)
        check_writable(target)
    with (
        cancellable(args) as (progress, signals),
        ScanSession(args.paths, options, reader=settings.backend, progress=progress) as session,
    ):
        report = session.report(charts=False)
        scanned = session.scan()
        summary = scanned.summary
    if not report.complete:
        say("interrupted, nothing was learned")
        return exit_status(report, signals)
    names = " ".join(path.name for path in args.paths)
    part = f"the first {summary.records:,} records of " if options.read.limit else ""
    if summary.plan.sampled_from is not None:
        part = f"a sample of {summary.records:,} records of "
    source = f"learned from {part}{names!a} by datascan {__version__}"
    expected, left_out = learn_expectations(summary, scanned.issues)
    text = format_expectations(expected, source)
    if args.output == "-":
        write_utf8(sys.stdout, text)
    else:
        write(target, [text], check)
        note(f"wrote {target}")
    for part in left_out:
        say(f"left out: {part}")
    if not report.passed:
        rules = ", ".join(dict.fromkeys(finding.rule for finding in report.failing))
        say(f"warning: learned from a dataset that fails ({rules})")
    return exit_status(report, signals)
