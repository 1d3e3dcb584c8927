"""What a report says of its dataset and of how it was dataset, and what it does not tell."""

from __future__ import annotations

import json
import os
import shutil
import sys

import h5py
import jsonschema
import numpy as np
import pytest
from msgspec import to_builtins

import datascan
from datascan._version import __version__
from datascan.config.applied import AppliedConfiguration
from datascan.config.options import Options
from datascan.report.identify import format_time, list_options, locate
from datascan.report.schema import json_schema
from tests.builders.hdf5 import write_hdf5
from tests.builders.images import photo
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan as command

VARYING = ("elapsed_seconds", "started")


def write_images(path, count=12):
    for i in range(count):
        file = path / "ab"[i % 2] / f"{i:03}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo(i))
    return path


def write_rows(path):
    values = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
    return write_hdf5(path, data=values, label=np.arange(40) % 5)


WRITERS = {
    "lmdb": lambda path: write_lmdb(path, numbered(random_datums(60, (1, 4, 4)))),
    "leveldb": lambda path: write_leveldb(path, numbered(random_datums(60, (1, 4, 4)))),
    "hdf5": write_rows,
    "images": write_images,
}


@pytest.fixture(params=WRITERS)
def dataset(request, tmp_path):
    """A small dataset of each format."""
    path = tmp_path / "first" / ("set.h5" if request.param == "hdf5" else "set")
    path.parent.mkdir()
    WRITERS[request.param](path)
    return path


def scan(path, **options):
    return datascan.scan(path, **{"workers": 0, "thumbnails": False, **options})


def print_of(path, **options):
    return scan(path, **options).dataset.fingerprint


def members(report):
    """The JSON of a report without its times."""
    whole = json.loads(report.to_json())
    return {name: value for name, value in whole.items() if name not in VARYING}


def test_two_scans_are_equal_but_for_times(dataset):
    one = scan(dataset)
    assert members(one) == members(scan(dataset)) == members(scan(dataset, workers=2))
    assert one.dataset.fingerprint.content.keys
    assert one.dataset.fingerprint.content.values
    jsonschema.validate(json.loads(one.to_json()), json_schema())


def copy(dataset, folder):
    """A copy with other time stamps, in another folder."""
    target = folder / "other" / "place" / dataset.name
    target.parent.mkdir(parents=True)
    (shutil.copytree if dataset.is_dir() else shutil.copy)(dataset, target)
    for path in [target, *target.rglob("*")]:
        os.utime(path, (1e9, 1e9))
    return target


def test_a_copy_has_the_same_content_and_other_times(dataset, tmp_path):
    first, second = print_of(dataset), print_of(copy(dataset, tmp_path))
    assert first.content == second.content
    assert first.files.sizes == second.files.sizes
    assert (first.files.count, first.files.bytes) == (second.files.count, second.files.bytes)
    assert first.files.times != second.files.times
    assert second.files.modified == "2001-09-09T01:46:40+00:00"


def test_a_changed_value_changes_the_content(tmp_path):
    records = numbered(random_datums(60, (1, 4, 4)))
    first = print_of(write_lmdb(tmp_path / "a", records))
    key = b"00000030"
    changed = bytearray(records[key])
    changed[changed.index(b"\x22\x10") + 5] ^= 1
    second = print_of(write_lmdb(tmp_path / "b", {**records, key: bytes(changed)}))
    assert first.content.keys == second.content.keys
    assert first.content.values != second.content.values


def test_a_changed_label_changes_the_content(tmp_path):
    values = np.random.default_rng(0).normal(size=(40, 8))
    labels = np.arange(40) % 5
    first = print_of(write_hdf5(tmp_path / "a.h5", data=values, label=labels))
    labels[7] = 4
    second = print_of(write_hdf5(tmp_path / "b.h5", data=values, label=labels))
    assert first.content.values != second.content.values


def test_a_renamed_key_changes_the_keys(tmp_path):
    records = numbered(random_datums(60, (1, 4, 4)))
    first = print_of(write_lmdb(tmp_path / "a", records))
    records[b"00000059x"] = records.pop(b"00000059")
    second = print_of(write_lmdb(tmp_path / "b", records))
    assert first.content.keys != second.content.keys
    assert first.content.values == second.content.values


def test_a_file_written_again_changes_the_times(dataset):
    first = print_of(dataset)
    data = max(
        (path for path in [dataset, *dataset.rglob("*")] if path.is_file()), key=os.path.getsize
    )
    os.utime(data, (2e9, 2e9))
    second = print_of(dataset)
    assert first.content == second.content
    assert first.files.sizes == second.files.sizes
    assert first.files.times != second.files.times
    assert second.files.modified == "2033-05-18T03:33:20+00:00"


def test_an_image_more_changes_everything(tmp_path):
    path = write_images(tmp_path / "set")
    first = print_of(path)
    (path / "a" / "new.jpg").write_bytes(photo(99))
    second = print_of(path)
    assert first.content.records + 1 == second.content.records
    for name in ("keys", "values"):
        assert getattr(first.content, name) != getattr(second.content, name)
    assert first.files.sizes != second.files.sizes


def test_locks_and_logs_of_a_store_are_no_part_of_it(tmp_path):
    path = write_lmdb(tmp_path / "set", numbered(random_datums(20)))
    first = print_of(path)
    (path / "lock.mdb").write_bytes(b"x" * 100)
    assert print_of(path) == first
    assert first.files.count == 1
    path = WRITERS["leveldb"](tmp_path / "level")
    first = print_of(path)
    (path / "LOG").write_text("opened")
    (path / "LOCK").write_text("")
    assert print_of(path) == first


