"""A scan from a terminal: signals, progress, and the report to wherever it was asked for."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from datascan.cli.progress import SignalWatcher
from datascan.errors import UsageError
from datascan.outputs.base import load_output
from datascan.plugins import output_helps
from datascan.report.model import FailedScan

if TYPE_CHECKING:
    from datascan.report.model import Report

CLEAN, FINDINGS = 0, 1

R = TypeVar("R", bound="Report")


def check_outputs(args: argparse.Namespace, *further: str) -> None:
    """Find out before the scan whether all outputs can be written.

    ``further`` are other options that name a file to write.

    Raises:
        UsageError: if two outputs are one file, or an output has no name.
        OutputError: if a file cannot be written.
    """
    from datascan.cli.files import check_writable

    taken: dict[str, str] = {}
    for option in (*output_helps(), *further):
        name = getattr(args, option.replace("-", "_"), None)
        if name is None or (option == "json" and name == "-"):
            continue
        if not str(name) or str(name) == "-":
            raise UsageError(
                f"--{option} needs the name of a file (/dev/stdout for standard output)"
            )
        if option in output_helps():
            load_output(option)
        # A file to resume from is looked into before it is written to.
        own = option != "resume"
        if own and any(overwrites_input(Path(name), path) for path in input_paths(args, further)):
            raise UsageError(f"--{option} would overwrite what is read: {name}")
        check_writable(Path(name))
        other = taken.setdefault(os.path.realpath(name), option)
        if other != option and not str(name).startswith("/dev/"):
            raise UsageError(f"--{other} and --{option} name one file: {name}")


def input_paths(args: argparse.Namespace, further: Sequence[str]) -> list[Path]:
    """Every path among the arguments that is read."""
    outputs = {option.replace("-", "_") for option in (*output_helps(), *further)}
    values = [value for name, value in vars(args).items() if name not in outputs]
    every = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return [path for path in every if isinstance(path, Path)]


REPORTS = {".json", ".jsonl", ".html", ".htm", ".sarif", ".xml"}
"""Files with these suffixes do not belong to a dataset, even inside its folder."""


def overwrites_input(target: Path, path: Path) -> bool:
    """Whether an output is the input ``path``, or a file of the dataset in that folder."""
    target, path = Path(os.path.realpath(target)), Path(os.path.realpath(path))
    if target == path:
        return True
    inside = path.is_dir() and target.is_relative_to(path)
    return inside and target.is_file() and target.suffix.lower() not in REPORTS


def wants_charts(args: argparse.Namespace) -> bool:
    """Whether an output shows charts: an HTML page, or a JSON file to make one from later."""
    return args.html is not None or args.json not in (None, "-")


def with_command(report: R, args: argparse.Namespace) -> R:
    """The report with the command line that made it, if an output shows it."""
    from msgspec.structs import replace

    return replace(report, command=args.typed) if wants_charts(args) else report


def write_outputs(report: Report, args: argparse.Namespace) -> None:
    """Write the report wherever it was asked for, and print it unless that is not wanted."""
    from datascan.cli.files import write

    quiet = args.quiet
    for name in output_helps():
        target = getattr(args, name.replace("-", "_"))
        if target == "-":
            write_utf8(sys.stdout, load_output(name).render([report]))
            quiet = True
        elif target:
            write(Path(target), [load_output(name).render([report])])
    if not quiet:
        print_report(report)
    annotate([report], taken=args.json == "-")


def annotate(reports: Sequence[Report], unmade: Sequence[FailedScan] = (), *, taken: bool) -> None:
    """Annotate a run of GitHub Actions; on standard error if standard output is ``taken``."""
    from datascan.outputs import github

    if os.environ.get("GITHUB_ACTIONS") == "true":
        write_utf8(sys.stderr if taken else sys.stdout, github.render(reports, unmade))


def write_utf8(stream: TextIO, text: str) -> None:
    """Write for programs: in UTF-8, regardless of the encoding of ``stream``."""
    if binary := getattr(stream, "buffer", None):
        stream.flush()
        binary.write(text.encode(errors="backslashreplace"))
        binary.flush()
    else:
        stream.write(text)


def print_report(report: Report) -> None:
    """Print the report on standard output."""
    from datascan.outputs.terminal import paper, render

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    text = render.render(
        [report],
        colour=paper.use_colour(sys.stdout),
        width=width,
        unicode=paper.supports_unicode(sys.stdout),
    )
    print(text, end="")


def exit_status(report: Report, signals: SignalWatcher) -> int:
    """The exit status that a report calls for."""
    if not report.complete:
        return 128 + signals.received
    return CLEAN if report.passed else FINDINGS
