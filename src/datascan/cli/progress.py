"""The progress bar, and what SIGINT and SIGTERM do to a scan."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from datascan.executors.base import Progress, ScanCancelled

if TYPE_CHECKING:
    from datascan.records.shard import Plan


@dataclass
class SignalWatcher:
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
def cancellable(given: argparse.Namespace) -> Iterator[tuple[Closeable, SignalWatcher]]:
    """Progress to scan with, and what notes the signals meanwhile.

    Raises:
        Interrupted: where a signal ends everything.
    """
    from datascan.cli.progress import make_progress

    interrupt = SignalWatcher()
    handle_signals(interrupt)
    silent = given.no_progress or given.quiet
    progress = make_progress(sys.stderr, lambda: interrupt.stopped, silent=silent)
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
def restored_signals() -> Iterator[None]:
    """Put the handlers of SIGINT and SIGTERM back, for a process that is about to end."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, handler)


class Closeable(Progress, Protocol):
    """Progress that can be ended."""

    def close(self) -> None:
        """Show nothing more."""


class SilentProgress:
    """Shows nothing; ends the scan when ``stopped()`` says so."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.stopped = stopped

    def start(self, plan: Plan) -> None:  # noqa: ARG002  (nothing to show of it)
        """From now on, a stop ends the scan with a report."""
        self.stopped()

    def update(self, records: int, nbytes: int) -> None:  # noqa: ARG002
        """Raise :class:`ScanCancelled` if the scan is to end."""
        if self.stopped():
            raise ScanCancelled

    def notify(self, text: str) -> None:
        """A line on standard error."""
        print(f"datascan: {text}", file=sys.stderr)

    def close(self) -> None:
        """Nothing to end."""


class ProgressBar(SilentProgress):
    """A bar with records a second and megabytes a second."""

    def __init__(self, stream: TextIO, stopped: Callable[[], bool]) -> None:
        super().__init__(stopped)
        self.stream = stream
        self.bar: Any = None
        self.by_records = False

    def start(self, plan: Plan) -> None:
        """Draw the bar; it counts records where their number is known, else bytes."""
        super().start(plan)
        self.close()  # of the scan before this one
        records = plan.records if plan.records is not None else plan.store_count
        self.by_records = records is not None
        self.bar = threadless_bar()(
            total=records if self.by_records else plan.nbytes,
            unit=" records" if self.by_records else "B",
            unit_scale=True,
            file=self.stream,
            leave=False,
            dynamic_ncols=True,
        )

    def update(self, records: int, nbytes: int) -> None:
        """Move the bar."""
        done = records if self.by_records else nbytes
        if self.bar is not None:
            elapsed = self.bar.format_dict["elapsed"] or 1.0
            self.bar.set_postfix_str(f"{nbytes / elapsed / 1e6:,.0f} MB/s", refresh=False)
            self.bar.update(max(0, done - self.bar.n))
        super().update(records, nbytes)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def threadless_bar() -> Any:
    """The class of a bar that starts no thread and no process, which would make forking unsafe.

    Other bars of this process stay as they are.
    """
    from tqdm import tqdm

    lone: Any = type("LoneBar", (tqdm,), {"monitor_interval": 0})
    lone.set_lock(threading.RLock())
    return lone


def make_progress(stream: TextIO | None, stopped: Callable[[], bool], *, silent: bool) -> Closeable:
    """A bar if ``stream`` is a terminal and ``silent`` is False."""
    stream = stream or sys.stderr
    return (
        SilentProgress(stopped) if silent or not stream.isatty() else ProgressBar(stream, stopped)
    )
