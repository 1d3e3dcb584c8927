"""Which datasets are taken for data, label, and what goes along."""

from __future__ import annotations

import pytest

from datascan.config.options import ReadOptions
from datascan.errors import DatasetError
from datascan.readers.hdf5.inventory import DatasetInfo, Inventory
from datascan.readers.hdf5.selection import Selection, SelectionError, select_datasets
from tests.builders.hdf5 import numbers, place_faults, scanned, write_hdf5


def column(name, rows=10, shape=(3,)):
    return DatasetInfo(name, name.encode(), rows, shape, "<f4", "numbers", 1, 12)


def chosen(*names, rows=None, others=None, like=None, **options):
    """The names of data, label and extras; "whole" where there is no pair."""
    columns = {name: column(name, (rows or {}).get(name, 10)) for name in names}
    found = Inventory(columns, others or {})
    choice = select_datasets(found, ReadOptions(**options), like, "a.h5")
    if choice.selects_all:
        return "whole", [table.data.name for table in choice.tables]
    (table,) = choice.tables
    return table.data.name, table.label and table.label.name, [e.name for e in table.extras]


@pytest.mark.parametrize(
    ("names", "data", "label"),
    [
        (["data", "label"], "data", "label"),
        (["X", "y"], "X", "y"),
        (["IMAGES", "Labels"], "IMAGES", "Labels"),
        (["features", "targets"], "features", "targets"),
        (["x"], "x", None),
        (["points", "label"], "points", "label"),
        (["points"], "points", None),
        (["train/data", "train/label"], "train/data", "train/label"),
        (["a/b/images", "c/y"], "a/b/images", "c/y"),
        (["data", "a/label", "b/label"], "data", None),
        (["train/data", "train/label", "test/label"], "train/data", "train/label"),
        (["data", "train/data", "label"], "data", "label"),
    ],
)
def test_by_name(names, data, label):
    assert chosen(*names)[:2] == (data, label)


def test_names_in_their_order():
    assert chosen("features", "images", "x", "data") == ("data", None, ["features", "images", "x"])
    assert chosen("x", "targets", "y", "labels", "label")[:2] == ("x", "label")


def test_root_level_comes_first():
    assert chosen("features", "a/data", "a/label")[:2] == ("features", "a/label")


def test_extras_have_as_many_rows():
    found = chosen("data", "label", "label2", "w/weights", "mean", rows={"mean": 1})
    assert found == ("data", "label", ["label2", "w/weights"])


@pytest.mark.parametrize(
    "names",
    [
        ["a/data", "b/data"],
        ["a/data", "a/label", "b/data", "b/label"],
        ["p", "q"],
        ["p", "q", "label"],
        ["label"],
        ["data/demo_0/actions", "data/demo_0/dones"],
    ],
)
def test_without_a_pair_every_dataset_is_scanned(names):
    assert chosen(*reversed(names)) == ("whole", sorted(names))


@pytest.mark.parametrize(
    ("names", "option", "named"),
    [
        (["X", "x", "y"], "--data", "X, x"),
        (["data", "Y", "y"], "--label", "Y, y"),
        (["a/data", "a/Y", "a/y"], "--label", "a/Y, a/y"),
    ],
)
def test_ambiguous_names(names, option, named):
    with pytest.raises(
        SelectionError, match=f"a.h5 has several .* choose one with {option}: {named}"
    ):
        chosen(*names)


def test_keys_that_were_asked_for():
    assert chosen("a", "b", "c", data_key="b", label_key="/c") == ("b", "c", ["a"])
    assert chosen("g/a", "g/label", "label", data_key="/g/a/")[:2] == ("g/a", "g/label")
    assert chosen("a", "b", label_key="b")[:2] == ("a", "b")
    with pytest.raises(
        SelectionError, match=r"dataset 'b' of a.h5 contains strings; available datasets: a, b"
    ):
        chosen("a", others={"b": "strings"}, data_key="a", label_key="b")
    with pytest.raises(
        SelectionError, match=r"has no dataset 'd'; available datasets: a, b, names"
    ):
        chosen("a", "b", others={"names": "strings"}, data_key="d")
    with pytest.raises(
        SelectionError,
        match=r"dataset 'names' of a.h5 contains strings; available datasets: a, names",
    ):
        chosen("a", others={"names": "strings"}, data_key="names")
    with pytest.raises(SelectionError, match="choose one with --data: a, b"):
        chosen("a", "b", "c", label_key="c")


def test_as_in_the_file_before():
    columns = {name: column(name) for name in ("points", "label")}
    like = select_datasets(Inventory(columns), ReadOptions(), None, "a.h5")
    assert chosen("points", "data", "label", "y", like=like)[:2] == ("points", "label")
    assert chosen("points", "data", "y", like=like)[:2] == ("points", "y")
    with pytest.raises(SelectionError, match="has no dataset 'points'; available datasets: data"):
        chosen("data", like=like)
    assert chosen("data", "label", like=Selection(like.tables, selects_all=True))[0] == "whole"


def test_a_choice_that_cannot_be_made_ends_the_scan(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", X=numbers(5, 3), x=numbers(5, 3))
    with pytest.raises(DatasetError, match=r"a.h5 has several .* choose one with --data: X, x"):
        scanned(path)
    with pytest.raises(DatasetError, match=r"a.h5 has no dataset 'z'; available datasets: X, x"):
        scanned(path, data_key="z")
    assert scanned(path, data_key="x").summary.records == 5


def test_a_later_file_without_the_dataset_is_a_fault(tmp_path):
    first = write_hdf5(tmp_path / "a.h5", data=numbers(5, 3))
    second = write_hdf5(tmp_path / "b.h5", points=numbers(7, 3))
    third = write_hdf5(tmp_path / "c.h5", data=numbers(9, 3))
    result = scanned(first, second, third)
    assert result.summary.records == 14
    assert place_faults(result, "damaged-store") == [
        ("b.h5 has no dataset 'data'; available datasets: points", 0)
    ]
