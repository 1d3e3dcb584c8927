"""Folders of event files."""

from __future__ import annotations

import os

import pytest

from datascan.errors import DatasetError
from datascan.logs.event_files import find_runs
from datascan.logs.reading import read_log
from tests.builders.event_files import scalars, version

NAME = "events.out.tfevents.{}.host"


def write(folder, tag, values, number=1):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME.format(number)).write_bytes(version() + scalars(tag, values))


def test_a_run_that_was_continued(tmp_path):
    write(tmp_path, "loss", {0: 3.0, 10: 2.0}, 1)
    write(tmp_path, "loss", {20: 1.0}, 2)
    (run,) = read_log(tmp_path).runs
    assert (run.iterations, run.place) == ([0, 10, 20], "")


def test_a_run_that_began_again(tmp_path):
    write(tmp_path, "loss", {0: 3.0, 10: 2.0}, 1)
    write(tmp_path, "loss", {0: 3.1, 10: 2.1}, 2)
    assert [run.losses for run in read_log(tmp_path).runs] == [
        [3.0, 2.0],
        [pytest.approx(3.1), pytest.approx(2.1)],
    ]


def test_the_phases_of_keras(tmp_path):
    write(tmp_path / "logs/train", "epoch_loss", {0: 3.0, 1: 2.0})
    write(tmp_path / "logs/validation", "epoch_loss", {0: 3.5, 1: 2.5})
    (run,) = read_log(tmp_path / "logs").runs
    assert (run.name, run.losses) == ("train/epoch_loss", [3.0, 2.0])
    assert run.tests["validation/epoch_loss"].values == [3.5, 2.5]


def test_several_runs(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, "loss", {0: 3.0})
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "notes.txt").write_text("loss")
    assert [run.place for run in read_log(tmp_path).runs] == ["a", "b"]


def test_links_are_not_followed_outside(tmp_path):
    write(tmp_path / "elsewhere", "loss", {0: 3.0})
    home = tmp_path / "home"
    home.mkdir()
    (home / "run").symlink_to(tmp_path / "elsewhere")
    (home / NAME.format(1)).symlink_to(tmp_path / "elsewhere" / NAME.format(1))
    assert [list(files) for files in find_runs(home).values()] == [[(home / NAME.format(1), "")]]
    with pytest.raises(DatasetError):
        read_log(home)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / NAME.format(1))
    with pytest.raises(DatasetError):
        read_log(tmp_path)


def test_a_folder_without_losses(tmp_path):
    write(tmp_path, "accuracy", {0: 3.0})
    with pytest.raises(DatasetError, match="no scalar whose name contains loss"):
        read_log(tmp_path)


def test_a_folder_without_event_files(tmp_path):
    with pytest.raises(DatasetError, match="no event files"):
        read_log(tmp_path)
    (tmp_path / "metrics.csv").write_text("step,loss\n0,1\n1,2\n")
    assert read_log(tmp_path).layout == "csv"


def test_files_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("datascan.logs.event_files.MAX_EVENT_FILES", 2)
    for i in range(9):
        write(tmp_path / str(i), "loss", {0: 3.0})
    assert len(find_runs(tmp_path)) < 9
