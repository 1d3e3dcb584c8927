"""HDF5 files and lists of them, and what is neither."""

from __future__ import annotations

import os

import numpy as np
import pytest

from datascan.errors import DatasetError
from datascan.readers.hdf5.reader import Hdf5Reader
from tests.builders.hdf5 import (
    gathered,
    numbers,
    reader_of,
    scanned,
    write_hdf5,
)


def test_a_list_of_files(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    write_hdf5(tmp_path / "parts" / "a.h5", data=numbers(20, 3), label=np.arange(20))
    write_hdf5(tmp_path / "b.h5", data=numbers(30, 3, seed=1), label=np.arange(30))
    listing = tmp_path / "parts" / "train.txt"
    listing.write_text("a.h5\n\n   \nb.h5\r\n")
    monkeypatch.chdir(tmp_path)
    assert Hdf5Reader.accepts(listing)
    _, keys, _ = gathered(reader_of(listing))
    assert [keys[0], keys[19], keys[20], keys[49]] == [
        "a.h5:data[0]",
        "a.h5:data[19]",
        "b.h5:data[0]",
        "b.h5:data[29]",
    ]


def test_names_that_collide_are_shown_as_they_were_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_hdf5(tmp_path / folder / "a.h5", data=numbers(1, 3))
    (tmp_path / "list.txt").write_text("one/a.h5\ntwo/a.h5\n")
    assert gathered(reader_of(tmp_path / "list.txt"))[1] == ["one/a.h5:data[0]", "two/a.h5:data[0]"]


def test_recognises_hdf5_only(tmp_path):
    (tmp_path / "a.txt").write_text("not\na list\n")
    (tmp_path / "b.bin").write_bytes(b"\x00\x01" * 2000)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "list.txt").write_text("gone.h5\n")
    for path in (tmp_path, *tmp_path.iterdir(), tmp_path / "nothing"):
        assert not Hdf5Reader.accepts(path)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.h5.txt"])
@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00" * 4000])
def test_what_is_no_hdf5_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    message = "neither an HDF5 file nor a list of HDF5 files"
    with pytest.raises(DatasetError, match=message):
        scanned(tmp_path / name)


def test_a_text_that_is_no_list_is_refused_also_of_several(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(5, 3))
    (tmp_path / "notes.txt").write_text("not\na list\n")
    with pytest.raises(DatasetError, match=r"notes.txt is neither"):
        scanned(path, tmp_path / "notes.txt")


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.h5")
    with pytest.raises(DatasetError, match=r"a.h5 is not a regular file"):
        scanned(tmp_path / "a.h5")


def test_folders_and_missing_paths_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="is a folder"):
        scanned(tmp_path)
    with pytest.raises(DatasetError, match="no such path"):
        scanned(tmp_path / "a.h5")
