"""The progress bar: on a terminal only, and it ends a scan that is to stop."""

from __future__ import annotations

import io
import threading

import pytest
from tqdm import tqdm

from datascan.cli.progress import ProgressBar, SilentProgress, make_progress
from datascan.executors.base import ScanCancelled
from datascan.records.shard import Plan


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_gets_a_bar():
    assert isinstance(make_progress(Terminal(), lambda: False, silent=False), ProgressBar)
    assert isinstance(make_progress(io.StringIO(), lambda: False, silent=False), SilentProgress)
    assert not isinstance(make_progress(Terminal(), lambda: False, silent=True), ProgressBar)


@pytest.mark.parametrize("records", [None, 1000])
def test_a_bar_shows_records_or_bytes_a_second(records):
    stream = Terminal()
    bar = ProgressBar(stream, lambda: False)
    bar.start(Plan(shards=(), layout="raw", nbytes=5000, records=records))
    bar.bar.mininterval = 0
    bar.update(500, 2500)
    bar.update(600, 3000)
    bar.close()
    bar.close()
    assert ("records/s" if records else "B/s") in stream.getvalue()
    assert "MB/s" in stream.getvalue()


@pytest.mark.parametrize(
    "progress", [SilentProgress, lambda stopped: ProgressBar(Terminal(), stopped)]
)
def test_a_stop_ends_the_scan(progress):
    stopped = []
    shown = progress(lambda: bool(stopped))
    shown.start(Plan(shards=(), layout="raw", nbytes=10))
    shown.update(1, 1)
    stopped.append(1)
    with pytest.raises(ScanCancelled):
        shown.update(2, 2)
    shown.close()


def test_a_bar_starts_no_thread_and_leaves_other_bars_alone():
    before = (threading.enumerate(), tqdm.monitor_interval, tqdm.monitor)
    bar = ProgressBar(Terminal(), lambda: False)
    bar.start(Plan(shards=(), layout="raw", nbytes=10))
    bar.update(1, 1)
    assert (threading.enumerate(), tqdm.monitor_interval, tqdm.monitor) == before
    bar.close()


def test_a_bar_counts_what_the_store_claims_where_it_has_not_counted():
    bar = ProgressBar(Terminal(), lambda: False)
    bar.start(Plan(shards=(), layout="raw", nbytes=5000, store_count=70))
    assert (bar.bar.total, bar.by_records) == (70, True)
    bar.close()


def test_a_bar_never_runs_backwards():
    bar = ProgressBar(Terminal(), lambda: False)
    bar.start(Plan(shards=(), layout="raw", nbytes=100))
    bar.update(5, 50)
    bar.update(4, 40)  # a worker died, and its shard begins again
    assert bar.bar.n == 50
    bar.update(9, 90)
    assert bar.bar.n == 90
    bar.close()


def test_nothing_is_left_of_a_bar_on_the_screen():
    stream = Terminal()
    bar = ProgressBar(stream, lambda: False)
    bar.start(Plan(shards=(), layout="raw", nbytes=100))
    bar.close()
    assert stream.getvalue().endswith("\r")
    assert "\n" not in stream.getvalue()


def test_a_closed_bar_and_silence_take_updates():
    for progress in (ProgressBar(Terminal(), lambda: False), SilentProgress(lambda: False)):
        progress.close()
        progress.update(1, 1)
