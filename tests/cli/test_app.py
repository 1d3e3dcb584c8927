"""The command line: exit status, one-line errors, and outputs, as a shell would see them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from datascan.cli.app import build_parser, parse, printable_warnings
from datascan.errors import PluginWarning, UsageError
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb

RULES_OF_SPEC = 33


def datascan(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datascan", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )


def fails_in_one_line(*arguments: object) -> str:
    result = datascan(*arguments)
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("datascan: ")
    return result.stderr


@pytest.fixture
def healthy(tmp_path):
    return write_lmdb(tmp_path / "healthy", numbered(random_datums(300)))


@pytest.fixture
def faulty(tmp_path):
    values = random_datums(300)
    values[17] = datum(np.arange(48, dtype=np.uint8).reshape(3, 4, 4), 10)
    return write_lmdb(tmp_path / "faulty", numbered(values))


def test_clean_is_0(healthy):
    result = datascan("lmdb", healthy, "--num-classes", 3, "--batch-size", "64,128")
    assert result.returncode == 0, result
    assert result.stderr == ""
    assert "PASS" in result.stdout


def test_findings_are_1(faulty):
    result = datascan("lmdb", faulty, "--num-classes", 10)
    assert result.returncode == 1
    assert "FAIL" in result.stdout
    assert "label-out-of-range" in result.stdout
    assert "00000017" in result.stdout
    assert "\x1b" not in result.stdout


def test_json_alone_on_standard_output(faulty):
    result = datascan("lmdb", faulty, "--num-classes", 10, "--json", "-")
    report = json.loads(result.stdout)
    assert report["schema"] == "datascan-report/1"
    assert report["verdict"] == "fail"
    assert report["dataset"]["records"] == 300
    (finding,) = (f for f in report["findings"] if f["severity"] == "error")
    assert finding["rule"] == "label-out-of-range"
    assert finding["records"] == 1
    assert finding["examples"] == [{"index": 17, "key": "00000017", "detail": "label 10"}]


def test_json_and_bad_records_in_files(faulty, tmp_path):
    saved, bad = tmp_path / "report.json", tmp_path / "bad.jsonl"
    result = datascan(
        "scan", faulty, "--num-classes", 10, "--json", saved, "--bad-records", bad, "-qq"
    )
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")
    assert json.loads(saved.read_text())["dataset"]["backend"] == "lmdb"
    assert [json.loads(line) for line in bad.read_text().splitlines()] == [
        {
            "index": 17,
            "key": "00000017",
            "rule": "label-out-of-range",
            "severity": "error",
            "detail": "label 10",
        }
    ]
    shown = datascan("report", saved)
    assert shown.returncode == 1
    assert "label-out-of-range" in shown.stdout


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--fail-on", "never"], 0),
        (["--ignore", "label-out-of-range"], 0),
        (["--select", "nan-value"], 0),
        (["--select", "label-out-of-range"], 1),
        (["--limit", "17"], 0),
        (["--limit", "18"], 1),
        (["--label-type", "none"], 0),
        (["--label-type", "class"], 1),
    ],
)
def test_options_that_change_the_verdict(faulty, options, status):
    assert datascan("lmdb", faulty, "--num-classes", 10, *options).returncode == status


def test_fail_on_warning(healthy):
    assert datascan("lmdb", healthy, "--batch-size", 2).returncode == 0
    assert datascan("lmdb", healthy, "--batch-size", 2, "--fail-on", "warning").returncode == 1


def test_bad_paths(tmp_path):
    assert "no such path" in fails_in_one_line("lmdb", tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    for command in ("lmdb", "leveldb", "hdf5", "images", "scan"):
        if command != "images":
            fails_in_one_line(command, tmp_path / "empty")
    (tmp_path / "text").write_text("hello\n")
    for command in ("lmdb", "leveldb", "hdf5", "images", "scan"):
        fails_in_one_line(command, tmp_path / "text")


@pytest.mark.parametrize(
    "options",
    [
        ["--batch-size", "0"],
        ["--batch-size", "8,-1"],
        ["--batch-size", "x"],
        ["--num-classes", "0"],
        ["--workers", "-1"],
        ["--limit", "0"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--max-pixels", "0"],
        ["--label-type", "word"],
        ["--fail-on", "info"],
        ["--no-such-option"],
    ],
)
def test_bad_options(healthy, options):
    fails_in_one_line("lmdb", healthy, *options)


def test_unknown_rule_names_the_nearest(healthy):
    message = fails_in_one_line("lmdb", healthy, "--ignore", "nan-values")
    assert "did you mean nan-value?" in message
    assert "did you mean nan-value?" in fails_in_one_line("explain", "nan-values")


def test_outputs_are_tried_before_the_scan(tmp_path, healthy):
    for option in ("--json", "--bad-records"):
        message = fails_in_one_line("lmdb", healthy, option, tmp_path / "absent" / "file")
        assert "absent" in message
        fails_in_one_line("lmdb", healthy, option, tmp_path)


def test_a_full_disk(healthy):
    result = datascan("lmdb", healthy, "--json", "/dev/full")
    assert result.returncode == 2
    assert result.stdout.startswith("PASS")
    assert result.stderr == "datascan: cannot write /dev/full: No space left on device\n"


def test_a_closed_pipe(faulty):
    command = f'"{sys.executable}" -m datascan lmdb "{faulty}" | head -n 1 >/dev/null'
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""


def test_explain():
    one = datascan("explain", "nan-value")
    assert one.returncode == 0
    assert "How to fix it" in one.stdout
    every = datascan("explain")
    assert every.stdout.count("How to fix it") >= RULES_OF_SPEC


def test_version_and_help():
    assert datascan("--version").stdout.startswith("datascan 0.")
    assert datascan("--help").returncode == 0
    assert datascan("lmdb", "--help").returncode == 0
    fails_in_one_line()
    fails_in_one_line("lmbd", "x")


def test_colour_is_forced_only_where_asked(faulty):
    assert "\x1b" not in datascan("lmdb", faulty, NO_COLOR="1").stdout


def test_the_dataset_path_may_look_like_anything(tmp_path):
    hostile = tmp_path / "a\nb\x1b[31m"
    write_lmdb(hostile, numbered(random_datums(30)))
    result = datascan("lmdb", hostile)
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    message = fails_in_one_line("lmdb", tmp_path / "no\nsuch\x1b[31m")
    assert "\x1b" not in message


def test_warnings_of_libraries_are_escaped(capsys):
    with printable_warnings():
        warnings.simplefilter("default")
        warnings.warn("a\x1b[31m\n::stop-commands::x", stacklevel=1)
        warnings.warn(PluginWarning("b\n##[error]c"), stacklevel=1)
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.endswith(r"UserWarning: a\x1b[31m\n::stop-commands::x")
    assert last == r"datascan: b\n\x23#[error]c"


def test_python_interface_from_a_script_without_a_guard(healthy, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import datascan, threading, time\n"
        "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
        f"report = datascan.scan({str(healthy)!r}, num_classes=3, workers=2, batch_sizes=[64])\n"
        "print(report.passed, report.dataset.records, len(report.findings))\n"
    )
    result = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )
    assert result.stdout == "True 300 0\n", result


def test_nothing_is_left_behind(healthy, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for workers in (0, 2):
        datascan("scan", healthy, "--workers", workers, TMPDIR=str(scratch))
        assert list(scratch.iterdir()) == []


def test_real_datasets(shared_data: Path):
    for name in (
        "caffe_uint8_lmdb",
        "caffe_jpeg_lmdb",
        "caffe_float_lmdb",
        "caffe_uint8_leveldb",
        "caffe_png_leveldb",
        "caffe_float_leveldb",
        "sample_data.h5",
        "sample_data_2_gzip.h5",
    ):
        result = datascan("scan", shared_data / name, "--json", "-")
        assert result.returncode == 0, result
        expected = 10 if name.endswith(".h5") else 300
        assert json.loads(result.stdout)["dataset"]["records"] == expected


def test_two_outputs_in_one_file(healthy, tmp_path):
    name = tmp_path / "out"
    message = fails_in_one_line("lmdb", healthy, "--json", name, "--bad-records", name)
    assert "name one file" in message
    for name in ("", "-"):
        assert "needs the name" in fails_in_one_line("lmdb", healthy, "--bad-records", name)


def test_a_terminal_that_knows_ascii_only(tmp_path):
    write_lmdb(tmp_path / "tr\u00e4in", numbered(random_datums(30)))
    result = datascan("lmdb", tmp_path / "tr\u00e4in", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")
    assert "tr\\xe4in" in result.stdout


def test_what_programs_read_is_utf8_everywhere(tmp_path):
    write_lmdb(tmp_path / "tr\u00e4in", numbered([*random_datums(30), b""]))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "GITHUB_ACTIONS": "true"}
    command = [sys.executable, "-m", "datascan", "lmdb", tmp_path / "tr\u00e4in", "--json", "-"]
    result = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert result.returncode == 1
    assert json.loads(result.stdout.decode())["dataset"]["path"] == str(tmp_path / "tr\u00e4in")
    assert "tr\u00e4in" in result.stderr.decode()


def test_html_of_a_scan_and_of_its_saved_report(faulty, tmp_path):
    saved, page, again = (tmp_path / name for name in ("r.json", "r.html", "again.html"))
    arguments = ("lmdb", faulty, "--num-classes", 10, "--json", saved, "--html", page, "-qq")
    result = datascan(*arguments)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")
    report = json.loads(saved.read_text())
    assert report["command"].startswith(f"datascan lmdb {faulty} --num-classes 10 --json ")
    assert report["started"][:2] == "20"
    assert {"strip", "gap_curve", "histogram", "thumbnails"} <= set(report)
    result = datascan("report", saved, "--html", again)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"wrote {again}\n")
    assert again.read_text() == page.read_text()
    assert page.read_text().startswith("<!doctype html>")


def test_what_only_a_page_shows_is_made_for_a_file_only(faulty):
    report = json.loads(datascan("lmdb", faulty, "--json", "-").stdout)
    assert not {"strip", "gap_curve", "histogram", "thumbnails", "command"} & set(report)


def test_a_page_that_cannot_be_written_is_told_first(faulty, tmp_path):
    fails_in_one_line("lmdb", faulty, "--html", tmp_path / "no" / "r.html")
    fails_in_one_line("report", faulty / "data.mdb", "--html", tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("option", ["--json", "--html", "--bad-records", "--sarif", "--junit"])
def test_no_output_overwrites_what_is_read(healthy, tmp_path, option):
    for target in (healthy / "data.mdb", tmp_path / "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(healthy / "data.mdb")
        before = (healthy / "data.mdb").read_bytes()
        told = fails_in_one_line("lmdb", healthy, option, target)
        assert f"{option} would overwrite what is read" in told
        assert (healthy / "data.mdb").read_bytes() == before
    for _ in range(2):  # a report may lie in the folder, also that of the run before
        assert datascan("lmdb", healthy, option, healthy / "report.json").returncode == 0
    (healthy / "report.json").unlink()


def test_a_list_is_not_overwritten(tmp_path):
    (tmp_path / "list.txt").write_text("a.jpg 0\n")
    arguments = ("images", tmp_path, "--list", tmp_path / "list.txt", "--json")
    assert "would overwrite" in fails_in_one_line(*arguments, tmp_path / "list.txt")


@pytest.mark.parametrize("arguments", ["lmdb {0}", "lmdb {0} --json -", "explain", "report {1}"])
@pytest.mark.parametrize("stream", [">/dev/full", ">&-"])
def test_standard_output_that_cannot_be_written(healthy, tmp_path, arguments, stream):
    datascan("lmdb", healthy, "--json", tmp_path / "r.json", "-qq")
    command = arguments.format(shlex.quote(str(healthy)), shlex.quote(str(tmp_path / "r.json")))
    whole = f"exec {shlex.quote(sys.executable)} -m datascan {command} {stream}"
    result = subprocess.run(["sh", "-c", whole], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("datascan: cannot write the output: ")


@pytest.mark.parametrize("stream", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_nobody_needs_may_be_closed(healthy, stream):
    whole = f"exec {shlex.quote(sys.executable)} -m datascan lmdb '{healthy}' -qq {stream}"
    result = subprocess.run(["sh", "-c", whole], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("lmdb a b", "unexpected argument: b"),
        ("lmdb a b c", "unexpected argument: b"),
        ("lmdb a b --bogus", "no such option: --bogus"),
        ("lmdb a --bogus=1 --other", "no such option: --bogus"),
    ],
)
def test_the_first_argument_that_is_unknown_is_named(command, message):
    arguments = command.split()
    with pytest.raises(UsageError, match=message):
        build_parser(arguments).parse_args(arguments)


def outcome(read, words, capsys):
    """What parsing gives: the arguments, or the error, and what was printed."""
    try:
        found = vars(read(words))
    except (SystemExit, UsageError) as error:
        found = repr(error)
    return found, capsys.readouterr()


@pytest.mark.parametrize(
    "line",
    [
        "lmdb a",
        "lmdb a b",
        "lmdb",
        "lmdb --help",
        "lmdb -h a",
        "lmdb --version",
        "lmdb a --batch-size 3 --batch-size=4,5 --cache",
        "lmdb a --batch-sizes 3",
        "lmdb a --workers",
        "lmdb a --workers -1",
        "lmdb -- --help",
        "lmdb a -- -b",
        "lmdb a -qq -v --no-such",
        "lmdb a -qx",
        "scan a b --select nan-value -",
        "scan --cache a b",
        "images a --exclude x --list -",
        "check --config a",
        "log a b",
        "net a --solver b",
        "explain",
        "completion fishy",
        "--help",
        "--version",
        "--version lmdb",
    ],
)
def test_one_parser_of_a_command_parses_as_that_of_all(line, capsys):
    words = line.split()
    alone = outcome(parse, words, capsys)
    everything = outcome(lambda words: build_parser(words).parse_args(words), words, capsys)
    assert alone == everything
