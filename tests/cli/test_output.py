"""Where reports are written, and what is never overwritten."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from datascan.cli.output import (
    REPORTS,
    annotate,
    check_outputs,
    exit_status,
    input_paths,
    overwrites_input,
    wants_charts,
    with_command,
    write_outputs,
    write_utf8,
)
from datascan.errors import OutputError, UsageError
from datascan.plugins import output_helps
from datascan.testing.reports import finding, report


def arguments(**given) -> argparse.Namespace:
    names = [name.replace("-", "_") for name in output_helps()]
    return argparse.Namespace(**{**dict.fromkeys(names), "quiet": False, "typed": "typed", **given})


def test_outputs_that_can_be_written(tmp_path):
    names = {"json": "a.json", "html": "b.html", "junit": "c.xml"}
    check_outputs(arguments(**{name: str(tmp_path / file) for name, file in names.items()}))
    check_outputs(arguments(json="-"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"html": "-"}, "--html needs the name of a file"),
        ({"html": ""}, "--html needs the name of a file"),
        ({"json": ""}, "--json needs the name of a file"),
        ({"bad_records": "-"}, "--bad-records needs the name of a file"),
        ({"json": "same", "html": "./same"}, "--html and --json name one file: same"),
        ({"html": "x", "bad_records": "x"}, "--html and --bad-records name one file"),
    ],
)
def test_names_that_make_no_sense(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        check_outputs(arguments(**given), "bad-records")


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(OutputError):
        check_outputs(arguments(html=str(tmp_path / "absent" / "a.html")))


def test_several_outputs_may_go_to_a_device():
    check_outputs(arguments(html="/dev/stdout", junit="/dev/stdout"))


def test_an_input_is_not_overwritten(tmp_path):
    net = tmp_path / "net.prototxt"
    net.touch()
    with pytest.raises(UsageError, match="--html would overwrite what is read: "):
        check_outputs(arguments(html=str(net), net=net))
    with pytest.raises(UsageError, match="--html would overwrite"):
        check_outputs(arguments(html=str(net), paths=[Path("other"), net]))
    # A checkpoint is read before it is written.
    check_outputs(arguments(resume=str(net), net=net), "resume")


def test_every_path_that_is_read():
    paths = [Path("a"), Path("b")]
    args = arguments(paths=paths, net=Path("n"), config=None, html=Path("page"), limit=3)
    args.bad_records = Path("bad")
    assert set(input_paths(args, ("bad-records",))) == {*paths, Path("n")}


def test_files_of_a_dataset(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("0.jpg", "old.html", "report.JSON"):
        (folder / name).touch()
    (tmp_path / "link").symlink_to(folder / "0.jpg")
    assert overwrites_input(folder / "0.jpg", folder)
    assert overwrites_input(tmp_path / "link", folder)
    assert overwrites_input(folder / "0.jpg", folder / "0.jpg")
    assert overwrites_input(folder, folder)
    assert not overwrites_input(folder / "old.html", folder)
    assert not overwrites_input(folder / "report.JSON", folder)
    assert not overwrites_input(folder / "new.jpg", folder)
    assert not overwrites_input(tmp_path / "0.jpg", folder)
    assert not overwrites_input(folder / "old.html", folder / "0.jpg")
    assert {".json", ".jsonl", ".html", ".htm", ".sarif", ".xml"} == REPORTS


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({}, False), ({"html": "a"}, True), ({"json": "a"}, True), ({"json": "-"}, False)],
)
def test_charts_are_made_for_pages(given, wanted):
    assert wants_charts(arguments(**given)) == wanted
    assert (with_command(report(), arguments(**given)).command == "typed") == wanted


def test_an_output_on_standard_output_is_the_only_one(capsys):
    write_outputs(report(), arguments(json="-"))
    assert capsys.readouterr().out.startswith("{")
    write_outputs(report(), arguments())
    assert capsys.readouterr().out.strip()
    write_outputs(report(), arguments(quiet=True))
    assert capsys.readouterr().out == ""


def test_files_are_written_and_the_report_is_printed(tmp_path, capsys):
    write_outputs(report(), arguments(json=str(tmp_path / "a.json")))
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
