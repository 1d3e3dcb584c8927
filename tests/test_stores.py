"""False alarms in stores that their library reads; ``scripts/bench stores`` scans all."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from benchmarks.stores.__main__ import COLUMNS, PAGE, find_stores, judge, main
from benchmarks.stores.generated import write_all

from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.leveldb import numbered as leveldb_entries
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb


def test_written_files_raise_no_alarm(tmp_path):
    for path in islice(write_all(tmp_path), 0, None, 90):
        counts, alarm = judge("hdf5", path)
        assert alarm == ""
        assert counts["whole"] == 1


@pytest.fixture
def folder(tmp_path):
    """One store of each format, and an HDF5 file of nothing but texts."""
    write_hdf5(tmp_path / "a.h5", data=numbers(20, 3), label=np.arange(20) % 2)
    write_hdf5(tmp_path / "texts.h5", names=np.array([b"a", b"b"]))
    write_lmdb(tmp_path / "lmdb", numbered(random_datums(9)))
    write_leveldb(tmp_path / "leveldb", leveldb_entries(range(20)))
    (tmp_path / "notes.txt").write_text("no store")
    return tmp_path


def test_every_store_below_a_folder(folder):
    found = {(kind, path.name) for kind, path in find_stores(folder)}
    assert found == {
        *(("hdf5", "a.h5"), ("hdf5", "texts.h5")),
        *(("lmdb", "data.mdb"), ("leveldb", "leveldb")),
    }
    for kind, path in find_stores(folder):
        counts, alarm = judge(kind, path)
        assert (counts["whole"], alarm) == (1, "")
        assert counts["refused"] == (path.name == "texts.h5")


def test_a_broken_store_is_named(folder):
    path = folder / "a.h5"
    path.write_bytes(path.read_bytes()[:-100])
    counts, alarm = judge("hdf5", path)
    assert (counts["broken"], counts["named"], alarm) == (1, 1, "")


def test_the_page_has_the_columns_of_the_table():
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert lines[0] == f"| {' | '.join(COLUMNS)} |"
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}
    assert main.__doc__
