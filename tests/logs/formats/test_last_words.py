"""The last lines of a log: crashes, and requests to end."""

from __future__ import annotations

import pytest

from datascan.logs.formats.last_words import MAX_LAST_WORDS, describe_crash
from datascan.logs.reading import read_log
from tests.builders.caffe_logs import crash, glog_line, line

ABORTED = (
    '*** Aborted at 1464061323 (unix time) try "date -d @1464061323" if you are using GNU ***\n'
)
PC = "PC: @     0x7f8d0c6f0e6b (unknown)\n"
FRAMES = (
    "    @     0x7f8d0b1d2cb0 (unknown)\n"
    "    @     0x7f8d0c6f0e6b caffe::db::LMDBCursor::value()\n"
    "    @     0x7f8d0c6f0000 caffe::DataReader::Body::read_one()\n"
)


def signal(name, sender=""):
    """What glog prints on a signal."""
    received = f"*** {name} (@0x7f8c) received by PID 4711{sender}; stack trace: ***\n"
    return ABORTED + PC + received + FRAMES


def run_of(tmp_path, text):
    file = tmp_path / "train.log"
    file.write_text(line(0, 2.0) + text)
    return read_log(file).runs[0]


def test_a_signal_and_where(tmp_path):
    run = run_of(tmp_path, signal("SIGBUS"))
    assert describe_crash(run) == "SIGBUS in caffe::db::LMDBCursor::value()"
    assert run.ended is None


def test_a_failed_check_and_where(tmp_path):
    text = glog_line("blob.cpp:33", "Check failed: shape[i] >= 0 (-1 vs. 0)", "F")
    text += "*** Check failure stack trace: ***\n    @     0x7f google::LogMessage::Fail()\n"
    text += "    @     0x7f caffe::Blob<>::Reshape()\n" + signal("SIGABRT")
    run = run_of(tmp_path, text)
    assert (
        describe_crash(run) == "Check failed: shape[i] >= 0 (-1 vs. 0) in caffe::Blob<>::Reshape()"
    )


def test_a_check_that_ends_in_another_signal(tmp_path):
    run = run_of(tmp_path, "Segmentation fault\n*** SIGSEGV (@0x0) received\n")
    assert describe_crash(run) == "Segmentation fault; SIGSEGV"


@pytest.mark.parametrize(
    ("text", "by"),
    [
        (signal("SIGTERM", " from PID 1000"), "SIGTERM"),
        (signal("SIGINT"), "SIGINT"),
        ("./train.sh: line 3:  4711 Terminated              caffe train\n", "Terminated"),
        (
            "slurmstepd: error: *** JOB 17 ON node7 CANCELLED AT 2026-11-01T00:00:00 ***\n",
            "CANCELLED",
        ),
        ("Traceback (most recent call last):\n  File x\nKeyboardInterrupt\n", "KeyboardInterrupt"),
    ],
)
def test_requests_are_not_crashes(tmp_path, text, by):
    run = run_of(tmp_path, text)
    assert (run.ended, run.crash) == (by, None)
    again = run_of(tmp_path, text + line(10, 2.0))
    assert (again.ended, again.crash) == (None, None)


def test_a_request_after_a_crash_changes_nothing(tmp_path):
    run = run_of(tmp_path, crash("Check failed: x") + "Terminated\n")
    assert run.crash == "Check failed: x"


def test_no_end_of_frames(tmp_path):
    run = run_of(tmp_path, signal("SIGSEGV") + FRAMES * 1000)
    assert len(run.last_words) == MAX_LAST_WORDS
