"""Arguments in, exit status out; no work of its own."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from datascan import __version__
from datascan.errors import DatascanError, UsageError

if TYPE_CHECKING:
    from datascan.report import Report
    from datascan.scanning import Scanned

CLEAN, FINDINGS, FAILURE = 0, 1, 2
SCANS = {
    "lmdb": "an LMDB environment: a folder, or a single file",
    "leveldb": "a LevelDB folder",
    "hdf5": "HDF5 files, or a text file that lists them one a line",
    "images": "a folder of images: with a sub-folder for each class, flat, or with a list",
    "scan": "any of the above, told apart by looking at it",
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit status."""
    try:
        options = parser().parse_args(arguments)
        status: int = options.command(options)
        sys.stdout.flush()
    except DatascanError as error:
        print(f"datascan: {one_line(error)}", file=sys.stderr)
        return FAILURE
    except BrokenPipeError:
        # The reader of our output has gone (``| head``): nothing more to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print("datascan: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    return status


def one_line(error: Exception) -> str:
    """An error's sentence, with line breaks and control characters made visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(error))


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="datascan",
        description="Tells, before training, whether a dataset will break it.",
        epilog="Exit status: 0 clean, 1 findings, 2 the scan could not be made, 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"datascan {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, what in SCANS.items():
        command = commands.add_parser(name, help=what, description=f"Scan {what}.")
        add_scan_arguments(command, name)
        command.set_defaults(command=scan_command, backend=None if name == "scan" else name)
    explain = commands.add_parser("explain", help="what a rule means, and how to fix its findings")
    explain.add_argument("rule", nargs="?", metavar="RULE", help="all rules without it")
    explain.set_defaults(command=explain_command)
    report = commands.add_parser("report", help="show a report that was saved with --json")
    report.add_argument("file", type=Path, metavar="FILE.json")
    report.set_defaults(command=report_command)
    demo = commands.add_parser("demo", help="make a dataset of each kind with faults, and scan it")
    demo.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="keep them there")
    demo.set_defaults(command=demo_command)
    return top


def add_scan_arguments(command: argparse.ArgumentParser, name: str) -> None:
    """The arguments of a scan."""
    several = name in {"hdf5", "scan"}
    command.add_argument("paths", nargs="+" if several else 1, type=Path, metavar="PATH")
    if name in {"lmdb", "scan"}:
        command.add_argument("--db", metavar="NAME", help="a named database of an LMDB")
    if name in {"hdf5", "scan"}:
        command.add_argument("--data", metavar="KEY", help="the dataset with the records")
        command.add_argument("--label", metavar="KEY", help="the dataset with the labels")
    if name in {"images", "scan"}:
        command.add_argument(
            "--list", type=Path, metavar="FILE", help="lines of 'path label', or a path,label CSV"
        )
    labels = command.add_argument_group("labels")
    labels.add_argument("--num-classes", type=positive, metavar="N", help="labels are 0..N-1")
    labels.add_argument(
        "--batch-size",
        type=batch_sizes,
        action="extend",
        metavar="N",
        help="training batch sizes, comma-separated or repeated (default: 32,64,128,256)",
    )
    labels.add_argument("--label-type", choices=("auto", "class", "regression", "none"))
    rules = command.add_argument_group("rules")
    rules.add_argument("--select", action="append", metavar="RULE", help="only this rule")
    rules.add_argument("--ignore", action="append", metavar="RULE", help="all rules but this")
    rules.add_argument("--fail-on", choices=("error", "warning", "never"))
    rules.add_argument("--max-pixels", type=positive, metavar="N", help="larger images: a finding")
    how = command.add_argument_group("how to scan")
    how.add_argument("--limit", type=positive, metavar="N", help="only the first N records")
    how.add_argument(
        "--workers", type=natural, metavar="N", help="processes (default: all cores; 0: none)"
    )
    how.add_argument(
        "--timeout", type=seconds, metavar="S", help="give up a record after S seconds (60)"
    )
    how.add_argument(
        "--resume", type=Path, metavar="FILE", help="keep what is done in FILE, and go on from it"
    )
    outputs = command.add_argument_group("outputs")
    outputs.add_argument("--json", metavar="FILE", help="the report as JSON; - for standard output")
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")
    outputs.add_argument("--quiet", action="store_true", help="print no report")
    outputs.add_argument("--no-progress", action="store_true", help="show no progress bar")


def whole(text: str, least: int) -> int:
    """A whole number of at least ``least``."""
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return number


def positive(text: str) -> int:
    """A whole number above 0."""
    return whole(text, 1)


def natural(text: str) -> int:
    """A whole number, or 0."""
    return whole(text, 0)


def batch_sizes(text: str) -> list[int]:
    """Comma-separated whole numbers above 0."""
    return [positive(size.strip()) for size in text.split(",")]


def seconds(text: str) -> float:
    """A number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


