"""How far a scan is: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TextIO

from datascan.model import Plan
from datascan.scanning import Progress, Stop


class Closeable(Progress, Protocol):
    """Progress that can be ended."""

    def close(self) -> None:
        """Show nothing more."""


class Quiet:
    """Shows nothing; ends the scan when ``stopped()`` says so."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.stopped = stopped

    def begin(self, plan: Plan) -> None:  # noqa: ARG002  (nothing to show of it)
        """From now on, a stop ends the scan with a report."""
        self.stopped()

    def update(self, records: int, nbytes: int) -> None:  # noqa: ARG002
        """Raise :class:`Stop` if the scan is to end."""
        if self.stopped():
            raise Stop

    def say(self, text: str) -> None:
        """A line on standard error."""
        print(f"datascan: {text}", file=sys.stderr)  # noqa: T201  (asked for by the user)

    def close(self) -> None:
        """Nothing to end."""


class Bar(Quiet):
    """A bar with records a second and megabytes a second."""

    def __init__(self, stream: TextIO, stopped: Callable[[], bool]) -> None:
        super().__init__(stopped)
        self.stream = stream
        self.bar: Any = None
        self.by_records = False

    def begin(self, plan: Plan) -> None:
        """Draw the bar; it counts records where their number is known, else bytes."""
        super().begin(plan)
        self.close()  # of the scan before this one
        records = plan.records if plan.records is not None else plan.claimed
        self.by_records = records is not None
        self.bar = lone_bar()(
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


def lone_bar() -> Any:
    """The class of a bar that starts no thread and no process, which would make forking unsafe.

    Other bars of this process stay as they are.
    """
    from tqdm import tqdm  # noqa: PLC0415  (only a terminal needs it)

    lone: Any = type("LoneBar", (tqdm,), {"monitor_interval": 0})
    lone.set_lock(threading.RLock())
    return lone


def progress_on(stream: TextIO | None, stopped: Callable[[], bool], *, silent: bool) -> Closeable:
    """A bar if ``stream`` is a terminal and ``silent`` is False."""
    stream = stream or sys.stderr
    return Quiet(stopped) if silent or not stream.isatty() else Bar(stream, stopped)
