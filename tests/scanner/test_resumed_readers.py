"""A resumed scan gives the report of an uninterrupted one, with every reader."""

from __future__ import annotations

import numpy as np
import pytest

from datascan import api
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb


def make_lmdb(path):
    write_lmdb(path, numbered([*random_datums(20, (3, 4, 4)), b"no datum"]))


def make_leveldb(path):
    write_leveldb(path, numbered([*random_datums(20, (3, 4, 4)), b"no datum"]))


def make_hdf5(path):
    data = numbers(30, 4)
    data[3, 1] = np.nan
    write_hdf5(path, data=data, label=np.arange(30) % 3)


def make_images(path):
    images = {f"{i % 2}/{i}.jpg": photo(i) for i in range(6)}
    write_tree(path, {**images, "1/cut.jpg": photo(9)[:300], "1/text.jpg": b"text"})


def lines(path, **options):
    report = api.scan(path, thumbnails=False, **options).to_json().splitlines()
    skipped = ("elapsed", "started", "second", "resume")
    return [line for line in report if not any(word in line for word in skipped)]


@pytest.mark.parametrize("make", [make_lmdb, make_leveldb, make_hdf5, make_images])
def test_a_resumed_scan_gives_the_same_report(tmp_path, make):
    name = "data.h5" if make is make_hdf5 else "data"
    make(tmp_path / name)
    file = tmp_path / "resume"
    whole = lines(tmp_path / name)
    assert lines(tmp_path / name, resume=file) == whole
    kept = file.read_bytes()
    assert len(kept) > 200
    assert lines(tmp_path / name, resume=file) == whole
    assert file.read_bytes() == kept
