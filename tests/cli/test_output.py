"""Where reports are written, and what is never overwritten."""

from __future__ import annotations

import argparse
import io
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from datascan.cli.app import run
from datascan.cli.guard.guard import Guard
from datascan.cli.guard.inputs import Inputs
from datascan.cli.output import (
    OutputFiles,
    RecordCounter,
    annotate,
    describe_resumption,
    exit_status,
    guard_of,
    is_quiet,
    saved_status,
    wants_charts,
    with_command,
    write_outputs,
    write_utf8,
)
from datascan.errors import OutputError, UsageError
from datascan.plugins import output_helps
from datascan.report.stop import Stopped
from datascan.testing.reports import finding, report
from tests.builders.lmdb import numbered, random_datums, write_lmdb


def arguments(**given) -> argparse.Namespace:
    names = [name.replace("-", "_") for name in output_helps()]
    fixed = {"quiet": 0, "verbose": False, "force": False, "typed": "typed"}
    return argparse.Namespace(**{**dict.fromkeys(names), **fixed, **given})


def output_files(args: argparse.Namespace, *further: str) -> OutputFiles:
    return OutputFiles(args, guard_of(args), further)


def test_outputs_that_can_be_written(tmp_path):
    names = {"json": "a.json", "html": "b.html", "junit": "c.xml"}
    output_files(arguments(**{name: str(tmp_path / file) for name, file in names.items()})).check()
    output_files(arguments(json="-")).check()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"html": "-"}, "--html needs the name of a file"),
        ({"html": ""}, "--html needs the name of a file"),
        ({"json": ""}, "--json needs the name of a file"),
        ({"bad_records": "-"}, "--bad-records needs the name of a file"),
        ({"json": "same", "html": "./same"}, "--html and --json name one file: same"),
        ({"html": "x", "bad_records": "x"}, "--html and --bad-records name one file"),
        ({"html": "empty", "json": "hard"}, "--html and --json name one file"),
        ({"html": "empty", "json": "soft"}, "--html and --json name one file"),
    ],
)
def test_names_that_make_no_sense(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    Path("hard").hardlink_to("empty")
    Path("soft").symlink_to("empty")
    with pytest.raises(UsageError, match=message):
        output_files(arguments(**given), "bad-records").check()


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(OutputError):
        output_files(arguments(html=str(tmp_path / "absent" / "a.html"))).check()


def test_several_outputs_may_go_to_a_device():
    output_files(arguments(html="/dev/stdout", junit="/dev/stdout")).check()


def test_an_input_is_not_overwritten(tmp_path):
    net = tmp_path / "net.prototxt"
    net.touch()
    with pytest.raises(UsageError, match="--html would overwrite what is read: "):
        output_files(arguments(html=str(net), net=net)).check()
    with pytest.raises(UsageError, match="--html would overwrite"):
        output_files(arguments(html=str(net), paths=[Path("other"), net])).check()
    with pytest.raises(UsageError, match="--resume would overwrite"):
        output_files(arguments(resume=net, net=net), "resume").check()


def test_every_path_that_is_read():
    paths = [Path("a"), Path("b")]
    args = arguments(paths=paths, net=Path("n"), config=None, html="page", limit=3)
    args.resume, args.output = Path("resume"), Path("out")
    guard = guard_of(args, [Path("c")], [Path("a")])
    assert set(guard.inputs.paths) == {*paths, Path("n"), Path("c")}
    assert set(guard_of(args, replaced=Path("n")).inputs.paths) == set(paths)
    assert not guard.force
    args.force = True
    assert guard_of(args).force


def test_a_stream_that_is_read(tmp_path, capfd):
    saved = tmp_path / "saved.json"
    saved.touch()
    stream = os.open(saved, os.O_RDWR)
    before = os.dup(1)
    os.dup2(stream, 1)
    try:
        with pytest.raises(UsageError, match="standard output would overwrite what is read"):
            output_files(arguments(file=saved)).check()
    finally:
        os.dup2(before, 1)
        os.close(before)
        os.close(stream)
    output_files(arguments(file=saved)).check()


def test_an_output_that_fails_costs_that_output_only(tmp_path, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    names = {"html": str(gone / "a"), "json": str(tmp_path / "b"), "junit": "/dev/full"}
    args = arguments(**names)
    files = output_files(args)
    files.check()
    gone.rmdir()
    write_outputs(report(), args, files)
    assert files.finish(0) == 2
    out, err = capsys.readouterr()
    assert out.startswith("PASS")
    assert err.splitlines() == [
        f"wrote {tmp_path / 'b'}",
        f"datascan: cannot write {gone / 'a'}: No such file or directory",
        "datascan: cannot write /dev/full: No space left on device",
    ]


def test_all_is_written_before_standard_output_fails(tmp_path, monkeypatch, capsys):
    args = arguments(sarif=str(tmp_path / "a"), json="-")
    files = output_files(args)
    with open("/dev/full", "w") as full:  # noqa: PTH123  (a device)
        monkeypatch.setattr("sys.stdout", full)
        write_outputs(report(), args, files)
        monkeypatch.undo()
    assert files.finish(1, quiet=True) == 2
    assert (tmp_path / "a").exists()
    err = capsys.readouterr().err
    assert err == "datascan: cannot write the output: No space left on device\n"


def test_an_output_that_cannot_be_rendered(tmp_path, capsys):
    def fail():
        raise OutputError("it has a flaw")

    files = output_files(arguments(html=str(tmp_path / "a"), json=str(tmp_path / "b")))
    files.write("html", fail)
    files.write("json", lambda: ["x"])
    assert files.finish(0) == 2
    assert capsys.readouterr().err == f"wrote {tmp_path / 'b'}\ndatascan: it has a flaw\n"
    assert [file.name for file in tmp_path.iterdir()] == ["b"]


def test_files_are_named_with_the_records_in_them(tmp_path, capsys):
    args = arguments(bad_records=str(tmp_path / "bad.jsonl"))
    files = output_files(args, "bad-records")
    lines = [
        '{"index": 1, "key": "a", "rule": "x"}\n',
        '{"index": 1, "key": "a", "rule": "y"}\n',
        '{"index": 2, "key": "a", "rule": "x"}\n',
    ]
    files.write("bad-records", lambda: lines, counted=True)
    files.write("html", lambda: ["not asked for"])
    assert files.finish(1) == 1
    assert capsys.readouterr().err == f"wrote {tmp_path / 'bad.jsonl'} (2 records)\n"
    files.finish(1, quiet=True)
    assert capsys.readouterr().err == ""
    counter = RecordCounter()
    assert list(counter.count([])) == []
    assert counter.records == 0


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({}, False), ({"html": "a"}, True), ({"json": "a"}, True), ({"json": "-"}, False)],
)
def test_charts_are_made_for_pages(given, wanted):
    assert wants_charts(arguments(**given)) == wanted
    assert (with_command(report(), arguments(**given)).command == "typed") == wanted


