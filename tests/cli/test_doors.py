"""One door: ``datascan PATH`` scans whatever it is, and a wrong door names the right one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datascan.cli.app import run
from datascan.cli.doors import find_door
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb

NET = """
name: "n"
layer { name: "d" type: "Data" top: "data" top: "label"
  data_param { source: "store" batch_size: 30 backend: LMDB } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
LINE = "I0101 10:00:0{}.000000 12 solver.cpp:228] Iteration {}, loss = {}\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "store", numbered(random_datums(300)))
    write_lmdb(tmp_path / "all/poor", numbered([*random_datums(300), b""]))
    write_tree(tmp_path / "all/photos", {f"{c}/{i}.jpg": photo(i) for i, c in enumerate("abc")})
    write_tree(tmp_path / "pictures", {f"{c}/{i}.jpg": photo(i) for i, c in enumerate("abc")})
    for i, name in enumerate(("a.h5", "b.h5")):
        write_hdf5(tmp_path / name, data=numbers(64, 4, seed=i), label=np.arange(64) % 2)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text('net: "net.prototxt"\nbase_lr: 0.1\n')
    (tmp_path / "solver.txt").write_text('net: "net.prototxt"\nbase_lr: 0.1\n')
    log = LINE.format(0, 0, 2.3) + LINE.format(1, 20, "nan")
    (tmp_path / "train.log").write_text(log)
    (tmp_path / "out.txt").write_text(log)
    (tmp_path / "notes.txt").write_text("nothing\n")
    (tmp_path / "files.txt").write_text("a.h5\nb.h5\n")
    return tmp_path


def scanned(*arguments):
    """The reports of a scan, as its JSON file has them, and its status."""
    status = run([*arguments, "--no-progress", "--quiet", "--json", "r.json"])
    found = json.loads(Path("r.json").read_text())
    return status, found.get("datasets", [found])


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("store", "lmdb"),
        ("store/data.mdb", "lmdb"),
        ("a.h5", "hdf5"),
        ("files.txt", "hdf5"),
        ("pictures", "images"),
        ("pictures/a/0.jpg", "images"),
        ("all", "folder"),
        (".", "folder"),
        ("net.prototxt", "net"),
        ("solver.prototxt", "net"),
        ("solver.txt", "net"),
        ("train.log", "log"),
        ("out.txt", "log"),
        ("notes.txt", None),
        ("absent", None),
        ("/dev/null", None),
    ],
)
def test_what_a_path_is(project, path, door):
    assert find_door(project / path) == door


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("store", "dataset"),
        ("a.h5", "dataset"),
        ("files.txt", "dataset"),
        ("pictures", "dataset"),
        ("pictures/a/0.jpg", "dataset"),
        ("net.prototxt", "net"),
        ("solver.prototxt", "net"),
        ("train.log", "log"),
    ],
)
def test_the_short_form_is_the_long_one(project, path, kind):
    def essence(*arguments):
        status, (report,) = scanned(*arguments)
        return status, report["kind"], report["dataset"]["path"], report["findings"]

    found = essence(path)
    assert found[1:3] == (kind, path)
    assert found == essence("scan", path)
    if kind != "dataset":
        assert found == essence(kind, path)


def test_options_may_come_before_the_path(project):
    assert run(["--json", "r.json", "--quiet", "store", "--no-progress"]) == 0
    assert json.loads((project / "r.json").read_text())["dataset"]["path"] == "store"
    assert json.loads((project / "r.json").read_text())["verdict"] == "pass"


def test_a_command_wins_over_a_path_of_its_name(project, monkeypatch, capsys):
    (project / "store").rename(project / "check")
    assert run(["./check", "--no-progress"]) == 0
    assert "PASS  check" in capsys.readouterr().out
    assert run(["check"]) == 2
    assert "no datascan.toml" in capsys.readouterr().err
    (project / "pictures").rename(project / "images")
    assert run(["images"]) == 2
    assert "the command: datascan ./images" in capsys.readouterr().err
    assert run(["./images", "--no-progress"]) == 0


def test_several_hdf5_files_are_one_dataset(project):
    status, reports = scanned("b.h5", "a.h5")
    assert status == 0
    assert [one["dataset"]["records"] for one in reports] == [128]


def test_paths_of_different_formats_are_datasets_of_their_own(project):
    status, reports = scanned("a.h5", "store", "b.h5", "train.log", "pictures")
    assert status == 1
    assert [(one["dataset"]["path"], one["dataset"]["records"]) for one in reports] == [
        ("a.h5 b.h5", 128),
        ("store", 300),
        ("train.log", 0),
        ("pictures", 3),
    ]


def test_the_datasets_of_a_folder_with_one_verdict(project, capsys):
    assert run(["all", "--no-progress"]) == 1
    out, err = capsys.readouterr()
    assert [line.split("  ")[:2] for line in out.splitlines()] == [
        ["PASS", "all/photos"],
        ["FAIL", "all/poor"],
        ["FAIL", "2 datasets: 1 failed"],
    ]
    assert err == ""
    status, reports = scanned("all")
    assert status == 1
    assert [one["dataset"]["path"] for one in reports] == ["all/photos", "all/poor"]


def test_one_line_and_none_at_all(project, capsys):
    assert run(["all", "-q"]) == 1
    assert capsys.readouterr() == ("FAIL  2 datasets: 1 failed\n", "")
    assert run(["all", "-qq"]) == 1
    assert capsys.readouterr() == ("", "")


