"""Which files of a folder belong to a LevelDB."""

from __future__ import annotations

import os

import pytest

from datascan.readers.leveldb.files import A_FEW, Folder, is_leveldb


def folder_of(path, *names, **options) -> Folder:
    for name in names:
        (path / name).touch()
    return Folder.of(path, **options)


def test_files_by_their_numbers(tmp_path):
    names = ["CURRENT", "MANIFEST-000005", "000007.ldb", "12.sst", "000009.log", "LOG", "x.log"]
    folder = folder_of(tmp_path, *names, "7.ldb.bak", "MANIFEST-", "a1.ldb", "1.logx")
    assert folder.path == tmp_path
    assert folder.manifests == {5: "MANIFEST-000005"}
    assert folder.tables == {7: "000007.ldb", 12: "12.sst"}
    assert folder.logs == {9: "000009.log"}
    assert folder.others >= {"CURRENT", "LOG", "x.log", "7.ldb.bak", "MANIFEST-", "a1.ldb"}
    assert not folder.is_rocksdb


def test_numbers_that_leveldb_cannot_have_written(tmp_path):
    folder = folder_of(tmp_path, "9" * 19 + ".ldb", "9" * 20 + ".ldb", "MANIFEST-" + "1" * 20)
    assert folder.tables == {int("9" * 19): "9" * 19 + ".ldb"}
    assert folder.manifests == {}


@pytest.mark.parametrize("names", [("5.ldb", "5.sst"), ("5.sst", "5.ldb")])
def test_of_two_tables_with_one_number_the_newer_name_counts(tmp_path, names):
    assert folder_of(tmp_path, *names).tables == {5: "5.ldb"}


@pytest.mark.parametrize("name", ["IDENTITY", "OPTIONS-000007"])
def test_rocksdb(tmp_path, name):
    assert folder_of(tmp_path, "CURRENT", name).is_rocksdb
    assert not folder_of(tmp_path, most=0).is_rocksdb


def test_names_that_are_not_those_of_rocksdb(tmp_path):
    assert not folder_of(tmp_path, "OPTIONS-", "MY-IDENTITY", "OPTIONS-1x").is_rocksdb


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["CURRENT"], True),
        (["MANIFEST-1"], True),
        (["1.ldb"], True),
        (["1.log", "LOG"], True),
        (["1.log"], False),
        (["LOG"], False),
        ([], False),
        (["a.ldb", "data.mdb"], False),
    ],
)
def test_folders_that_look_like_one(tmp_path, names, expected):
    folder_of(tmp_path, *names)
    assert is_leveldb(tmp_path) is expected


def test_other_paths(tmp_path):
    (tmp_path / "CURRENT").mkdir()
    assert not is_leveldb(tmp_path)
    (tmp_path / "file").touch()
    assert not is_leveldb(tmp_path / "file")
    assert not is_leveldb(tmp_path / "absent")
    assert not is_leveldb(tmp_path / "a\0b")


def test_of_a_huge_folder_a_few_names_are_enough(tmp_path, monkeypatch):
    listed = []

    def names(path):
        for number in range(10 * A_FEW):
            listed.append(number)
            yield path / f"{number}.jpg"

    monkeypatch.setattr("pathlib.Path.iterdir", names)
    assert not is_leveldb(tmp_path)
    assert len(listed) == A_FEW


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed(tmp_path):
    tmp_path.chmod(0o100)
    assert not is_leveldb(tmp_path)
