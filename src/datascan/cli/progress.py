"""The progress bar, and what SIGINT and SIGTERM do to a scan."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from datascan.cli.internal_error import say
from datascan.errors import OutputError
from datascan.text import pluralize

if TYPE_CHECKING:
    from datascan.executors.base import Progress
    from datascan.records.shard import Plan

    class Closeable(Progress, Protocol):
        """Progress that can be removed from the screen.

        ``failures`` are outputs that could not be written during the scan.
        """

        failures: list[str]

        def close(self) -> None:
            """Remove it; safe to call twice."""


HEARTBEAT_SECONDS = 30.0
"""Without a terminal, a line is printed this often, so that a log shows that the scan is alive."""

LISTING_SECONDS = 0.2
"""On a terminal, how often the number of files found so far is shown."""

WIDE = 100
NARROW = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
"""Below WIDE columns, the bar has no speed once errors are shown."""


class SignalWatcher:
    """Handles SIGINT and SIGTERM: the first one during a scan cancels it, others end the process.

    Attributes:
        received: the number of the last signal, 0 if there was none.
        scanning: whether a scan has started. Before that, there is nothing to report, and the
            first signal ends the process.
    """

    def __init__(self) -> None:
        self.received = 0
        self.scanning = False

    def __call__(self, number: int, _frame: object) -> None:
        """Handle a signal.

        Raises:
            Interrupted: if it ends the process.
        """
        again, self.received = bool(self.received), number
        if again or not self.scanning:
            raise Interrupted(number)


class Interrupted(BaseException):
    """A signal that ends the process without a report.

    It is not a ``KeyboardInterrupt``: if that passes through ``exec``, as when a dataclass is
    created, Python ends by the signal itself, regardless of the exit status that is set later.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def cancellable(args: argparse.Namespace) -> Iterator[tuple[Closeable, SignalWatcher]]:
    """Progress for scans that a signal can cancel, and the signals that arrive.

    Raises:
        Interrupted: if a signal ends the process.
    """
    signals = SignalWatcher()
    handle_signals(signals)
    progress = make_progress(sys.stderr, signals, silent=args.no_progress or args.quiet)
    try:
        yield progress, signals
    finally:
        progress.close()
        # What is written next may be a pipe without a reader.
        signals.scanning = False


def handle_signals(handler: Callable[[int, Any], None]) -> None:
    """Call ``handler`` on SIGINT and SIGTERM; does nothing outside the main thread."""
    try:
        signal.signal(signal.SIGINT, handler)
        signal.signal(signal.SIGTERM, handler)
    except ValueError:  # not the main thread: the program that runs it handles signals
        return


@contextmanager
def restored_signals() -> Iterator[None]:
    """Restore the handlers of SIGINT and SIGTERM at the end."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError):  # not the main thread
                signal.signal(number, handler)


class SilentProgress:
    """Shows nothing, and cancels the scan after a signal."""

    def __init__(self, signals: SignalWatcher) -> None:
        self.signals = signals
        self.failures: list[str] = []

    def start(self, plan: Plan) -> None:  # noqa: ARG002  (nothing is shown)
        """A scan starts: from now on, a signal cancels it instead of ending the process."""
        self.signals.scanning = True

    def update(self, records: int, nbytes: int) -> None:  # noqa: ARG002  (nothing is shown)
        """Cancel the scan if a signal has arrived.

        Raises:
            ScanCancelled: if one has.
        """
        if self.signals.received:
            from datascan.executors.base import ScanCancelled

            raise ScanCancelled(self.signals.received)

    def notify(self, text: str) -> None:
        """Print a line on standard error."""
        say(text)

    def fail_output(self, error: OutputError) -> None:
        """Keep the error for the end: the scan continues without this output."""
        self.failures.append(str(error))

    def close(self) -> None:
        """Nothing to remove."""


def describe_errors(records: int) -> str:
    """How many records with errors have been found: "31 records with errors so far"."""
    return f"{pluralize(records, 'record')} with errors so far" if records else ""


KEPT_SECONDS = 0.1
"""What is there this soon after the start was read by earlier scans (``--cache``, ``--resume``)."""


class ListingLine:
    """What a terminal shows before a scan starts: how many files have been found."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = 0
        self.said: float | None = None

    def update(self, files: int) -> None:
        """Replace the line if it is old; none is shown during the first moments."""
        now = time.monotonic()
        if self.said is None:
            self.said = now
        elif now - self.said >= LISTING_SECONDS:
            self.said = now
            text = describe_planning(files)
            self.stream.write(f"\r{text:<{self.shown}}")
            self.stream.flush()
            self.shown = len(text)

    def close(self) -> None:
        """Remove the line; safe to call twice."""
        if self.shown:
            self.stream.write(f"\r{'':<{self.shown}}\r")
            self.stream.flush()
        self.shown, self.said = 0, None


