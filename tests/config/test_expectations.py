"""Expectations: what is learned of a dataset holds for it, and tells others from it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.config.expectations import Data, Expectations
from datascan.config.options import Options
from datascan.errors import UsageError
from tests.builders.expected import RULES, expecting, hdf5, known_dataset, learn, raised
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.builders.sessions import report_of
from tests.cli.test_app import datascan, fails_in_one_line


@pytest.fixture
def known(tmp_path):
    """Values and expectations of 100 records of ten classes."""
    return known_dataset(tmp_path)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_dataset_is_as_it_was_learned(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("e")
    dtype = data.draw(st.sampled_from(["u1", "i2", "<f4", ">f4", "f8"]))
    count = data.draw(st.integers(1, 30))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = (random.normal(size=(count, 3)) * data.draw(st.sampled_from([1, 1e-30, 50]))).astype(
        dtype
    )
    if values.dtype.kind == "f" and data.draw(st.booleans()):
        values[0, 0] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    labels = data.draw(
        st.sampled_from([None, random.integers(-2, 5, count), random.normal(size=count)])
    )
    path = hdf5(folder / "d.h5", values, labels)
    assert raised(path, learn(path)) == {}


@pytest.mark.parametrize("backend", ["lmdb", "leveldb", "images", "text"])
def test_every_backend(tmp_path, backend):
    arrays = np.random.default_rng(1).integers(0, 256, (40, 3, 4, 4)).astype(np.uint8)
    values = numbered(datum(array, i % 3) for i, array in enumerate(arrays))
    path = tmp_path / "d"
    if backend == "lmdb":
        write_lmdb(path, values)
    elif backend == "leveldb":
        write_leveldb(path, values)
    elif backend == "text":
        lines = {b"num-samples": b"2"}
        for i in (1, 2):
            lines[b"image-%09d" % i], lines[b"label-%09d" % i] = photo(i), b"word"
        write_lmdb(path, lines)
    else:
        # More sizes than are kept one by one.
        sizes = [photo(i, height=10 + i, width=20 + i % 7) for i in range(30)]
        write_tree(path, {f"{'cat' if i % 2 else 'dog'}/{i}.jpg": s for i, s in enumerate(sizes)})
    file = learn(path)
    assert raised(path, file) == {}
    if backend == "images":
        told = Expectations.read(file).data
        assert (told.shapes, told.axes, told.channels) == (
            None,
            (((3, 3), (10, 39), (20, 26)),),
            (3,),
        )


def test_other_shapes(known, tmp_path):
    found = raised(hdf5(tmp_path / "n.h5", known[0][:, :3], np.arange(100) % 10), known[1])
    assert set(found) == {"unexpected-shape"}
    assert found["unexpected-shape"].records == 100
    assert found["unexpected-shape"].severity == "error"
    assert found["unexpected-shape"].examples[0].detail == "shape 3, expected 4"


def test_other_dtypes(known, tmp_path):
    path = hdf5(tmp_path / "n.h5", known[0].astype(np.float64), np.arange(100) % 10)
    found = raised(path, known[1])
    assert set(found) == {"unexpected-dtype"}
    assert "float64 (expected float32)" in found["unexpected-dtype"].message


def test_other_classes(known, tmp_path):
    labels = np.arange(100) % 10
    labels[[7, 33]] = 10, 12
    found = raised(hdf5(tmp_path / "n.h5", known[0], labels), known[1])
    assert set(found) == {"unexpected-class"}
    assert [e.index for e in found["unexpected-class"].examples] == [7, 33]
    assert found["unexpected-class"].message == "2 labels have an unexpected class: 10, 12"


def test_shifted_classes(known, tmp_path):
    for moved, told in ((10, False), (11, True)):
        labels = np.arange(100) % 10
        labels[np.flatnonzero(labels == 0)[:moved]] = 1
        labels[np.flatnonzero(labels == 2)[: max(0, moved - 10)]] = 1
        found = raised(hdf5(tmp_path / f"{moved}.h5", known[0], labels), known[1])
        assert set(found) == ({"label-shift"} if told else set())
    assert "differ by 0.11 from" in found["label-shift"].message
    assert found["label-shift"].records == 0


def test_values_beyond(known, tmp_path):
    values = known[0].copy()
    values[5, 2], values[6, 0], values[7, 1] = 1.09, 1.11, -0.2
    values[8, 0], values[9, 0] = np.nan, np.inf
    found = raised(hdf5(tmp_path / "n.h5", values, np.arange(100) % 10), known[1])
    assert set(found) == {"value-out-of-range"}
    # The worst first: -0.2 is further from 0..1 than 1.11.
    assert [e.index for e in found["value-out-of-range"].examples] == [7, 6]


def test_bytes_have_no_margin(tmp_path):
    values = np.random.default_rng(0).integers(10, 200, (50, 6)).astype(np.uint8)
    values[0, :2] = 10, 199
    file = learn(hdf5(tmp_path / "k.h5", values))
    values[3, 3] = 200
    assert set(raised(hdf5(tmp_path / "n.h5", values), file)) == {"value-out-of-range"}


def test_number_of_records(known, tmp_path):
    for count, told in ((90, False), (89, True)):
        path = hdf5(tmp_path / f"{count}.h5", known[0][:count], np.arange(count) % 10)
        assert set(raised(path, known[1])) == ({"record-count-change"} if told else set())
    assert raised(path, known[1], limit=50) == {}


def test_without_expectations_nothing_is_raised(known, tmp_path):
    path = hdf5(tmp_path / "n.h5", known[0] * 1e6, np.arange(100) % 17)
    report = report_of(path, Options.from_keywords(workers=0))
    assert not RULES & {f.rule for f in report.findings}


def test_what_is_left_out_is_not_checked(known, tmp_path):
    file = tmp_path / "little.toml"
    file.write_text('format = "datascan-expectations/1"\n')
    path = hdf5(tmp_path / "n.h5", known[0].astype(int) + 999, np.arange(100) % 17)
    assert raised(path, file) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("format = 1", "format"),
        ('format = "datascan-expectations/2"', "format"),
        ('format = "datascan-expectations/1"\nrecord = {count = 1}', "did you mean records?"),
        (
            'format = "datascan-expectations/1"\nrecords = {count = 1, tolerence = 1}',
            "did you mean tolerance?",
        ),
        ('format = "datascan-expectations/1"\nrecords = {count = -1}', "records.count"),
        ('format = "datascan-expectations/1"\nvalues = {min = "a", max = 1}', "values.min"),
        ("format", "is not valid TOML (at end of document)"),
        ("\x00", "is not valid TOML (at line 1, column 1)"),
        (
            f'format = "datascan-expectations/1"\nrecords = {{count = {"9" * 5000}}}',
            "is not valid TOML: ",
        ),
        (f'format = "datascan-expectations/1"\nrecords = {{count = {"9" * 400}}}', "records.count"),
    ],
)
def test_files_that_are_none(tmp_path, text, told):
    file = tmp_path / "e.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"e\.toml") as error:
        Expectations.read(file)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("values = {min = 3, max = 1}", "min is above max: 3 > 1"),
        ("values = {min = nan, max = 1}", "min is not a number"),
        ("values = {min = 0, max = nan}", "max is not a number"),
        ("values = {min = inf, max = inf}", "the range is empty"),
        ("values = {min = 0, max = 1, margin = inf}", "margin is not finite"),
        ("values = {min = 0, max = 1, margin = nan}", "values.margin"),
        ("values = {min = 0, max = 1, margin = -1}", "values.margin"),
        ("records = {count = 1, tolerance = inf}", "tolerance is not finite"),
        ("records = {count = 1, tolerance = nan}", "records.tolerance"),
        ("data = {shapes = []}", "shapes is empty"),
        ("data = {axes = []}", "axes is empty"),
        ("data = {dtypes = []}", "dtypes is empty"),
        ("data = {channels = []}", "channels is empty"),
        ("data = {axes = [[[3, 1]]]}", "the minimum of an axis is above its maximum: 3 > 1"),
        ('data = {dtypes = ["uint8", "flaot32"]}', "'flaot32' is not a dtype"),
        ("labels = {shift = 0.1}", "missing required field `shares`"),
        ("labels = {shares = {}}", "no class has a share above 0"),
        ("labels = {shares = {a = 0, b = 0.0}}", "no class has a share above 0"),
        ("labels = {shares = {a = 1}, shift = nan}", "labels.shift"),
        ("labels = {shares = {a = 1}, numbers = {b = 1}}", "a class that has no share: 'b'"),
        ("labels = {shares = {a = 1, b = 1}, numbers = {a = 1, b = 1}}", "are both 1"),
        ('labels = {kind = "regression", shares = {a = 1}}', "have no shares"),
        ('labels = {kind = "text"}', "labels.kind"),
    ],
)
def test_invalid_values(tmp_path, table, told):
    file = expecting(tmp_path, table)
    with pytest.raises(UsageError, match=r"e\.toml") as error:
        Expectations.read(file)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_ranges_may_be_open(known, tmp_path):
    path = hdf5(tmp_path / "n.h5", known[0] - 1)
    assert raised(path, expecting(tmp_path, "values = {min = -inf, max = 1}")) == {}
    found = raised(path, expecting(tmp_path, "values = {min = 0, max = inf}"))
    assert set(found) == {"value-out-of-range"}


def test_channels_count_without_shapes(tmp_path):
    grey = write_tree(
        tmp_path / "grey", {f"a/{i}.png": encode(pixels(i, mode="L"), "PNG") for i in range(3)}
    )
    found = raised(grey, expecting(tmp_path, "data = {channels = [3]}"))
    assert found["unexpected-shape"].records == 3
    assert found["unexpected-shape"].message.endswith("(expected 3 channels)")
    assert raised(grey, expecting(tmp_path, "data = {channels = [1, 3]}")) == {}
    flat = hdf5(tmp_path / "flat.h5", np.random.default_rng(0).random((5, 3)))
    assert set(raised(flat, expecting(tmp_path, "data = {channels = [3]}"))) == {"unexpected-shape"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"shapes": ((3, 4, 4), (1, 4, 4)), "channels": (1, 3)}, "3x4x4 or 1x4x4"),
        ({"shapes": ((3, 4, 4),), "channels": (1,)}, "3x4x4 with 1 channel"),
        (
            {"axes": (((3, 3), (16, 16), (2, 9)),), "channels": (3,)},
            "3x16x(2..9) with 3 channels",
        ),
        ({"axes": (((1, 3), (4, 4), (4, 4)),)}, "(1..3)x4x4"),
        ({"axes": ((),)}, "scalar"),
        ({"channels": (1, 3)}, "1 or 3 channels"),
    ],
)
def test_summary_in_words(table, told):
    assert Data(**table).summary == told


def test_from_a_shell(tmp_path):
    arrays = np.random.default_rng(1).integers(0, 256, (40, 3, 4, 4)).astype(np.uint8)
    path = write_lmdb(tmp_path / "k", numbered(datum(a, i % 4) for i, a in enumerate(arrays)))
    file = tmp_path / "train.expect.toml"
    result = datascan("learn", path, "-o", file)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", f"wrote {file}\n")
    assert datascan("learn", path).stdout == file.read_text()
    assert datascan("lmdb", path, "--expect", file, "-qq").returncode == 0
    other = write_lmdb(tmp_path / "o", numbered(datum(a[:1], 1) for a in arrays))
    report = json.loads(datascan("lmdb", other, "--expect", file, "--json", "-").stdout)
    rules = {finding["rule"] for finding in report["findings"]}
    assert {"unexpected-shape", "label-shift"} <= rules
    assert report["verdict"] == "fail"
    assert "no such" in fails_in_one_line("learn", tmp_path / "nothing").lower()
    fails_in_one_line("lmdb", path, "--expect", tmp_path / "nothing")
    fails_in_one_line("learn", path, "-o", tmp_path)