OPTION_NAMES = {
    "num_classes": "num_classes",
    "batch_size": "batch_sizes",
    "label_type": "label_type",
    "select": "select",
    "ignore": "ignore",
    "fail_on": "fail_on",
    "max_pixels": "max_pixels",
    "limit": "limit",
    "workers": "workers",
    "timeout": "timeout",
    "resume": "resume",
    "db": "db",
    "data": "data_key",
    "label": "label_key",
    "list": "list_file",
}


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """What was given on the command line, under the names of the Python interface."""
    found = {
        name: value
        for argument, name in OPTION_NAMES.items()
        if (value := getattr(given, argument, None)) is not None
    }
    if "batch_sizes" in found:
        found["batch_sizes"] = tuple(dict.fromkeys(found["batch_sizes"]))
    return found


@dataclass
class Interrupt:
    """Notes a signal while a scan is under way, so that it ends with a report."""

    received: int = 0
    scanning: bool = False

    def __call__(self, number: int, _frame: object) -> None:
        """Handle the signal: the first one ends the scan, a second one everything."""
        again, self.received = bool(self.received), number
        if again or not self.scanning:
            raise KeyboardInterrupt

    @property
    def stopped(self) -> bool:
        """Whether the scan is to end; from the first question on, a signal is only noted."""
        self.scanning = True
        return bool(self.received)


def scan_command(given: argparse.Namespace) -> int:
    """Scan, write what was asked for, and print the report."""
    from datascan.api import checked_options, run_scan
    from datascan.outputs import bad_records
    from datascan.progress import progress_on
    from datascan.writing import write

    options = checked_options(**options_of(given))
    check_outputs(given)
    interrupt = Interrupt()
    handle_signals(interrupt)
    silent = given.no_progress or given.quiet
    progress = progress_on(sys.stderr, lambda: interrupt.stopped, silent=silent)

    def keep_bad_records(scanned: Scanned) -> None:
        progress.close()
        if given.bad_records:
            write(Path(given.bad_records), bad_records.lines(scanned))

    try:
        report = run_scan(
            given.paths, options, backend=given.backend, progress=progress, use=keep_bad_records
        )
    except KeyboardInterrupt:
        if interrupt.received != signal.SIGTERM:
            raise
        return 128 + signal.SIGTERM
    finally:
        progress.close()
    hand_out(report, given.json, quiet=given.quiet)
    if not report.complete:
        return 128 + interrupt.received
    return CLEAN if report.passed else FINDINGS


def check_outputs(given: argparse.Namespace) -> None:
    """Find out before the scan whether all outputs can be written.

    Raises:
        UsageError: where two outputs have one name, or one has none.
        OutputError: where a file cannot be written.
    """
    from datascan.writing import check_writable

    names = {"--json": given.json, "--bad-records": given.bad_records, "--resume": given.resume}
    taken: dict[str, str] = {}
    for option, name in names.items():
        if name is None or (option == "--json" and name == "-"):
            continue
        if not str(name) or str(name) == "-":
            raise UsageError(f"{option} needs the name of a file (/dev/stdout for standard output)")
        check_writable(Path(name))
        other = taken.setdefault(os.path.realpath(name), option)
        if other != option and not str(name).startswith("/dev/"):
            raise UsageError(f"{other} and {option} name one file: {name}")


def hand_out(report: Report, json_file: str | None, *, quiet: bool) -> None:
    """Write the report where it was asked for."""
    from datascan.outputs import json as json_output
    from datascan.writing import write

    if json_file == "-":
        sys.stdout.write(json_output.render(report))
        return
    if json_file:
        write(Path(json_file), [json_output.render(report)])
    if not quiet:
        show(report)


def handle_signals(handler: Callable[[int, Any], None]) -> None:
    """Let ``handler`` have SIGINT and SIGTERM, where the main thread runs."""
    try:
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not in the main thread: whoever runs it handles signals
        return


def show(report: Report) -> None:
    """Print the report on standard output."""
    from datascan.outputs import terminal

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    text = terminal.render(
        report,
        colour=terminal.style(sys.stdout),
        width=width,
        unicode=terminal.takes_unicode(sys.stdout),
    )
    print(text, end="")


def explain_command(given: argparse.Namespace) -> int:
    """Print the page of a rule, or all of them."""
    from datascan import pages

    print(pages.page(given.rule) if given.rule else pages.all_pages())
    return CLEAN


def report_command(given: argparse.Namespace) -> int:
    """Show a saved report."""
    from datascan.errors import DatasetError
    from datascan.report import Report

    try:
        text = given.file.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {given.file}: {error.strerror}") from error
    show(Report.from_json(text))
    return CLEAN


def demo_command(given: argparse.Namespace) -> int:
    """Make datasets with faults, scan them, and print the reports."""
    from datascan.demo import demo

    return demo(given.folder, show)
