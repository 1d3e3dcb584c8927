"""Datasets below a folder, found with bounded work."""

from __future__ import annotations

import os

import numpy as np
import pytest

from datascan.errors import DatascanError
from datascan.readers import dataset_search
from datascan.readers.base import detect_reader
from datascan.readers.dataset_search import find_datasets
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture
def project(tmp_path):
    write_lmdb(tmp_path / "data/train_lmdb", numbered(random_datums(10)))
    write_lmdb(tmp_path / "data/single.mdb", numbered(random_datums(10)), subdir=False)
    (tmp_path / "data/deep/er").mkdir(parents=True)
    write_hdf5(tmp_path / "data/deep/er/train.h5", data=numbers(5, 4), label=np.arange(5))
    write_tree(
        tmp_path,
        {
            "data/level/CURRENT": b"MANIFEST-000002\n",
            "data/level/MANIFEST-000002": b"",
            "data/photos/cat/1.jpg": photo(1),
            "data/photos/dog/2.jpg": photo(2),
            "nets/train.prototxt": b"",
            "logs/train.log": b"",
            "train.py": b"",
            "logo.png": photo(3),
            "README.md": b"",
            ".cache/data.mdb": b"",
            "node_modules/x/1.png": photo(4),
        },
    )
    return tmp_path


def found(root, **options):
    result = find_datasets(root, **options)
    return {one.path.relative_to(root).as_posix(): one.reader for one in result.datasets}


def test_every_kind_is_found_and_what_belongs_to_tools_is_not(project):
    assert found(project) == {
        "data/train_lmdb": "lmdb",
        "data/single.mdb": "lmdb",
        "data/deep/er/train.h5": "hdf5",
        "data/level": "leveldb",
        "data/photos": "images",
    }
    result = find_datasets(project)
    assert result.nets == [project / "nets/train.prototxt"]
    assert result.logs == [project / "logs/train.log"]
    assert result.links == []
    assert result.cut_off == ""


@pytest.mark.parametrize("content", [b"", bytes(4096), b"<html>"])
def test_an_hdf5_file_that_lost_its_signature_is_not_passed_over(tmp_path, content):
    write_tree(tmp_path, {"a/train.h5": content, "a/val.HDF5": content, "notes.txt": b""})
    assert found(tmp_path) == {"a/train.h5": "hdf5", "a/val.HDF5": "hdf5"}
    assert detect_reader(tmp_path / "a/train.h5") == "hdf5"


def test_a_file_of_hdf4_is_no_damaged_file_of_hdf5(tmp_path):
    content = b"\x0e\x03\x13\x01" + bytes(4000)
    write_tree(tmp_path, {"a/modis.hdf": content, "a/train.h5": b""})
    assert found(tmp_path) == {"a/train.h5": "hdf5"}
    with pytest.raises(DatascanError, match="is not a dataset that datascan can read"):
        detect_reader(tmp_path / "a/modis.hdf")


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        (["a.jpg", "b.jpg"], ["."]),
        (["cat/a.jpg", "dog/b.jpg"], ["."]),
        (["train/cat/a.jpg", "train/dog/b.jpg", "val/cat/c.jpg"], ["."]),
        (["images/a.jpg", "masks/a.png", "README.md", "labels.csv"], ["."]),
        (["main.py", "images/cat/a.jpg", "images/dog/b.jpg"], ["images"]),
        (["main.py", "a/cat/a.jpg", "a/dog/b.jpg", "b/x.jpg"], ["a", "b"]),
        (["photos/a.jpg"], ["photos"]),
        (["notes.txt"], []),
    ],
)
def test_which_folder_of_images_is_the_dataset(tmp_path, files, folders):
    write_tree(tmp_path, dict.fromkeys(files, b"x"))
    assert found(tmp_path) == dict.fromkeys(folders, "images")


def test_a_file_beside_class_folders_does_not_part_them(tmp_path):
    write_tree(tmp_path, {"imgs/cat/1.jpg": photo(1), "imgs/dog/2.jpg": photo(2)})
    write_hdf5(tmp_path / "imgs/features.h5", data=numbers(5, 4))
    assert found(tmp_path) == {"imgs": "images", "imgs/features.h5": "hdf5"}


def test_links_are_not_followed(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_lmdb(elsewhere / "store", numbered(random_datums(10)))
    (project / "data/link").symlink_to(elsewhere / "store")
    (project / "data/again").symlink_to(project / "data/train_lmdb")
    (project / "data/loop").symlink_to(project)
    before = found(project)
    assert "data/link" not in before
    assert "data/again" not in before
    assert find_datasets(project).links == [project / "data/link"]


def test_the_search_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset_search, "MAX_IN_FOLDER", 50)
    write_tree(tmp_path, {f"many/{i}.dat": b"" for i in range(200)})
    write_lmdb(tmp_path / "store", numbered(random_datums(10)))
    assert found(tmp_path) == {"store": "lmdb"}
    assert "all but 50 files of the largest folders" in find_datasets(tmp_path).cut_off
    assert "too many files" in find_datasets(tmp_path, max_entries=10).cut_off


def test_a_folder_of_many_folders_does_not_hide_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset_search, "MAX_IN_FOLDER", 15)
    write_tree(tmp_path, {f"a/{i}/{k}.txt": b"" for i in range(12) for k in range(20)})
    write_lmdb(tmp_path / "z/store", numbered(random_datums(10)))
    assert found(tmp_path, max_entries=150) == {"z/store": "lmdb"}
    assert "too many files" in find_datasets(tmp_path, max_entries=150).cut_off


def test_every_folder_is_listed_once(tmp_path, monkeypatch):
    write_tree(tmp_path, {f"{i}/{k}/x.jpg": b"" for i in range(20) for k in range(20)})
    listed = []
    scan = os.scandir

    def scandir(path):
        listed.append(path)
        return scan(path)

    monkeypatch.setattr(dataset_search.os, "scandir", scandir)
    find_datasets(tmp_path)
    assert len(listed) == len(set(listed)) == 421
    assert find_datasets(tmp_path, max_entries=100).cut_off


def test_depth_is_bounded(tmp_path):
    deep = tmp_path.joinpath(*"abcdefghij")
    write_lmdb(deep, numbered(random_datums(10)))
    assert found(tmp_path) == {}
    assert "8 levels down" in find_datasets(tmp_path).cut_off


def test_a_folder_that_cannot_be_listed(tmp_path):
    assert find_datasets(tmp_path / "absent").datasets == []
