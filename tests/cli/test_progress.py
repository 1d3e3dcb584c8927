"""The progress bar: on a terminal only, and it ends a scan that is to stop."""

from __future__ import annotations

import argparse
import io
import signal
import threading

import pytest
from tqdm import tqdm

from datascan.cli import progress as progress_module
from datascan.cli.progress import (
    Heartbeat,
    Interrupted,
    ProgressBar,
    SignalWatcher,
    SilentProgress,
    cancellable,
    make_progress,
)
from datascan.executors.base import ScanCancelled
from datascan.records.shard import Plan

PLAN = Plan(shards=(), layout="raw", nbytes=10)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_a_terminal_gets_a_bar(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    assert isinstance(make_progress(Terminal(), SignalWatcher(), silent=False), ProgressBar)
    assert isinstance(make_progress(io.StringIO(), SignalWatcher(), silent=False), SilentProgress)
    assert not isinstance(make_progress(Terminal(), SignalWatcher(), silent=True), ProgressBar)


def test_a_bar_would_fill_the_log_of_a_job(monkeypatch):
    monkeypatch.setenv("CI", "true")
    assert isinstance(make_progress(Terminal(), SignalWatcher(), silent=False), Heartbeat)


def test_without_a_terminal_a_line_is_printed_now_and_then(monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    shown = make_progress(io.StringIO(), SignalWatcher(), silent=False)
    shown.start(Plan(shards=(), layout="raw", nbytes=10, records=60_000))
    for clock[0], records in ((110.0, 5), (130.0, 1_024), (131.0, 1_100), (161.0, 2_000)):
        shown.update(records, records * 1_000_000)
    shown.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "datascan: 1,024 of 60,000 records after 30 s, 34 MB/s",
        "datascan: 2,000 of 60,000 records after 61 s, 33 MB/s",
    ]


@pytest.fixture
def clock(monkeypatch):
    """The time that the progress sees, as the only item."""
    now = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    return now


def test_while_files_are_listed_a_terminal_shows_how_many(clock):
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    for clock[0], files in ((100.0, 256), (100.1, 512), (100.3, 70_000), (100.4, 70_256)):
        bar.update(files, 0)
    assert stream.getvalue() == "\rlisting: 70,000 files so far"
    clock[0] = 101.0
    bar.update(80_000, 0)
    assert stream.getvalue().endswith("\rlisting: 80,000 files so far")
    bar.notify("something else")
    assert stream.getvalue().endswith("\r" + len("listing: 80,000 files so far") * " " + "\r")
    before = stream.getvalue()
    bar.close()
    assert stream.getvalue() == before
    assert "\n" not in before


def test_while_a_store_is_planned_a_terminal_says_so(clock):
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    for clock[0] in (100.0, 100.5):
        bar.update(0, 0)
    assert stream.getvalue() == "\rfinding the records"
    bar.start(PLAN)
    clock[0] = 110.0
    bar.update(1, 1)
    bar.close()
    assert "listing" not in stream.getvalue()
    assert stream.getvalue().count("finding") == 1


def test_a_listing_that_takes_a_moment_shows_nothing(clock):
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    for clock[0] in (100.0, 100.1):
        bar.update(256, 0)
    bar.close()
    assert stream.getvalue() == ""


def test_while_files_are_listed_a_log_shows_how_many_now_and_then(clock, capsys):
    shown = Heartbeat(SignalWatcher())
    for clock[0], files in ((110.0, 256), (131.0, 120_000), (140.0, 130_000)):
        shown.update(files, 0)
    shown.start(Plan(shards=(), layout="raw", nbytes=10, records=200_000))
    clock[0] = 175.0
    shown.update(7_000, 35_000_000)
    shown.close()  # of several datasets, the next one is listed now
    clock[0] = 206.0
    shown.update(0, 0)
    assert capsys.readouterr().err.splitlines() == [
        "datascan: listing: 120,000 files so far, after 31 s",
        "datascan: 7,000 of 200,000 records after 35 s, 1 MB/s",
        "datascan: finding the records, after 31 s",
    ]


@pytest.mark.parametrize("records", [None, 1000])
def test_a_bar_shows_records_or_bytes_a_second(records):
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=5000, records=records))
    bar.bar.mininterval = 0
    bar.update(500, 2500)
    bar.update(600, 3000)
    bar.close()
    bar.close()
    assert ("records/s" if records else "B/s") in stream.getvalue()
    assert "MB/s" in stream.getvalue()


@pytest.mark.parametrize(
    "progress", [SilentProgress, lambda signals: ProgressBar(Terminal(), signals)]
)
def test_a_signal_cancels_a_scan(progress):
    signals = SignalWatcher()
    shown = progress(signals)
    shown.start(Plan(shards=(), layout="raw", nbytes=10))
    shown.update(1, 1)
    signals(signal.SIGINT, None)
    with pytest.raises(ScanCancelled):
        shown.update(2, 2)
    shown.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_scan_ends_the_process(number):
    signals = SignalWatcher()
    with pytest.raises(Interrupted) as raised:
        signals(number, None)
    assert raised.value.number == signals.received == number


def test_asking_whether_a_signal_came_does_not_start_a_scan():
    signals = SignalWatcher()
    SilentProgress(signals).update(1, 1)
    assert not signals.scanning


def test_a_second_signal_ends_the_process():
    signals = SignalWatcher()
    SilentProgress(signals).start(PLAN)
    signals(signal.SIGINT, None)
    with pytest.raises(Interrupted):
        signals(signal.SIGTERM, None)
    assert signals.received == signal.SIGTERM


def test_a_bar_starts_no_thread_and_leaves_other_bars_alone():
    before = (threading.enumerate(), tqdm.monitor_interval, tqdm.monitor)
    bar = ProgressBar(Terminal(), SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=10))
    bar.update(1, 1)
    assert (threading.enumerate(), tqdm.monitor_interval, tqdm.monitor) == before
    bar.close()


def test_a_bar_counts_what_the_store_claims_where_it_has_not_counted():
    bar = ProgressBar(Terminal(), SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=5000, store_count=70))
    assert (bar.bar.total, bar.by_records) == (70, True)
    bar.close()


def test_a_bar_never_runs_backwards():
    bar = ProgressBar(Terminal(), SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=100))
    bar.update(5, 50)
    bar.update(4, 40)  # a worker died, and its shard begins again
    assert bar.bar.n == 50
    bar.update(9, 90)
    assert bar.bar.n == 90
    bar.close()


def test_nothing_is_left_of_a_bar_on_the_screen():
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=100))
    bar.close()
    assert stream.getvalue().endswith("\r")
    assert "\n" not in stream.getvalue()


def test_a_closed_bar_and_silence_take_updates():
    for progress in (ProgressBar(Terminal(), SignalWatcher()), SilentProgress(SignalWatcher())):
        progress.close()
        progress.update(1, 1)


def test_a_signal_after_the_scan_ends_the_process():
    """Otherwise, a pipe without a reader would have to be interrupted twice."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with cancellable(argparse.Namespace(no_progress=True, quiet=True)) as (shown, signals):
            shown.start(PLAN)
            signals(signal.SIGTERM, None)
            signals.received = 0
        with pytest.raises(Interrupted):
            signals(signal.SIGTERM, None)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
