"""The progress bar: on a terminal only, and it ends a scan that is to stop."""

from __future__ import annotations

import io
import threading

import pytest

from datascan.model import Plan
from datascan.progress import Bar, Quiet, progress_on
from datascan.scanning import Stop


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_gets_a_bar():
    assert isinstance(progress_on(Terminal(), lambda: False, silent=False), Bar)
    assert isinstance(progress_on(io.StringIO(), lambda: False, silent=False), Quiet)
    assert not isinstance(progress_on(Terminal(), lambda: False, silent=True), Bar)


@pytest.mark.parametrize("records", [None, 1000])
def test_a_bar_shows_records_or_bytes_a_second(records):
    stream = Terminal()
    bar = Bar(stream, lambda: False)
    bar.begin(Plan((), "raw", 5000, records=records))
    bar.bar.mininterval = 0
    bar.update(500, 2500)
    bar.update(600, 3000)
    bar.close()
    bar.close()
    assert ("records/s" if records else "B/s") in stream.getvalue()
    assert "MB/s" in stream.getvalue()
    assert threading.active_count() == 1


@pytest.mark.parametrize("progress", [Quiet, lambda stopped: Bar(Terminal(), stopped)])
def test_a_stop_ends_the_scan(progress):
    stopped = []
    shown = progress(lambda: bool(stopped))
    shown.begin(Plan((), "raw", 10))
    shown.update(1, 1)
    stopped.append(1)
    with pytest.raises(Stop):
        shown.update(2, 2)
    shown.close()
