"""No output of any command replaces what is read, by whatever name, nor a file of others."""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from datascan.cli.app import build_parser, run
from datascan.cli.guard.guard import Guard
from datascan.cli.guard.inputs import Inputs
from datascan.errors import OutputError, UsageError
from datascan.plugins import COMMANDS
from datascan.session import ScanSession
from tests.builders.caffe import small_net, write_net
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb

READ = {"--expect", "--config", "--list"}
"""Options with the name of a file that is only read."""

ALL = "--config datascan.toml --expect expect.toml"
INPUTS = "datascan.toml expect.toml"

COMMANDS_THAT_WRITE = {
    "lmdb": (f"store {ALL}", f"{INPUTS} store/data.mdb"),
    "leveldb": (f"level {ALL}", f"{INPUTS} level/CURRENT"),
    "hdf5": (f"files.txt {ALL}", f"{INPUTS} files.txt data.h5"),
    "images": (f"imgs --list list.txt {ALL}", f"{INPUTS} list.txt imgs/a/0.jpg"),
    "scan": (f"imgs {ALL}", f"{INPUTS} imgs/a/0.jpg imgs/b/notes.txt elsewhere.jpg"),
    "check": ("--config datascan.toml", "datascan.toml expect.toml store/data.mdb"),
    "net": (
        f"train_val.prototxt --solver solver.prototxt {ALL}",
        f"{INPUTS} train_val.prototxt solver.prototxt store/data.mdb matrix.binaryproto",
    ),
    "log": (
        f"train.log --net train_val.prototxt {ALL}",
        f"{INPUTS} train.log train_val.prototxt store/data.mdb matrix.binaryproto",
    ),
    "show": (
        "store 3 --config datascan.toml",
        "datascan.toml expect.toml store/data.mdb",
    ),
    "learn": (f"store {ALL}", f"{INPUTS} store/data.mdb"),
    "accept": (f"store --reason x {ALL}", f"{INPUTS} store/data.mdb"),
    "report": ("saved.json", "saved.json"),
}
"""Of each command, its arguments, and files that it reads."""


