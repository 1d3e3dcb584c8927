"""``datascan init``: finds datasets and writes the configuration for ``datascan check``."""

from __future__ import annotations

import os
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from datascan.cli.app import run
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lmdb(tmp_path / "data/train", numbered(random_datums(300)))
    write_hdf5(tmp_path / "data/x.h5", data=numbers(64, 4), label=np.arange(64) % 2)
    write_tree(tmp_path / "data/photos", {f"{c}/{i}.jpg": photo(i) for i, c in enumerate("abc")})
    write_tree(tmp_path, {"train.py": b"", "net.prototxt": b"", "logs/train.log": b""})
    return tmp_path


def tree(folder):
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def test_check_accepts_the_file_at_once(project, capsys):
    before = tree(project / "data")
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "wrote datascan.toml: 3 datasets",
        "  data/photos  (folder of images)",
        "  data/train  (LMDB)",
        "  data/x.h5  (HDF5)",
        "also found: datascan net net.prototxt",
        "also found: datascan log logs/train.log",
        "next: datascan check",
    ]
    assert tree(project / "data") == before
    assert run(["check", "--no-progress"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines()[-1] == "PASS  3 datasets: 0 failed"


def test_every_comment_is_a_setting_that_is_accepted(project, capsys):
    run(["init"])
    file = project / "datascan.toml"
    text = file.read_text()
    settings = [line[2:] if " = " in line else line for line in text.splitlines()]
    assert sum(line.startswith("# ") and " = " in line for line in text.splitlines()) >= 5
    file.write_text("\n".join(settings).replace("num_classes = 10", "num_classes = 3"))
    assert tomllib.loads(file.read_text())["dataset"]["data/train"]["num_classes"] == 3
    assert run(["check", "--no-progress"]) in (0, 1)
    out, err = capsys.readouterr()
    assert err == ""
    assert "3 datasets" in out.splitlines()[-1]


def test_in_another_folder(project, capsys):
    assert run(["init", "data"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "next: datascan check --config data/datascan.toml"
    )
    tables = tomllib.loads((project / "data/datascan.toml").read_text())["dataset"]
    assert list(tables) == ["photos", "train", "x.h5"]
    assert run(["check", "--config", "data/datascan.toml", "--no-progress"]) == 0


def test_a_dry_run_prints_the_file_and_writes_nothing(project, capsys):
    assert run(["init", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert not (project / "datascan.toml").exists()
    run(["init"])
    assert (project / "datascan.toml").read_text() == printed


def test_a_dry_run_says_what_was_not_searched(project, capsys, monkeypatch):
    monkeypatch.setattr("datascan.readers.dataset_search.MAX_IN_FOLDER", 50)
    write_tree(project, {f"many/{i}.dat": b"" for i in range(60)})
    assert run(["init", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "[dataset." in out
    assert err == "datascan: .: not searched: all but 50 files of the largest folders\n"


def test_a_configuration_is_replaced_only_with_force(project, capsys):
    file = project / "datascan.toml"
    file.write_text("limit = 5\n")
    assert run(["init"]) == 2
    assert "datascan.toml exists; --dry-run prints what" in capsys.readouterr().err
    assert file.read_text() == "limit = 5\n"
    assert run(["init", "--force"]) == 0
    assert run(["init"]) == 2  # also its own, which may have been edited since
    file.unlink()
    (project / "pyproject.toml").write_text("[tool.datascan]\nlimit = 5\n")
    assert run(["init"]) == 2
    assert "pyproject.toml has settings, which datascan.toml would" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize(
    ("folder", "error"),
    [
        ("data/train", "data/train is a dataset itself, and nothing is written into datasets"),
        ("data/photos", "data/photos is a dataset itself"),
        ("data/photos/a", "data/photos/a belongs to the dataset data/photos"),
        ("absent", "absent does not exist"),
        ("train.py", "train.py is not a folder"),
        ("logs", "there is no dataset below logs"),
    ],
)
def test_where_nothing_can_be_written(project, capsys, folder, error):
    before = tree(project)
    assert run(["init", folder]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert error in err
    if "dataset" in error and "below" not in error:
        assert err.endswith("datascan init data\n")
    assert tree(project) == before


def test_an_empty_folder_in_a_store(project, capsys):
    (project / "data/train/sub").mkdir()
    assert run(["init", "data/train/sub"]) == 2
    assert "belongs to the dataset data/train, and nothing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a [1] *?", 'quo"te\\', "caf\u00e9", "\u202eevil", "a.b", "#x"])
def test_names_are_escaped_so_that_check_finds_them(project, capsys, name):
    (project / "data/train").rename(project / "data" / name)
    (project / "data/train").mkdir()
    assert run(["init"]) == 0
    assert "\u202e" not in capsys.readouterr().out
    assert "\u202e" not in (project / "datascan.toml").read_text()
    assert run(["check", "--no-progress"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "3 datasets" in out


def test_a_name_that_is_not_utf8(project, capsys):
    (project / "data/train").rename(project / os.fsdecode(b"data/x\xff\xfe"))
    assert run(["init"]) == 0
    assert run(["check", "--no-progress"]) == 0
    assert "3 datasets" in capsys.readouterr().out


def test_a_folder_of_a_million_files_is_not_listed(project, monkeypatch, capsys):
    listed = 0

    class Entry:
        name = "x.dat"

        def is_symlink(self):
            return False

        is_dir = is_symlink

        def is_file(self, **_):
            return True

    class Endless:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def __iter__(self):
            nonlocal listed
            while True:
                listed += 1
                yield Entry()

    (project / "data/million").mkdir()
    scan = os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda path: Endless() if Path(path).name == "million" else scan(path)
    )
    began = time.perf_counter()
    assert run(["init"]) == 0
    assert listed < 10_000
    assert time.perf_counter() - began < 30
    assert "not searched: all but 5,000 files of the largest folders" in capsys.readouterr().out