def test_records_that_were_not_compared_have_no_hash(dataset):
    content = print_of(dataset, select=("nan-value",)).content
    assert content.values is None
    assert content.keys == print_of(dataset).content.keys


def test_the_library_that_reads_is_named(tmp_path):
    versions = scan(write_rows(tmp_path / "a.h5")).versions
    assert versions["datascan"] == __version__
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == np.__version__
    assert versions["h5py"] == h5py.__version__
    assert versions["hdf5"] == h5py.version.hdf5_version
    assert versions["loops"] in {"c", "numpy"}
    assert "h5py" not in scan(write_images(tmp_path / "set")).versions
    assert {"pillow", "simplejpeg"} <= scan(tmp_path / "set").versions.keys()


@pytest.mark.parametrize(("plain", "language"), [("1", "numpy"), ("", None)])
def test_the_language_of_the_inner_loops_is_named(dataset, plain, language):
    result = command("scan", dataset, "--json", "-", DATASCAN_PLAIN=plain)
    found = json.loads(result.stdout)
    from datascan.native import LANGUAGE  # noqa: PLC0415  (next to its use)

    assert found["versions"]["loops"] == (language or LANGUAGE)
    # What they compute is the same.
    assert found["dataset"]["fingerprint"] == to_builtins(print_of(dataset))


def test_only_options_that_matter_are_stated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = WRITERS["lmdb"](tmp_path / "set")
    assert scan(path).options is None
    assert scan(path, workers=2).options is None
    (tmp_path / "expect.toml").write_text('format = "datascan-expectations/1"\n')
    (tmp_path / "b.toml").write_text('format = "datascan-baseline/1"\n')
    found = scan(
        path,
        limit=50,
        num_classes=10,
        batch_sizes=[8, 16],
        ignore="nan-value",
        severity={"inf-value": "info"},
        fail_on="warning",
        baseline=tmp_path / "b.toml",
        expect="expect.toml",
        timeout=7,
        max_memory="1GB",
    )
    expected = found.options.pop("expect")
    assert expected.startswith("datascan-expectations/1 ")
    assert found.options == {
        "limit": 50,
        "num_classes": 10,
        "batch_size": [8, 16],
        "ignore": ["nan-value"],
        "timeout": 7.0,
        "max_memory": 10**9,
        "severity": {"inf-value": "info"},
        "fail_on": "warning",
        "baseline": "b.toml",
    }
    with (tmp_path / "expect.toml").open("a") as file:
        file.write("[records]\ncount = 60\n")
    assert scan(path, expect="expect.toml").options["expect"] not in {expected, None}


def test_flags_and_configuration_are_stated_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    WRITERS["lmdb"](tmp_path / "set")
    (tmp_path / "datascan.toml").write_text('num_classes = 10\n[dataset."set"]\nlimit = 50\n')
    stated = json.loads(command("scan", "set", "--json", "-", "--fail-on", "never").stdout)
    assert stated["options"] == {"limit": 50, "num_classes": 10, "fail_on": "never"}
    assert stated["dataset"]["location"] == {"paths": ["set"], "relative_to": "configuration"}


def test_every_option_can_be_stated():
    changed = {
        "db": "train",
        "list_file": "/home/ada/lists/train.txt",
        "follow_links": True,
        "sample": 5,
        "label_type": "none",
        "select": "nan-value",
    }
    assert list_options(Options.from_keywords(**changed)) == {
        "db": "train",
        "list": "train.txt",
        "follow_links": True,
        "sample": 5,
        "label_type": "none",
        "select": ["nan-value"],
    }


def test_no_folder_above_the_dataset_is_named(tmp_path, monkeypatch):
    home = tmp_path / "home-of-ludmila"
    (home / "data").mkdir(parents=True)
    path = WRITERS["lmdb"](home / "data" / "set")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    found = json.loads(scan(path).to_json())
    assert found["dataset"].pop("path") == str(path)
    assert "ludmila" not in json.dumps(found)
    assert found["dataset"]["location"] == {"paths": ["set"], "relative_to": "parent"}


@pytest.mark.parametrize(
    ("paths", "configuration", "expected"),
    [
        (["work/a/set"], None, (["a/set"], "working-folder")),
        (["work"], None, (["."], "working-folder")),
        (["work/a/../b"], None, (["b"], "working-folder")),
        (["work/a/x.h5", "work/b/y.h5"], None, (["a/x.h5", "b/y.h5"], "working-folder")),
        (["else/a/x.h5", "else/b/y.h5"], None, (["a/x.h5", "b/y.h5"], "parent")),
        (["else/a/set"], "../datascan.toml", (["else/a/set"], "configuration")),
        (["work/a/set"], "../datascan.toml", (["work/a/set"], "configuration")),
        (["work/a/set"], "../other/datascan.toml", (["a/set"], "working-folder")),
    ],
)
def test_paths_are_relative_to_what_is_stated(
    tmp_path, monkeypatch, paths, configuration, expected
):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    applied = AppliedConfiguration(configuration) if configuration else None
    found = locate([tmp_path / path for path in paths], applied)
    assert (found.paths, found.relative_to) == expected


def test_a_deleted_working_folder_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert locate([tmp_path / "set"], None).relative_to == "parent"


@pytest.mark.parametrize("time", [0, 10**30, -(10**30)])
def test_times_that_cannot_be_are_left_out(time):
    assert format_time(time) is None
    assert format_time(10**18) == "2001-09-09T01:46:40+00:00"


def test_keys_of_hdf5_do_not_depend_on_the_folder(tmp_path, monkeypatch):
    path = write_rows(tmp_path / "a.h5")
    monkeypatch.chdir(tmp_path)
    assert print_of("a.h5").content == print_of(path).content