def file_options(command: str) -> list[str]:
    """The options of a command that name a file to write; new ones are found by themselves."""
    (choices,) = [
        action.choices
        for action in build_parser([command])._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    found = [
        action.option_strings[-1]
        for action in choices[command]._actions
        if action.metavar == "FILE"
    ]
    unread = [option for option in found if option not in READ]
    return unread if command == "accept" else [one for one in unread if one != "--baseline"]


CASES = [
    (command, option)
    for command in COMMANDS
    if command not in {"explain", "demo"}
    for option in file_options(command)
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a dataset of each kind, and everything else that commands read."""
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "store", numbered(random_datums(30)))
    write_leveldb(tmp_path / "level", numbered(random_datums(30)))
    write_hdf5(tmp_path / "data.h5", data=numbers(20, 3), label=numbers(20))
    write_tree(tmp_path, {f"imgs/{c}/{i}.jpg": photo(i) for i, c in enumerate("aabb")})
    texts = {
        "imgs/b/notes.txt": "n\n",
        "imgs/b/dataset.json": "{}\n",
        "files.txt": "data.h5\n",
        "list.txt": "a/0.jpg 0\nb/2.jpg 1\n",
        "expect.toml": 'format = "datascan-expectations/1"\n',
        "datascan.toml": '[dataset."store"]\nexpect = "expect.toml"\n',
        "solver.prototxt": 'net: "train_val.prototxt"\nbase_lr: 0.1\n',
        "train.log": "iteration,loss\n0,1.0\n1,nan\n",
        "matrix.binaryproto": "x",
        "model.pt": "weights",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "elsewhere.jpg").write_bytes(photo(9))
    (tmp_path / "imgs" / "a" / "link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    mean = 'transform_param { mean_file: "matrix.binaryproto" }'
    write_net(tmp_path, small_net(source="store", more=mean))
    assert run(["lmdb", "store", "--json", "saved.json", "-qq"]) == 0
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """A hash of every file below a folder."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_every_command_that_writes_is_tried():
    assert {command for command, _ in CASES} == set(COMMANDS_THAT_WRITE)
    assert len(CASES) >= 50


@pytest.mark.parametrize(("command", "option"), CASES)
def test_no_output_replaces_what_is_read(home, capsys, command, option):
    arguments, names = COMMANDS_THAT_WRITE[command]
    before = contents(home)
    (home / "sub").mkdir()
    for name in names.split():
        (home / "link").symlink_to(home / name)
        os.link(home / name, home / "hard")
        for target in (name, f"sub/../{name}", "link", "hard", str(home / name)):
            for more in ([], ["--force"]):
                words = [command, *arguments.split(), option, target, *more]
                assert run(words) == 2, words
                out, err = capsys.readouterr()
                assert out == ""
                is_refused = "would overwrite what is read" in err
                is_left = not more and "exists and " in err
                assert is_refused or is_left or option == "--baseline", err
                assert err.splitlines()[-1].startswith("datascan: "), words
                assert "internal error" not in err
        (home / "link").unlink()
        (home / "hard").unlink()
        assert contents(home) == before


@pytest.mark.parametrize(("command", "option"), CASES)
def test_no_output_replaces_a_file_of_others(home, capsys, command, option):
    before = contents(home)
    words = [command, *COMMANDS_THAT_WRITE[command][0].split(), option]
    for target in ("model.pt", "imgs", "level"):
        assert run([*words, target]) == 2
        assert contents(home) == before
    capsys.readouterr()


@pytest.mark.parametrize(
    "name", ["new.jpg", "data.mdb", "data.mdb-lock", "000009.ldb", "CURRENT", "x.h5"]
)
def test_no_output_becomes_a_part_of_a_dataset(home, capsys, name):
    for folder in ("imgs/a", "level", "store"):
        target = Path(folder, name)
        before = contents(home)
        assert run(["scan", target.parts[0], "--json", str(target), "--force"]) == 2
        assert "would overwrite what is read" in capsys.readouterr().err
        assert contents(home) == before


def test_a_report_may_be_in_the_folder_of_the_dataset(home, capsys):
    for _ in range(2):
        assert run(["scan", "imgs", "--html", "imgs/a/report.html", "-qq"]) == 0
    assert run(["scan", "imgs", "--json", "imgs/b/dataset.json", "--force"]) == 2
    assert "would overwrite" in capsys.readouterr().err


def test_force_replaces_files_of_others_and_nothing_that_is_read(home, capsys):
    words = ["scan", "imgs", "-qq", "--json"]
    assert run([*words, "model.pt"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "datascan: cannot write model.pt: it exists and was not written by datascan "
        "(--force replaces it)"
    )
    assert run([*words, "elsewhere.jpg", "--force"]) == 2
    assert "would overwrite what is read" in capsys.readouterr().err
    assert run([*words, "model.pt", "--force"]) == 0
    assert (home / "model.pt").read_text().startswith("{")
    assert run([*words, "model.pt"]) == 0


@pytest.mark.parametrize("option", ["--html", "--resume"])
def test_files_of_datascan_of_another_kind(home, capsys, option):
    (home / "baseline.toml").write_text('format = "datascan-baseline/1"\n')
    assert run(["scan", "imgs", option, "baseline.toml"]) == 2
    assert "it exists and is a baseline, not a" in capsys.readouterr().err
    assert (home / "baseline.toml").read_text() == 'format = "datascan-baseline/1"\n'


def test_descriptors_of_files_that_are_read(home, capsys):
    before = contents(home)
    for name in ("store/data.mdb", "datascan.toml"):
        descriptor = os.open(name, os.O_RDWR)
        target = f"/dev/fd/{descriptor}"
        words = ["scan", "store", "--config", "datascan.toml", "--json", target]
        assert run(words) == 2
        assert run([*words, "--force"]) == 2
        os.close(descriptor)
    assert contents(home) == before
    capsys.readouterr()


def test_the_moment_of_writing_counts(home, capsys, monkeypatch):
    """A link that appears during the scan leads nowhere."""
    before = (home / "store" / "data.mdb").read_bytes()
    report = ScanSession.report

    def plant(self: Any, **keywords: Any) -> Any:
        (home / "out.json").symlink_to(home / "store" / "data.mdb")
        return report(self, **keywords)

    monkeypatch.setattr(ScanSession, "report", plant)
    assert run(["lmdb", "store", "--json", "out.json"]) == 2
    assert (home / "store" / "data.mdb").read_bytes() == before
    out, err = capsys.readouterr()
    assert "PASS  store" in out
    assert "--json would overwrite what is read: out.json" in err


def test_guard_by_itself(tmp_path):
    (tmp_path / "data").mkdir()
    guard = Guard(inputs=Inputs((tmp_path / "data", tmp_path / "absent")))
    guard.check("--json", tmp_path / "data" / "report.json")
    with pytest.raises(UsageError):
        guard.check("--json", tmp_path / "absent")
    with pytest.raises(UsageError):
        guard.check("--json", tmp_path / "data" / "x.PNG")
    (tmp_path / "other").write_text("x")
    with pytest.raises(OutputError):
        guard.check("--json", tmp_path / "other")
    Guard(force=True).check("--json", tmp_path / "other")
    guard.check("--json", Path("/dev/null"))