def test_an_output_on_standard_output_is_the_only_one(capsys):
    for given in ({"json": "-"}, {}, {"quiet": 2}):
        args = arguments(**given)
        write_outputs(report(), args, output_files(args))
        shown = capsys.readouterr().out
        assert shown.startswith("{") == ("json" in given)
        assert bool(shown) == ("quiet" not in given)
    write_outputs(report(), args, output_files(args))
    assert capsys.readouterr().out == ""


def test_one_line_in_place_of_the_report(capsys):
    args = arguments(quiet=1)
    write_outputs(report(finding()), args, output_files(args))
    line = capsys.readouterr().out
    assert line == "FAIL  train_lmdb  1 error\n"
    assert is_quiet(args)
    args = arguments(quiet=1, json="-")
    write_outputs(report(finding()), args, output_files(args))
    assert capsys.readouterr().out.startswith("{")


def test_files_are_written_and_the_report_is_printed(tmp_path, capsys):
    args = arguments(json=str(tmp_path / "a.json"))
    write_outputs(report(), args, output_files(args))
    assert (tmp_path / "a.json").read_text().startswith("{")
    assert not capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize(("taken", "streams"), [(False, (True, False)), (True, (False, True))])
def test_annotations_of_github(monkeypatch, capsys, taken, streams):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    annotate([report(finding())], taken=taken)
    out, err = capsys.readouterr()
    assert ("::" in out, "::" in err) == streams
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    annotate([report(finding())], taken=taken)
    assert capsys.readouterr() == ("", "")


