"""Names of datasets in files: they hold wherever file and dataset move together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from datascan.config.baseline import BaselineEntry
from datascan.config.identity import DatasetIdentity, relative_name


def entry(file, *paths, part=""):
    return BaselineEntry("nan-value", "x").of_dataset(file, DatasetIdentity(paths, part))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A repository with data, some of it behind links, as working directory."""
    repository = tmp_path / "repository"
    for folder in ("data/train", "data/val", "ci"):
        (repository / folder).mkdir(parents=True)
    (tmp_path / "disk" / "big").mkdir(parents=True)
    (repository / "data" / "big").symlink_to(tmp_path / "disk" / "big")
    (tmp_path / "link").symlink_to(repository)
    monkeypatch.chdir(repository)
    return tmp_path


def test_a_name_is_relative_to_the_file(home):
    train = Path("data/train")
    assert relative_name(Path("b.toml"), train) == "data/train"
    assert relative_name(Path("b.toml"), train.absolute()) == "data/train"
    assert relative_name(Path("ci/b.toml"), Path("./data/../data/train/")) == "../data/train"
    assert relative_name(home / "link" / "b.toml", train) == "data/train"
    assert relative_name(Path("b.toml"), home / "link" / "data" / "train") == "data/train"
    assert relative_name(Path("b.toml"), Path("/proc/self")) == "/proc/self"


def test_a_link_keeps_its_name(home):
    assert relative_name(Path("b.toml"), Path("data/big")) == "data/big"
    assert relative_name(Path("ci/b.toml"), Path("data/big")) == "../data/big"
    file = Path("b.toml")
    made = entry(file, Path("data/big"))
    assert made.covers(file, DatasetIdentity((home / "disk" / "big",)))
    (home / "disk" / "new").mkdir()
    Path("data/big").unlink()
    Path("data/big").symlink_to(home / "disk" / "new")
    assert made.covers(file, DatasetIdentity((Path("data/big"),)))
    assert not made.covers(file, DatasetIdentity((home / "disk" / "big",)))


@pytest.mark.parametrize("file", ["b.toml", "ci/b.toml", "{home}/link/ci/b.toml", "{home}/o.toml"])
def test_the_dataset_is_known_by_every_way_to_it(home, file):
    file = Path(file.format(home=home))
    made = entry(file, Path("data/train"))
    assert isinstance(made.dataset, str)
    assert not Path(made.dataset).is_absolute()
    for way in ("data/train", "data/train/", "./data/train", home / "link" / "data" / "train"):
        assert made.covers(file, DatasetIdentity((Path(way),))), way
    for other in ("data/val", "data", "data/train/data.mdb", "train"):
        assert not made.covers(file, DatasetIdentity((Path(other),))), other


def test_it_moves_with_the_repository(home, monkeypatch):
    made = entry(Path("ci/b.toml"), Path("data/train"))
    (home / "repository").rename(home / "elsewhere")
    monkeypatch.chdir(home)
    file = Path("elsewhere/ci/b.toml")
    assert made.covers(file, DatasetIdentity((Path("elsewhere/data/train"),)))


def test_several_files_must_all_be_there():
    file = Path("b.toml")
    a, b, c = (Path(f"{name}.h5") for name in "abc")
    both = entry(file, a, b)
    assert both.dataset == ("a.h5", "b.h5")
    assert both.covers(file, DatasetIdentity((c, b, a)))
    assert not both.covers(file, DatasetIdentity((a,)))


def test_parts_of_one_store():
    file, path = Path("b.toml"), Path("d")
    train = entry(file, path, part="train")
    assert train.part == "train"
    assert train.covers(file, DatasetIdentity((path,), "train"))
    assert not train.covers(file, DatasetIdentity((path,), "val"))
    assert entry(file, path).covers(file, DatasetIdentity((path,), "val"))
    assert BaselineEntry("nan-value", "x").covers(file, DatasetIdentity((path,), "val"))


def test_names_that_are_no_unicode(home):
    path = Path(os.fsdecode(b"lat\xe4"))
    made = entry(Path("b.toml"), path)
    assert made.dataset == "lat\\xe4"
    assert made.covers(Path("b.toml"), DatasetIdentity((path,)))
