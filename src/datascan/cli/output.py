"""A scan from a terminal: signals, progress, and the report to wherever it was asked for."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from datascan.cli.guard.guard import Guard
from datascan.cli.guard.inputs import Inputs
from datascan.cli.guard.own_files import CHECKPOINT, REPORT
from datascan.cli.internal_error import FAILURE, discard, note, say
from datascan.cli.progress import SignalWatcher
from datascan.cli.step_summary import append_step_summary
from datascan.errors import DatascanError, UsageError
from datascan.outputs.base import load_output
from datascan.plugins import output_helps
from datascan.report.failed_scan import FailedScan
from datascan.text import pluralize

if TYPE_CHECKING:
    from datascan.report.model import Report

CLEAN, FINDINGS = 0, 1

UNKNOWN = (
    "the time was over before all was read, and no error was found: exit status 2, because the "
    "rest is unknown (--sample N passes on a part)"
)

R = TypeVar("R", bound="Report")


class OutputFiles:
    """The files that a command writes: checked before its work, written at its end.

    A file that cannot be written costs that file only. ``finish`` names it, and those that were
    written.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        guard: Guard,
        further: Sequence[str] = (),
        *,
        without: Sequence[str] = (),
    ) -> None:
        """``further`` are other options that name a file to write, besides those of outputs.

        ``without`` are those of outputs that do not.
        """
        self.args, self.guard = args, guard
        self.options = tuple(one for one in (*output_helps(), *further) if one not in without)
        self.written: list[str] = []
        self.failures: list[str] = []

    def check(self) -> None:
        """Find out before the scan whether all outputs can be written.

        Raises:
            UsageError: if two outputs are one file, one has no name, or one is read.
            OutputError: if a file cannot be written, or datascan did not write it.
        """
        from datascan.cli.files import check_writable

        check_streams(self.guard)
        taken: dict[object, str] = {}
        for option in self.options:
            name = self.name_of(option)
            if name is None or (option == "json" and name == "-"):
                continue
            if not name or name == "-":
                raise UsageError(
                    f"--{option} needs the name of a file (/dev/stdout for standard output)"
                )
            if option in output_helps():
                load_output(option)
            path = Path(name)
            self.guard.check(f"--{option}", path, kind_of(option))
            check_writable(path)
            for identity in identities(path):
                other = taken.setdefault(identity, option)
                if other != option:
                    raise UsageError(f"--{other} and --{option} name one file: {name}")

    def name_of(self, option: str) -> str | None:
        """The file of an option; None if it has none."""
        if option not in self.options:
            return None
        value = getattr(self.args, option.replace("-", "_"), None)
        return None if value is None else str(value)

    def write(
        self, option: str, render: Callable[[], Iterable[Any]], *, counted: bool = False
    ) -> None:
        """Write what ``render`` returns to the file of an option, if it was given.

        ``counted``: each chunk is a bad record. An error is kept for :meth:`finish`.
        """
        name = self.name_of(option)
        if not name or name == "-":
            return
        counter = RecordCounter()
        if self.write_file(option, Path(name), render, counter if counted else None):
            records = f" ({pluralize(counter.records, 'record')})" if counted else ""
            self.written.append(f"wrote {name}{records}")

    def write_file(
        self,
        option: str,
        path: Path,
        render: Callable[[], Iterable[str]],
        counter: RecordCounter | None = None,
    ) -> bool:
        """Write a file for an option; False if that fails, and the error is kept."""
        from datascan.cli.files import write

        try:
            write(
                path,
                counter.count(render()) if counter else render(),
                lambda path: self.guard.check(f"--{option}", path, kind_of(option)),
            )
        except DatascanError as error:
            self.failures.append(str(error))
            return False
        return True

    def print(self, show: Callable[[], None]) -> None:
        """Print on standard output with ``show``; an error is kept for :meth:`finish`."""
        try:
            show()
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.failures.append(f"cannot write the output: {error.strerror or error}")
            discard(sys.stdout)

    def finish(self, status: int, *, quiet: bool = False) -> int:
        """Name the files on standard error; returns ``status``, or 2 if one was not written."""
        if not quiet:
            for line in self.written:
                note(line)
        for line in self.failures:
            say(line)
        return FAILURE if self.failures else status