def test_nets_logs_and_links_below_a_folder_are_named(project, capsys, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_lmdb(elsewhere / "store", numbered(random_datums(10)))
    (project / "all/link").symlink_to(elsewhere / "store")
    run([".", "--no-progress"])
    err = capsys.readouterr().err
    assert "also found: datascan net net.prototxt (and 1 more)" in err
    assert "also found: datascan log train.log" in err
    assert "all/link leads out of . and was not followed: datascan all/link" in err


def test_one_dataset_below_a_folder_is_reported_as_such(project, capsys):
    (project / "outer").mkdir()
    (project / "store").rename(project / "outer/store")
    assert run(["outer", "--no-progress"]) == 0
    assert capsys.readouterr().out.startswith("PASS  outer/store  (lmdb, caffe-datum)")


def test_a_part_that_cannot_be_scanned_does_not_stop_the_others(project, capsys):
    assert run(["notes.txt", "store", "--no-progress"]) == 2
    out, err = capsys.readouterr()
    assert "PASS  store" in out
    assert "notes.txt is not a dataset that datascan can read" in err


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("hdf5 store", "store is an LMDB: datascan lmdb store"),
        ("lmdb a.h5", "a.h5 is HDF5: datascan hdf5 a.h5"),
        ("images store", "store is an LMDB: datascan lmdb store"),
        ("lmdb pictures", "pictures is a folder of images: datascan images pictures"),
        ("hdf5 pictures/a/0.jpg", "pictures/a/0.jpg is an image: datascan images pictures/a/0.jpg"),
        ("leveldb all", "all is a folder of datasets: datascan all"),
        ("net train.log", "train.log is a training log: datascan log train.log"),
        ("net store", "store is an LMDB: datascan lmdb store"),
        ("log net.prototxt", "net.prototxt is a Caffe net or solver: datascan net net.prototxt"),
        ("log store", "store is an LMDB: datascan lmdb store"),
        ("report store", "not a report: store is an LMDB: datascan lmdb store"),
        ("report train.log", "train.log is a training log: datascan log train.log"),
        ("learn net.prototxt", "is a Caffe net or solver: datascan net net.prototxt"),
        ("accept train.log --reason x -o y", "is a training log: datascan log train.log"),
        ("show train.log 3", "train.log is a training log: datascan log train.log"),
        ("lmdb train.log", "train.log is a training log: datascan log train.log"),
        ("all --bad-records x.jsonl", "--bad-records is for one dataset, but there are 2"),
        ("train.log --plan", "train.log is a training log, for which there is no --plan"),
        ("store a.h5 --resume x", "--resume is for one dataset, but there are 2"),
        (
            "net.prototxt --db x",
            "net.prototxt is a Caffe net or solver, for which there is no --db",
        ),
        ("-", "- is standard input: datascan log - reads a log"),
        ("store -", "- is standard input: datascan log - reads a log"),
        ("stroe", "no such command or path: stroe"),
        ("store absent", "no such path: absent"),
        ("--quiet check store", "options follow the command: datascan check ..."),
        ("all --json all/photos/a/0.jpg", "--json would overwrite what is read"),
    ],
)
def test_a_wrong_door_names_the_right_one(project, capsys, command, error):
    assert run(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert error in err


def test_what_datascan_has_written_names_its_command(project, capsys):
    run(["store", "-qq", "--json", "r.json"])
    Path("datascan.toml").write_text("workers = 2\n")
    for command in ([], ["scan"], ["lmdb"], ["learn"]):
        assert run([*command, "r.json"]) == 2
        assert "r.json is a report of datascan: datascan report r.json" in capsys.readouterr().err
    assert run(["./datascan.toml"]) == 2
    said = "datascan.toml is a configuration: datascan check --config datascan.toml"
    assert said in capsys.readouterr().err


def test_what_a_command_can_read_is_for_it(project, capsys):
    (project / "a.h5").rename(project / "pictures/features.h5")
    (project / "files.csv").write_text("b.h5\n")
    for command in ("images pictures", "images all", "hdf5 files.csv", "files.csv"):
        assert run([*command.split(), "-q"]) == 0, capsys.readouterr().err
    assert run(["show", "pictures", "1"]) == 0
    assert "#1  b/1.jpg" in capsys.readouterr().out


def test_a_configured_format_holds_for_single_records(project, capsys):
    Path("datascan.toml").write_text('[dataset."all"]\nbackend = "images"\n')
    assert run(["show", "all", "1"]) == 0
    assert "photos/b/1.jpg" in capsys.readouterr().out


def test_names_of_strangers_are_escaped_and_quoted(project, capsys):
    name = "x\x1b[2J y"
    (project / "store").rename(project / name)
    assert run(["hdf5", name]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "is an LMDB: datascan lmdb '" in err


def test_on_a_terminal_and_in_a_pipe(project):
    command = [sys.executable, "-m", "datascan", "all"]
    piped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert piped.returncode == 1
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, stdout=follower, stderr=subprocess.DEVNULL)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 1
    assert shown.decode().replace("\r\n", "\n") == piped.stdout


def test_the_short_form_imports_one_command(project):
    code = (
        "import sys; from datascan.cli.app import run; run(['store', '-qq']);"
        "print(sorted(m for m in sys.modules if m.startswith('datascan.cli.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['datascan.cli.commands.scan']"


def test_a_part_of_a_dataset_is_never_said_to_be_all(project, capsys):
    assert run(["store", "-q", "--limit", "9"]) == 0
    assert capsys.readouterr().out == "PASS  store  no findings; first 9 of 300 records\n"
    assert run(["store", "a.h5", "--sample", "9", "--no-progress"]) == 0
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.endswith("  (sample of 9 of 300 records)")
    assert second.endswith("  (sample of 9 of 64 records)")
    assert run(["net.prototxt", "--limit", "90", "--no-progress"]) == 0
    assert "      first 90 of 300 records\n" in capsys.readouterr().out
    assert run(["store", "-q", "--limit", "900"]) == 0
    assert capsys.readouterr().out == "PASS  store  no findings\n"