def describe_planning(files: int) -> str:
    """What is done before a scan starts: its files are listed, or its records are found."""
    return f"listing: {files:,} files so far" if files else "finding the records"


class ProgressBar(SilentProgress):
    """A bar with records or bytes per second, and megabytes per second."""

    def __init__(self, stream: TextIO, signals: SignalWatcher) -> None:
        super().__init__(signals)
        self.stream = stream
        self.bar: Any = None
        self.by_records = False
        self.errors = 0
        self.known: int | None = None
        self.listing = ListingLine(stream)

    def start(self, plan: Plan) -> None:
        """Draw the bar: it counts records if their number is known, otherwise bytes."""
        super().start(plan)
        self.close()  # the bar of the previous scan
        records = plan.records if plan.records is not None else plan.store_count
        self.by_records = records is not None
        self.errors = 0
        self.known = None
        self.bar = threadless_bar()(
            total=records if self.by_records else plan.nbytes,
            unit=" records" if self.by_records else "B",
            unit_scale=True,
            file=self.stream,
            leave=False,
            dynamic_ncols=True,
        )

    def update(self, records: int, nbytes: int) -> None:
        """Move the bar; before there is one, say how many files have been found."""
        done = records if self.by_records else nbytes
        if self.bar is None:
            self.listing.update(records)
        else:
            elapsed = self.bar.format_dict["elapsed"] or 1.0
            if self.known is None:
                is_first = self.bar.format_dict["elapsed"] < KEPT_SECONDS
                self.known, self.bar.initial = (nbytes, done) if is_first else (0, 0)
            speed = f"{(nbytes - self.known) / elapsed / 1e6:,.0f} MB/s"
            errors = describe_errors(self.errors)
            if errors and (self.bar.ncols or WIDE) < WIDE:
                self.bar.bar_format, speed = NARROW, ""
            shown = ", ".join(part for part in (speed, errors) if part)
            self.bar.set_postfix_str(shown, refresh=False)
            self.bar.update(max(0, done - self.bar.n))
        super().update(records, nbytes)

    def found(self, records: int) -> None:
        """Show how many records with errors there are so far."""
        self.errors = records

    def notify(self, text: str) -> None:
        """Print a line on standard error, in place of the number of files."""
        self.listing.close()
        super().notify(text)

    def close(self) -> None:
        """Remove the bar."""
        self.listing.close()
        if self.bar is not None:
            self.bar.close()
            self.bar = None


class Heartbeat(SilentProgress):
    """A line now and then, for logs of scans without a terminal."""

    def __init__(self, signals: SignalWatcher) -> None:
        super().__init__(signals)
        self.began = self.said = time.monotonic()
        self.started = False
        self.errors = 0
        self.total: int | None = None
        self.known: int | None = None

    def start(self, plan: Plan) -> None:
        """Remember how many records there are, if that is known."""
        super().start(plan)
        self.began = self.said = time.monotonic()
        self.started, self.errors, self.known = True, 0, None
        self.total = plan.records if plan.records is not None else plan.store_count

    def update(self, records: int, nbytes: int) -> None:
        """Print a line if the last one was printed long ago."""
        now = time.monotonic()
        if self.started and self.known is None:
            # What earlier scans have read says nothing about the speed.
            self.known = nbytes if now - self.began < KEPT_SECONDS else 0
        if now - self.said >= HEARTBEAT_SECONDS:
            self.said = now
            say(self._describe(records, nbytes, now - self.began))
        super().update(records, nbytes)

    def found(self, records: int) -> None:
        """Remember how many records with errors there are so far."""
        self.errors = records

    def close(self) -> None:
        """The scan is over: what comes next belongs to another one."""
        self.began = self.said = time.monotonic()
        self.started = False

    def _describe(self, records: int, nbytes: int, seconds: float) -> str:
        """How far the scan is, in words."""
        if not self.started:
            return f"{describe_planning(records)}, after {seconds:,.0f} s"
        of = f" of {self.total:,}" if self.total else ""
        speed = (nbytes - (self.known or 0)) / seconds / 1e6
        errors = describe_errors(self.errors)
        text = f"{records:,}{of} records after {seconds:,.0f} s, {speed:,.0f} MB/s"
        return f"{text}, {errors}" if errors else text


def threadless_bar() -> Any:
    """The class of a bar without a monitor thread, which would make forking unsafe.

    Other bars in this process keep theirs.
    """
    from tqdm import tqdm

    kind: Any = type("ThreadlessBar", (tqdm,), {"monitor_interval": 0})
    kind.set_lock(threading.RLock())
    return kind


def make_progress(stream: TextIO | None, signals: SignalWatcher, *, silent: bool) -> Closeable:
    """A bar on a terminal, a line now and then elsewhere and in CI; nothing if ``silent``."""
    stream = stream or sys.stderr
    if silent:
        return SilentProgress(signals)
    if os.environ.get("CI") or not stream.isatty():
        return Heartbeat(signals)
    return ProgressBar(stream, signals)
