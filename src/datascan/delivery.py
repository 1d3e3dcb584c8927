"""A scan from a terminal: signals, progress, and the report to wherever it was asked for."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from datascan.errors import UsageError
from datascan.outputs import file_outputs

if TYPE_CHECKING:
    from datascan.progress import Closeable
    from datascan.report import Report

CLEAN, FINDINGS = 0, 1


class Unmade(NamedTuple):
    """A scan that could not be made: of what, and why, in a sentence."""

    path: str
    why: str


@dataclass
class Interrupt:
    """Notes a signal while a scan is under way, so that it ends with a report."""

    received: int = 0
    scanning: bool = False

    def __call__(self, number: int, _frame: object) -> None:
        """Handle the signal: the first one ends the scan, a second one everything."""
        again, self.received = bool(self.received), number
        if again or not self.scanning:
            raise Interrupted(number)

    @property
    def stopped(self) -> bool:
        """Whether the scan is to end; from the first question on, a signal is only noted."""
        self.scanning = True
        return bool(self.received)


class Interrupted(BaseException):
    """SIGINT or SIGTERM came before there was anything to report.

    No ``KeyboardInterrupt``: where that passes through ``exec``, as in the making of a dataclass,
    Python ends by the signal itself, whatever exit status it is told later.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def watched(given: argparse.Namespace) -> Iterator[tuple[Closeable, Interrupt]]:
    """Progress to scan with, and what notes the signals meanwhile.

    Raises:
        Interrupted: where a signal ends everything.
    """
    from datascan.progress import progress_on

    interrupt = Interrupt()
    handle_signals(interrupt)
    silent = given.no_progress or given.quiet
    progress = progress_on(sys.stderr, lambda: interrupt.stopped, silent=silent)
    try:
        yield progress, interrupt
    finally:
        progress.close()


def handle_signals(handler: Callable[[int, Any], None]) -> None:
    """Let ``handler`` have SIGINT and SIGTERM, where the main thread runs."""
    try:
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not in the main thread: whoever runs it handles signals
        return


@contextmanager
def signals_restored() -> Iterator[None]:
    """Put the handlers of SIGINT and SIGTERM back, for a process that is about to end."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)


def check_outputs(given: argparse.Namespace, *further: str) -> None:
    """Find out before the scan whether all outputs can be written.

    ``further`` are options, beside those of the outputs, that name a file to write.

    Raises:
        UsageError: where two outputs have one name, or one has none.
        OutputError: where a file cannot be written.
    """
    from datascan.writing import check_writable

    taken: dict[str, str] = {}
    for option in (*file_outputs(), *further):
        name = getattr(given, option.replace("-", "_"), None)
        if name is None or (option == "json" and name == "-"):
            continue
        if not str(name) or str(name) == "-":
            raise UsageError(
                f"--{option} needs the name of a file (/dev/stdout for standard output)"
            )
        # A file to resume from is looked into before it is written to.
        own = option != "resume"
        if own and any(is_of(Path(name), path) for path in inputs_of(given, further)):
            raise UsageError(f"--{option} would overwrite what is read: {name}")
        check_writable(Path(name))
        other = taken.setdefault(os.path.realpath(name), option)
        if other != option and not str(name).startswith("/dev/"):
            raise UsageError(f"--{other} and --{option} name one file: {name}")


def inputs_of(given: argparse.Namespace, further: Sequence[str]) -> list[Path]:
    """Every path among the arguments that is read."""
    outputs = {option.replace("-", "_") for option in (*file_outputs(), *further)}
    values = [value for name, value in vars(given).items() if name not in outputs]
    every = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return [path for path in every if isinstance(path, Path)]


REPORTS = {".json", ".jsonl", ".html", ".htm", ".sarif", ".xml"}
"""Files of such names are no part of a dataset, also where they lie in its folder."""


def is_of(target: Path, path: Path) -> bool:
    """Whether an output is the input ``path``, or a file of the dataset in that folder."""
    target, path = Path(os.path.realpath(target)), Path(os.path.realpath(path))
    if target == path:
        return True
    inside = path.is_dir() and target.is_relative_to(path)
    return inside and target.is_file() and target.suffix.lower() not in REPORTS


def hand_out(report: Report, given: argparse.Namespace) -> None:
    """Write the report wherever it was asked for, and print it unless that is not wanted."""
    from datascan.writing import write

    quiet = given.quiet
    for name, output in file_outputs().items():
        target = getattr(given, name)
        if target == "-":
            put(sys.stdout, output.render(report))
            quiet = True
        elif target:
            write(Path(target), [output.render(report)])
    if not quiet:
        show(report)
    annotate([report], taken=given.json == "-")


def annotate(reports: Sequence[Report], unmade: Sequence[Unmade] = (), *, taken: bool) -> None:
    """Annotate a run of GitHub Actions; on standard error if standard output is ``taken``."""
    from datascan.outputs import github

    if os.environ.get("GITHUB_ACTIONS") == "true":
        put(sys.stderr if taken else sys.stdout, github.render_all(reports, unmade))


def put(stream: TextIO, text: str) -> None:
    """Write for programs: in UTF-8, whatever ``stream`` is set to."""
    if binary := getattr(stream, "buffer", None):
        stream.flush()
        binary.write(text.encode(errors="backslashreplace"))
        binary.flush()
    else:
        stream.write(text)


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


def status(report: Report, interrupt: Interrupt) -> int:
    """The exit status that a report calls for."""
    if not report.complete:
        return 128 + interrupt.received
    return CLEAN if report.passed else FINDINGS