class RecordCounter:
    """Counts the records in lines of JSON, of which each record has one for each of its rules."""

    def __init__(self) -> None:
        self.records = 0

    def count(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines; lines of one record follow one another."""
        last = ""
        for line in lines:
            record = line.partition(', "rule": ')[0]
            self.records += record != last
            last = record
            yield line


def kind_of(option: str) -> str:
    """The kind of file that an option names."""
    return CHECKPOINT if option == "resume" else REPORT


def check_streams(guard: Guard) -> None:
    """Check that standard output and error are not files that are read.

    Raises:
        UsageError: if one is.
    """
    for number, name in ((1, "standard output"), (2, "standard error")):
        with suppress(OSError):
            guard.check_descriptor(name, Path(f"/dev/fd/{number}"), number)


def identities(path: Path) -> Iterator[object]:
    """What tells whether two outputs are one file: the path, and device and inode if it exists.

    Nothing for devices and pipes, which may take several.
    """
    real = os.path.realpath(path)
    try:
        found = path.stat()
    except OSError:
        yield real
        return
    if stat.S_ISREG(found.st_mode) and not str(path).startswith("/dev/"):
        yield from (real, (found.st_dev, found.st_ino))


def guard_of(
    args: argparse.Namespace, *further: Iterable[Path], replaced: Path | None = None
) -> Guard:
    """The guard of a command: its arguments that are paths are read, and what ``further`` has.

    ``replaced`` is read to be written anew.
    """
    read = [path for paths in further for path in paths]
    own = {"output", "resume", "cache", *(name.replace("-", "_") for name in output_helps())}
    for name, value in vars(args).items():
        if name not in own:
            several = value if isinstance(value, list | tuple) else (value,)
            read += [one for one in several if isinstance(one, Path) and one != replaced]
    return Guard(inputs=Inputs(tuple(dict.fromkeys(read))), force=bool(args.force))


def wants_charts(args: argparse.Namespace) -> bool:
    """Whether an output shows charts: an HTML page, or a JSON file to make one from later."""
    return args.html is not None or args.json not in (None, "-")


def with_command(report: R, args: argparse.Namespace) -> R:
    """The report with the command line that made it, if an output shows it."""
    from msgspec.structs import replace

    return replace(report, command=args.typed) if wants_charts(args) else report


def render_alone(name: str, report: Report) -> list[str]:
    """The report as an output has it."""
    return [load_output(name).render([report])]


def write_outputs(
    report: Report, args: argparse.Namespace, files: OutputFiles, *, origin: bool = False
) -> None:
    """Write the report wherever it was asked for, and print it unless that is not wanted.

    ``origin``: what is printed says how the report was made; files always do.
    """
    for name in output_helps():
        if files.name_of(name) not in (None, "-"):
            files.write(name, partial(render_alone, name, report))
    if args.json == "-":
        files.print(lambda: write_utf8(sys.stdout, load_output("json").render([report])))
    elif not args.quiet:
        verbose = origin or bool(args.verbose)
        files.print(lambda: print_report(report, origin=origin, verbose=verbose))
    elif args.quiet == 1:
        files.print(lambda: print_line(report))
    annotate([report], taken=args.json == "-")
    if not origin:
        append_step_summary([report], (), files.guard)


def annotate(reports: Sequence[Report], unmade: Sequence[FailedScan] = (), *, taken: bool) -> None:
    """Annotate a run of GitHub Actions; on standard error if standard output is ``taken``."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from datascan.outputs import github

        write_utf8(sys.stderr if taken else sys.stdout, github.render(reports, unmade))


def write_utf8(stream: TextIO, text: str) -> None:
    """Write for programs: in UTF-8, regardless of the encoding of ``stream``."""
    if binary := getattr(stream, "buffer", None):
        stream.flush()
        binary.write(text.encode(errors="backslashreplace"))
        binary.flush()
    else:
        stream.write(text)


def print_report(report: Report, *, origin: bool = False, verbose: bool = True) -> None:
    """Print the report on standard output; ``origin``: and how it was made.

    ``verbose``: in full, even if nothing in it needs reading.
    """
    from datascan.outputs.terminal import paper, render

    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    look: dict[str, Any] = {
        "colour": paper.use_colour(sys.stdout),
        "width": width,
        "unicode": paper.supports_unicode(sys.stdout),
    }
    text = render.render([report], verbose=verbose, **look)
    if origin:
        from datascan.outputs.terminal import origin as below

        text += below.render_origin(report, **look)
    print(text, end="")


def print_line(report: Report) -> None:
    """Print verdict, path and counts on standard output."""
    from datascan.outputs.terminal.paper import Paper, supports_unicode
    from datascan.report.one_line import describe_in_one_line

    plain = Paper(colour=False, width=100, unicode=supports_unicode(sys.stdout)).plain
    print(plain(describe_in_one_line(report)))


def is_quiet(args: argparse.Namespace) -> bool:
    """Whether nothing is said of files that were written."""
    return bool(args.quiet) or args.json == "-"


def describe_resumption(args: argparse.Namespace) -> str:
    """How to continue the scan that was interrupted."""
    if args.resume is not None:
        return f"continue with: {args.typed}"
    return "to be able to continue a scan that is interrupted, start it with --resume FILE"


def early_status(report: Report) -> int | None:
    """The exit status of a scan that an option has ended early; None for all others.

    A gate must not pass because the time was over, so that is a scan that could not be made, unless
    findings never fail it.
    """
    stopped = report.stopped
    if report.complete or stopped is None or not stopped.is_chosen:
        return None
    if report.failing:
        return FINDINGS
    return CLEAN if report.fail_on == "never" else FAILURE


def ends_all(report: Report) -> bool:
    """Whether the datasets after this one are not scanned: after a signal or the first error."""
    by_time = report.stopped is not None and report.stopped.by == "max-time"
    return not report.complete and not by_time


def advise(report: Report, args: argparse.Namespace) -> str:
    """What to do after a scan that has ended early; "" if there is nothing to say."""
    status = early_status(report)
    if status is None or (args.resume is not None and status != FINDINGS):
        is_kept = getattr(report, "cache", None) is not None and args.resume is None
        kept = f"what was read is in the cache; continue with: {args.typed}"
        return kept if is_kept else describe_resumption(args)
    return UNKNOWN if status == FAILURE else ""


def saved_status(report: Report) -> int:
    """The exit status of the scan that made a saved report."""
    if (status := early_status(report)) is not None:
        return status
    if not report.complete:
        number = report.stopped.signal if report.stopped is not None else None
        return 128 + (number or signal.SIGINT)
    return CLEAN if report.passed else FINDINGS


def exit_status(report: Report, signals: SignalWatcher) -> int:
    """The exit status that a report calls for."""
    if (status := early_status(report)) is not None:
        return status
    if not report.complete:
        return 128 + signals.received
    return CLEAN if report.passed else FINDINGS
