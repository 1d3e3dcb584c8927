"""How the sources of a net are scanned."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.caffe.net.source_options import actual_backend, data_top, missing_text
from datascan.caffe.net.sources import DataSource
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb


def source(**changes) -> DataSource:
    given = {
        "layer": "data",
        "type": "Data",
        "phase": "TRAIN",
        "backend": "lmdb",
        "given": "train",
        "path": None,
        "tried": (Path("a"), Path("b")),
        "batch_size": 1,
    }
    return DataSource(**{**given, **changes})


def test_a_store_is_what_it_is_and_not_what_the_net_says(tmp_path):
    entries = numbered(random_datums(3))
    stores = {"lmdb": write_lmdb(tmp_path / "l", entries)}
    stores["leveldb"] = write_leveldb(tmp_path / "v", entries)
    for backend, path in stores.items():
        for named in ("lmdb", "leveldb"):
            assert actual_backend(source(backend=named), path) == backend
            assert actual_backend(source(type="ImageData", backend=named), path) == named


def test_what_no_store_is(tmp_path):
    folder = write_tree(tmp_path / "images", {"cat/0.jpg": photo(0)})
    (tmp_path / "empty").mkdir()
    for path in (folder, tmp_path / "empty", tmp_path / "absent"):
        assert actual_backend(source(), path) == "lmdb"


@pytest.mark.parametrize(
    ("tops", "label", "data"),
    [(("a", "b"), "b", "a"), (("a", "b"), "a", "b"), (("a",), "a", None), (("a",), None, "a")],
)
def test_the_top_with_the_records(tops, label, data):
    assert data_top(source(tops=tops, label_top=label)) == data


def test_sources_that_are_missing():
    assert missing_text(source()) == "source train does not exist (tried a, b)"
    assert missing_text(source(given="")) == "the Data layer names no source"
