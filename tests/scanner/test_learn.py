"""What is learned of a dataset, and how it is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datascan.cli.app import run
from datascan.config.expectations import Expectations, Labels
from datascan.scanner.learn import format_expectations
from datascan.text import escape_surrogates
from tests.builders.expected import animals, hdf5, known_dataset, learn, raised
from tests.builders.images import encode, write_tree
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.cli.test_app import datascan


@pytest.fixture
def known(tmp_path):
    """Values and expectations of 100 records of ten classes."""
    return known_dataset(tmp_path)


def test_channels_are_learned_of_pictures_and_datums(known, tmp_path):
    file = learn(animals(tmp_path, "a", {"cat": 2}))
    assert Expectations.read(file).data.channels == (3,)
    arrays = np.random.default_rng(1).integers(0, 256, (4, 2, 4, 4)).astype(np.uint8)
    store = write_lmdb(tmp_path / "k", numbered(datum(array, 0) for array in arrays))
    assert Expectations.read(learn(store)).data.channels == (2,)
    assert Expectations.read(known[1]).data.channels is None
    # The last axis may be that of the channels.
    assert Expectations.read(learn(hdf5(tmp_path / "a.h5", arrays))).data.channels is None


def test_a_limit_leaves_the_number_of_records_open(known, tmp_path):
    path = hdf5(tmp_path / "n.h5", known[0], np.arange(100) % 10)
    assert Expectations.read(learn(path, limit=50)).records is None
    assert raised(path, learn(path, limit=50)) == {}
    assert Expectations.read(learn(path, limit=101)).records.count == 100


def test_ranges_of_shrunk_pictures_have_a_margin(tmp_path):
    shades = np.clip(np.random.default_rng(0).normal(128, 20, (200, 200, 3)), 60, 200)
    large = encode(Image.fromarray(shades.astype(np.uint8)), "JPEG")
    small = encode(Image.fromarray(shades[:100, :100].astype(np.uint8)), "JPEG")
    file = learn(write_tree(tmp_path / "large", {f"a/{i}.jpg": large for i in range(2)}))
    assert Expectations.read(file).values.margin > 0
    file = learn(write_tree(tmp_path / "small", {f"a/{i}.jpg": small for i in range(2)}))
    assert Expectations.read(file).values.margin == 0


@given(
    names=st.lists(
        st.text(st.characters(exclude_characters="/\x00"), min_size=1), min_size=1, unique=True
    )
)
def test_any_name_of_a_class_can_be_written(tmp_path_factory, names):
    names = list(dict.fromkeys(map(escape_surrogates, names)))
    labels = Labels(
        shares=dict.fromkeys(names, 1.0), numbers={name: i for i, name in enumerate(names)}
    )
    expected = Expectations("datascan-expectations/1", labels=labels)
    file = tmp_path_factory.mktemp("e") / "e.toml"
    file.write_text(format_expectations(expected, "made up"), encoding="utf-8", newline="")
    assert Expectations.read(file) == expected


def test_folders_whose_names_are_not_utf8(tmp_path):
    folder = tmp_path / "k"
    animals(tmp_path, "k", {"a": 3, "b": 2})
    try:
        (folder / "b").rename(folder / os.fsdecode(b"\xfc"))
    except OSError:
        pytest.skip("the file system takes UTF-8 only")
    file = learn(folder)
    assert Expectations.read(file).labels.numbers == {"a": 0, "\\xfc": 1}
    assert raised(folder, file) == {}
    other = animals(tmp_path, "n", {"a": 3})
    assert "class \\xfc has 0.0%" in raised(other, file)["label-shift"].message


def test_standard_output_is_utf8(tmp_path):
    path = animals(tmp_path, "k", {"größe": 3, "b": 2})
    result = subprocess.run(
        [sys.executable, "-m", "datascan", "learn", str(path)],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert Labels(**tomllib.loads(result.stdout.decode())["labels"]).numbers == {"b": 0, "größe": 1}


def test_a_bad_example_is_told(tmp_path):
    values = np.ones((5, 2), np.float32)
    values[1] = np.nan
    file = tmp_path / "e.toml"
    result = datascan("learn", hdf5(tmp_path / "k.h5", values), "-o", file)
    assert result.returncode == 1
    warning = "datascan: warning: learned from a dataset that fails (nan-value)\n"
    assert result.stderr == f"wrote {file}\n{warning}"
    assert (tmp_path / "e.toml").exists()


def test_nothing_is_learned_of_a_scan_that_was_stopped(tmp_path, monkeypatch, capsys):
    def stop_at_once(interrupt):
        interrupt.received = signal.SIGINT

    monkeypatch.setattr("datascan.cli.progress.handle_signals", stop_at_once)
    path = hdf5(tmp_path / "k.h5", np.full((5, 2), np.nan))
    file = tmp_path / "e.toml"
    assert run(["learn", str(path), "-o", str(file), "--workers", "0"]) == 130
    assert capsys.readouterr().err == "datascan: interrupted, nothing was learned\n"
    assert not file.exists()


def test_a_margin_if_some_records_are_floats(tmp_path):
    random = np.random.default_rng(0)
    arrays = [random.integers(0, 256, (1, 4, 4)).astype(kind) for kind in (np.uint8, np.float32)]
    mixed = write_lmdb(tmp_path / "mixed", numbered(datum(array, 0) for array in arrays))
    assert Expectations.read(learn(mixed)).values.margin > 0
    whole = write_lmdb(tmp_path / "whole", numbered([datum(arrays[0], 0)]))
    assert Expectations.read(learn(whole)).values.margin == 0


def test_what_is_wrong_is_not_learned(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [rng.random((1, 2, 3)).astype(np.float32) for _ in range(200)]
    arrays[3] = rng.random((1, 4, 3)).astype(np.float32)
    arrays[5][0, 0, 0] = 1e9
    labels = [i % 3 for i in range(200)]
    labels[7], labels[9] = 77, -1
    path = write_lmdb(tmp_path / "k", numbered(map(datum, arrays, labels)))
    file = tmp_path / "e.toml"
    result = datascan("learn", path, "--num-classes", 3, "-o", file)
    learned = Expectations.read(file)
    assert set(learned.labels.shares) == {"0", "1", "2"}
    assert learned.data.shapes == ((1, 2, 3),)
    assert learned.values is None
    assert learned.records.count == 200
    said = [line for line in result.stderr.splitlines() if "left out" in line]
    assert said == [
        "datascan: left out: the range of the values, because of extreme-value",
        "datascan: left out: 1 shape of records that are odd, because of shape-mismatch",
        "datascan: left out: 2 labels out of range: -1, 77",
    ]


def test_nothing_is_left_out_of_a_good_dataset(known, tmp_path):
    path = hdf5(tmp_path / "n.h5", known[0], np.arange(100) % 10)
    result = datascan("learn", path, "-o", tmp_path / "e.toml")
    assert "left out" not in result.stderr


def test_a_count_of_damaged_stores_is_not_learned(tmp_path):
    labels = np.arange(50) % 3
    path = hdf5(tmp_path / "n.h5", np.random.default_rng(0).random((60, 4)), labels)
    result = datascan("learn", path, "-o", tmp_path / "e.toml")
    assert "left out: the number of records, because of length-mismatch" in result.stderr
    assert Expectations.read(tmp_path / "e.toml").records is None


def test_what_a_baseline_accepts_is_learned(tmp_path):
    arrays = np.random.default_rng(0).random((50, 1, 2, 3)).astype(np.float32)
    arrays[5, 0, 0, 0] = 1e9
    path = write_lmdb(tmp_path / "k", numbered(datum(array, 0) for array in arrays))
    file = tmp_path / "b.toml"
    accept = ("accept", path, "--rule", "extreme-value", "--reason", "so it is")
    assert datascan(*accept, "--baseline", file).returncode == 0
    result = datascan("learn", path, "--baseline", file, "-o", tmp_path / "e.toml")
    assert "left out" not in result.stderr
    assert Expectations.read(tmp_path / "e.toml").values.max == 1e9
