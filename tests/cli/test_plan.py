"""``--plan``, ``--fail-fast``, ``--max-time`` and ``--nice`` in a shell and in a terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from datascan.cli import progress as progress_module
from datascan.cli.progress import NARROW, Heartbeat, ProgressBar, SignalWatcher
from datascan.records.shard import Plan
from tests.builders.hdf5 import write_hdf5
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan, fails_in_one_line
from tests.cli.test_progress import Terminal

ROWS = 3000


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "store", numbered(random_datums(300)))


@pytest.fixture
def faulty(tmp_path):
    values = random_datums(300)
    values[17] = datum(np.arange(48, dtype=np.uint8).reshape(3, 4, 4), 0)[:-9]
    return write_lmdb(tmp_path / "faulty", numbered(values))


def in_terminal(*arguments, columns=80):
    """What a terminal of that width shows, and the exit status."""
    pty = pytest.importorskip("pty")
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    size = (24).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + bytes(4)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "COLUMNS", "LINES")}
    run = subprocess.Popen(
        [sys.executable, "-m", "datascan", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown.decode(), run.wait(timeout=60)


def test_a_plan_says_what_a_scan_would_take(store):
    found = datascan("lmdb", store, "--plan")
    assert (found.returncode, found.stderr) == (0, "")
    head, *lines, last = found.stdout.replace("\n      caffe-datum)", " caffe-datum)").splitlines()
    assert head == f"PLAN  {store}  (lmdb, caffe-datum)"  # unless the path is so long that it wraps
    subjects = [line.split()[0] for line in lines]
    assert subjects == ["records", "bytes", "parts", "processes", "memory", "time"]
    assert lines[0].split() == ["records", "300"]
    assert "1: the dataset is small" in found.stdout
    assert "a process may use" in found.stdout
    assert "about 1 s (trial: 300 records" in found.stdout
    assert last.strip() == "nothing else was read, and nothing was judged"


def test_a_quiet_plan_is_one_line_or_nothing(store):
    result = datascan("lmdb", store, "--plan", "-q")
    assert (result.returncode, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"PLAN  {store}  records: 300; ")
    assert "time: about 1 s" in line
    assert datascan("lmdb", store, "--plan", "-qq").stdout == ""


def test_in_a_terminal_a_plan_fits_its_width(store):
    shown, status = in_terminal("lmdb", store, "--plan", columns=60)
    assert status == 0
    lines = shown.replace("\r", "").splitlines()
    assert any(line.strip().startswith("records") for line in lines)
    assert max(len(line) for line in lines if str(store) not in line) <= 60


def test_a_plan_can_be_json_and_nothing_else(store, tmp_path):
    found = datascan("lmdb", store, "--plan", "--json", "-")
    plan = json.loads(found.stdout)
    assert (plan["schema"], plan["records"], plan["is_estimate"]) == (
        "datascan-plan/1",
        300,
        False,
    )
    for option in ("--json", "--html", "--junit", "--sarif", "--bad-records"):
        said = fails_in_one_line("lmdb", store, "--plan", option, tmp_path / "out")
        assert f"no report for {option} (--json - prints the plan as JSON)" in said
    assert not (tmp_path / "out").exists()


def test_a_plan_of_a_limit_or_a_sample(store):
    assert "300" not in datascan("lmdb", store, "--plan", "--limit", 20).stdout.split("\n")[1][:12]
    limited = json.loads(datascan("lmdb", store, "--plan", "--limit", 20, "--json", "-").stdout)
    sample = json.loads(datascan("lmdb", store, "--plan", "--sample", 30, "--json", "-").stdout)
    assert (limited["records"], limited["total"]) == (20, 300)
    assert (sample["records"], sample["total"]) == (30, 300)
    assert limited["bytes"] < sample["bytes"]


def test_a_plan_of_a_damaged_store_says_so_and_ends_with_0(store):
    data = store / "data.mdb"
    octets = data.read_bytes()
    data.write_bytes(octets[: len(octets) // 2])
    cut = datascan("lmdb", store, "--plan")
    assert cut.returncode == 0
    assert "damage    truncated-store: data.mdb has" in cut.stdout
    assert (
        "; damage: truncated-store: data.mdb has" in datascan("lmdb", store, "--plan", "-q").stdout
    )
    data.write_bytes(bytes(4096))
    assert "too few for its two meta pages" in datascan("lmdb", store, "--plan").stdout
    data.write_bytes(bytes(len(octets)))
    empty = datascan("lmdb", store, "--plan")
    assert empty.returncode == 0
    assert "both meta pages are damaged" in empty.stdout
    assert "not known (trial: 0 records" in empty.stdout


def test_what_cannot_be_planned_is_one_line_and_2(tmp_path):
    assert "no such path" in fails_in_one_line("lmdb", tmp_path / "absent", "--plan")
    (tmp_path / "empty").mkdir()
    assert fails_in_one_line("images", tmp_path / "empty", "--plan")


def test_a_plan_says_what_the_trial_met(faulty):
    found = datascan("lmdb", faulty, "--plan")
    assert found.returncode == 0
    assert "trial     found 1 record with errors" in found.stdout


def test_each_of_several_datasets_has_a_plan(store, faulty, tmp_path):
    found = datascan("scan", store, faulty, "--plan")
    assert found.returncode == 0, found
    heads = [line for line in found.stdout.splitlines() if line.startswith("PLAN")]
    assert [head.split()[:2] for head in heads] == [["PLAN", str(store)], ["PLAN", str(faulty)]]
    assert "FAIL" not in found.stdout
    said = fails_in_one_line("scan", store, faulty, "--plan", "--json", "-")
    assert "--plan --json - is for one dataset, but there are 2" in said


def test_a_net_has_no_plan(tmp_path):
    (tmp_path / "net.prototxt").write_text('layer { name: "a" type: "ReLU" bottom: "x" top: "x" }')
    said = fails_in_one_line("scan", tmp_path / "net.prototxt", "--plan")
    assert "for which there is no --plan" in said


def test_the_first_error_ends_several_datasets_and_time_only_one(store, faulty):
    fast = datascan("scan", faulty, store, "--fail-fast")
    assert fast.returncode == 1
    assert str(store) not in fast.stdout
    assert "2 datasets: 0 failed, 1 incomplete, 1 not scanned" in fast.stdout
    assert f"in {faulty}: malformed-record in record 17" in fast.stdout
    quiet = datascan("scan", faulty, store, "--fail-fast", "-q").stdout
    assert len(quiet.splitlines()) == 1
    assert "1 not scanned; stopped at the first error" in quiet
    assert "malformed-record in record 17" in quiet
    timed = datascan("scan", store, faulty, "--max-time", "0.000001")
    assert timed.returncode == 2
    assert (str(store) in timed.stdout, str(faulty) in timed.stdout) == (True, True)
    assert timed.stderr.count("no error was found: exit status 2") == 1


def test_the_outputs_name_what_the_first_error_has_left_out(store, faulty, tmp_path):
    asked = [
        word
        for name in ("json", "junit", "markdown", "metrics", "sarif", "html")
        for word in (f"--{name}", tmp_path / f"out.{name}")
    ]
    found = datascan("scan", faulty, store, "--fail-fast", *asked, GITHUB_ACTIONS="true")
    assert found.returncode == 1, found
    why = f"left out, because the scan of {faulty} stopped at its first error (--fail-fast)"
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["verdict"] == "incomplete"
    assert report["not_scanned"] == [{"path": str(store), "error": why}]
    assert f"::notice title=not scanned%3A {store}::{why}" in found.stdout
    for name in ("junit", "markdown", "sarif", "html"):
        text = (tmp_path / f"out.{name}").read_text()
        assert "stopped at its first error" in text, name
        assert store.name in text, name
    assert '<skipped message="left out' in (tmp_path / "out.junit").read_text()
    assert "0 failed, 1 incomplete, 1 not scanned" in (tmp_path / "out.html").read_text()
    assert "## INCOMPLETE <code>" in (tmp_path / "out.markdown").read_text()
    numbers = json.loads((tmp_path / "out.metrics").read_text())
    assert (numbers["verdict"], numbers["datasets"], numbers["not_scanned"]) == (2, 2, 1)


def test_a_plan_writes_nothing(store, tmp_path):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert datascan("lmdb", store, "--plan", "--resume", tmp_path / "r").returncode == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_first_error_ends_the_scan_with_1(faulty, tmp_path):
    found = datascan("lmdb", faulty, "--fail-fast", "--json", tmp_path / "r.json")
    assert found.returncode == 1, found
    assert found.stdout.startswith("INCOMPLETE  ")
    text = " ".join(found.stdout.split())
    assert "stopped at the first error (--fail-fast): malformed-record in record 17" in text
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["complete"], report["verdict"]) == (False, "incomplete")
    assert (report["stopped"]["by"], report["stopped"]["index"]) == ("fail-fast", 17)
    again = datascan("report", tmp_path / "r.json")
    assert (again.returncode, again.stdout.split()[0]) == (1, "INCOMPLETE")


def test_in_a_terminal_the_first_error_is_named(faulty):
    shown, status = in_terminal("lmdb", faulty, "--fail-fast", columns=100)
    assert status == 1
    assert "INCOMPLETE" in shown
    assert "malformed-record in record 17" in " ".join(shown.split())


def test_without_an_error_nothing_is_different(store):
    found = datascan("lmdb", store, "--fail-fast")
    assert found.returncode == 0
    assert found.stdout.startswith("PASS  ")


def test_time_that_is_over_does_not_pass(store, faulty, tmp_path):
    found = datascan("lmdb", store, "--max-time", "0.000001", "--json", tmp_path / "r.json")
    assert found.returncode == 2, found
    assert found.stdout.startswith("INCOMPLETE  ")
    assert "before any part of the dataset was read to its end" in " ".join(found.stdout.split())
    assert "no error was found: exit status 2" in found.stderr
    assert datascan("report", tmp_path / "r.json").returncode == 2
    looked = datascan("lmdb", store, "--max-time", "0.000001", "--fail-on", "never")
    assert (looked.returncode, looked.stdout.split()[0]) == (0, "INCOMPLETE")
    assert looked.stderr == ""


def test_enough_time_is_a_normal_scan(store, faulty):
    assert datascan("lmdb", store, "--max-time", 1000).stdout.startswith("PASS  ")
    assert datascan("lmdb", faulty, "--max-time", 1000).stdout.startswith("FAIL  ")


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf", "1e10"])
def test_a_time_that_makes_no_sense_is_refused(store, text):
    said = fails_in_one_line("lmdb", store, f"--max-time={text}")
    assert "--max-time must be a number above 0" in said


@pytest.mark.parametrize("text", ["-1", "20", "1.5", "low"])
def test_a_niceness_out_of_range_is_refused(store, text):
    said = fails_in_one_line("lmdb", store, f"--nice={text}")
    assert "--nice must be a whole number" in said


def test_a_nice_scan_is_a_scan(store):
    assert datascan("lmdb", store, "--nice", 19).returncode == 0


@pytest.mark.parametrize(("columns", "has_speed"), [(80, False), (130, True)])
def test_the_bar_counts_records_with_errors(columns, has_speed):
    stream = Terminal()
    bar = ProgressBar(stream, SignalWatcher())
    bar.start(Plan(shards=(), layout="raw", nbytes=10**9, records=50_000))
    bar.bar.dynamic_ncols, bar.bar.ncols = None, columns
    bar.update(10_000, 10**8)
    assert "errors" not in bar.bar.postfix
    bar.found(1)
    bar.update(20_000, 10**8)
    assert bar.bar.postfix.endswith("1 record with errors so far")
    bar.found(31)
    bar.update(30_000, 10**8)
    bar.bar.refresh()
    assert ("MB/s" in bar.bar.postfix) is has_speed
    assert (bar.bar.bar_format == NARROW) is not has_speed
    line = stream.getvalue().rsplit("\r", 1)[1]
    assert "31 records with errors so far" in line
    bar.close()


def test_the_lines_of_a_log_count_records_with_errors(monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: clock[0])
    shown = Heartbeat(SignalWatcher())
    shown.start(Plan(shards=(), layout="raw", nbytes=10, records=60_000))
    shown.found(31)
    clock[0] = 130.0
    shown.update(1_024, 1_024_000_000)
    shown.start(Plan(shards=(), layout="raw", nbytes=10, records=60_000))
    clock[0] = 160.0
    shown.update(1_024, 1_024_000_000)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("after 30 s, 34 MB/s, 31 records with errors so far")
    assert second.endswith("34 MB/s")


SLOW = """
import sys, time
from datascan.cli import progress
from datascan.readers.hdf5.reader import Hdf5Reader
progress.HEARTBEAT_SECONDS = 0.2
read = Hdf5Reader.read
def slowly(self, *arguments, **keywords):
    for block in read(self, *arguments, **keywords):
        time.sleep(0.3)
        yield block
Hdf5Reader.read = slowly
from datascan.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("ci", [{}, {"CI": "true"}])
def test_a_pipe_and_a_job_get_lines(tmp_path, ci):
    data = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
    data[:3, 0] = np.nan
    for name in ("a", "b", "c"):
        write_hdf5(tmp_path / f"{name}.h5", data=data, label=np.arange(ROWS) % 3)
    (tmp_path / "list.txt").write_text("a.h5\nb.h5\nc.h5\n")
    run = subprocess.run(
        [sys.executable, "-c", SLOW, "hdf5", "list.txt", "--workers", "0"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **ci},
    )
    assert run.returncode == 1, run
    assert "of 9,000 records after" in run.stderr
    assert re.search(r"MB/s, [36] records with errors so far$", run.stderr, re.MULTILINE)