def test_text_is_utf_8_whatever_the_stream_has():
    octets = io.BytesIO()
    stream = io.TextIOWrapper(octets, encoding="ascii")
    stream.write("first ")
    write_utf8(stream, "größe \udcff")
    assert octets.getvalue() == "first größe \\udcff".encode()
    text = io.StringIO()
    write_utf8(text, "größe")
    assert text.getvalue() == "größe"


def test_statuses():
    signals = SimpleNamespace(received=2)
    assert exit_status(report(), signals) == 0
    assert exit_status(report(finding(severity="error")), signals) == 1
    assert exit_status(report(complete=False), signals) == 130


def test_a_saved_report_ends_as_its_scan_did():
    assert saved_status(report()) == 0
    assert saved_status(report(finding(severity="error"))) == 1
    assert saved_status(report(complete=False)) == 130
    assert saved_status(report(finding(severity="error"), complete=False)) == 130
    by_signal = Stopped(by="signal")
    assert saved_status(report(complete=False, stopped=by_signal)) == 130
    by_signal = Stopped(by="signal", signal=signal.SIGTERM)
    assert saved_status(report(complete=False, stopped=by_signal)) == 143


def test_how_to_continue():
    args = argparse.Namespace(resume=Path("r"), typed="datascan scan x --resume r")
    assert describe_resumption(args) == "continue with: datascan scan x --resume r"
    args.resume = None
    assert "--resume FILE" in describe_resumption(args)


def test_a_guard_without_anything_to_read():
    assert Guard().inputs == Inputs()


@pytest.mark.parametrize(
    ("words", "records"),
    [
        (["scan", "store"], "1 record"),
        (["net", "net.prototxt"], "0 records"),
        (["log", "train.log"], "0 records"),
        (["check"], "1 record"),
    ],
)
def test_a_line_for_each_file(tmp_path, monkeypatch, capsys, words, records):
    """Of every command that writes reports; none if less is to be said."""
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "store", numbered([*random_datums(300), b""]))
    (tmp_path / "net.prototxt").write_text('layer { name: "a" type: "ReLU" bottom: "a" top: "a" }')
    (tmp_path / "train.log").write_text("iteration,loss\n1,2.0\n2,1.0\n")
    if words == ["check"]:
        (tmp_path / "datascan.toml").write_text("[dataset.store]\n")
    files = [f"--{name}={name}" for name in (*output_helps(), "bad-records")]
    command = [*words, *files, "--no-progress"]
    assert run(command) in (0, 1)
    told = capsys.readouterr().err.splitlines()
    named = [*(f"wrote {name}" for name in output_helps()), f"wrote bad-records ({records})"]
    assert sorted(told) == sorted(named)
    for quiet in ("-q", "-qq", "--json=-"):
        assert run([*command, quiet]) in (0, 1)
        assert capsys.readouterr().err == ""


def test_a_report_that_is_shown_again_names_its_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.json").write_text(report().to_json())
    assert run(["report", "r.json", "--html", "r.html", "--markdown", "r.md"]) == 0
    assert capsys.readouterr().err == "wrote r.html\nwrote r.md\n"


def test_learn_and_accept_name_their_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "store", numbered([*random_datums(300), b""]))
    assert run(["learn", "store", "-o", "expect.toml", "--no-progress"]) == 1
    assert "wrote expect.toml" in capsys.readouterr().err.splitlines()
    accept = ["accept", "store", "--baseline", "known.toml", "--reason", "x", "--no-progress"]
    assert run(accept) == 0
    assert "wrote known.toml" in capsys.readouterr().err.splitlines()
