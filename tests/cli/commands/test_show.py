"""``datascan show``: one record, by what a report shows of it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from datascan.cli.app import run
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb


@pytest.fixture
def show(tmp_path, monkeypatch, capsys):
    """Runs the command in a folder with datasets; returns status, output and errors."""
    monkeypatch.chdir(tmp_path)
    values = numbers(300, 3, 4, 4)
    values[7, 2, 1, 0] = np.nan
    rows = [datum(one, i % 3) for i, one in enumerate(values)]
    write_lmdb(tmp_path / "store", numbered([*rows, b""]))
    write_tree(
        tmp_path / "imgs",
        {
            "cat/a.png": encode(pixels(1), "PNG"),
            "cat/b.jpg": photo(2),
            "dog/a.jpg": b"<html><title>403 Forbidden</title>",
        },
    )
    (tmp_path / "net.prototxt").write_text("")
    data = numbers(50, 4)
    data[17, 3] = np.inf
    write_hdf5(tmp_path / "train.h5", data=data, label=np.arange(50) % 2)

    def command(*arguments):
        capsys.readouterr()
        status = run(["show", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command


def test_the_place_of_a_nan_with_the_values_around_it(show):
    status, out, err = show("store", "7")
    assert (status, err) == (1, "")
    assert out.startswith("#7  00000007  ")
    assert "3x4x4 float32, 48 values" in out
    assert "1 NaN, 0 Inf: 1 of 48 values" in out
    values = numbers(300, 3, 4, 4)[7].ravel()
    around = " ".join([*(f"{v:g}" for v in values[31:36]), ">nan<", f"{values[37]:g}"])
    assert f"first at [2, 1, 0]: ... {around}" in out
    assert "[nan-value]\n        1 of 48 values, first nan at [2, 1, 0]\n        -> " in out


def test_a_record_without_findings_exits_with_0(show):
    status, out, _ = show("store", "#8")
    assert status == 0
    assert "PASS    this record has no findings by itself" in out
    assert "datascan scan store" in out


@pytest.mark.parametrize("text", ["7", "#7", "00000007"])
def test_every_form_in_which_a_report_names_a_record(show, text):
    assert show("store", text)[1].startswith("#7  00000007  ")


def test_a_value_that_was_not_inspected_does_not_pass(show, tmp_path):
    write_lmdb(tmp_path / "raw", numbered([b"of an unknown kind %d" % i for i in range(9)]))
    status, out, _ = show("raw", "3")
    assert status == 0
    assert "WARNING the content of this record was not inspected\n" in out
    assert "PASS" not in out


def test_an_empty_value(show):
    status, out, _ = show("store", "300")
    assert status == 1
    assert "[empty-record]\n        the value has 0 bytes\n" in out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["store", "301"], "there is no record 301: store has 301 records; indices are 0 to 300"),
        (["store", "-1"], "there is no record -1: store has 301 records; indices are 0 to 300"),
        (["store", "0007"], "no record with the key 0007; near it: 00000300 (--index 7 is "),
        (["store", "00000150x"], "near it: 00000150, 00000151"),
        (["imgs", "a.png"], "imgs has no record with the key a.png; near it: cat/a.png"),
        (["imgs", "cat/bb.jpg"], "near it: cat/b.jpg"),
        (["train.h5", "train.h5:data[50]"], "near it: train.h5:data[49]"),
        (["store"], "which record? datascan show store KEY|INDEX"),
        (["store", "--index", "x"], "--index must be a whole number from 0"),
        (["store", "--index", "1", "--key", "2"], "--index and --key name two records"),
        (["store", "7", "--neighbours", "9999"], "--neighbours must be a whole number from 0"),
        (["absent", "7"], "no such path: absent"),
        ([".", "7"], ". is a folder of datasets, name one of them: imgs, store, train.h5"),
        (["net.prototxt", "7"], "net.prototxt is a Caffe net or solver: datascan net net.prototxt"),
        (["store", "7", "--save", "x.txt"], "--save writes .png"),
        (["store", "7", "--save", "x.jpg"], "the record is not an encoded image: x.jpg would"),
        (["train.h5", "1", "--save", "x.png"], "has no picture that could be written to x.png"),
        (["imgs", "0", "--save", "imgs/x.png"], "--save would overwrite what is read: imgs/x.png"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_status_2(show, arguments, error):
    status, out, err = show(*arguments)
    assert status == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert error in err


def test_what_terminal_and_page_show_of_a_record_is_understood(show):
    for text in ("150", "#150", " #150 ", "#150  00000150  label 1", "#150\n00000150"):
        assert show("store", text)[1].startswith("#150  00000150  "), text
    assert "there is no record 1150: store has 301" in show("store", "1,150")[2]
    assert "no record with the key 150 x" in show("store", "150 x")[2]
    assert "no record with the key 1,15" in show("store", "1,15")[2]
    status, _, err = show("store", "9" * 5000)
    assert status == 2
    assert "no record with the key 9999" in err


def test_a_number_that_is_also_a_key(show, tmp_path):
    write_lmdb(tmp_path / "odd", {b"%d" % i: v for i, v in enumerate(random_datums(20))})
    out = show("odd", "2")[1]
    # Keys are in byte order: 0, 1, 10, 11, ..., 19, 2.
    assert out.startswith("#12  2  ")
    assert "2 is a key; --index 2 is the record with that number" in out
    assert show("odd", "--index", "2")[1].startswith("#2  10  ")
    assert show("odd", "--key", "10")[1].startswith("#2  10  ")


def test_rows_of_hdf5_by_their_keys(show):
    status, out, _ = show("train.h5", "train.h5:data[17]")
    assert status == 1
    assert out.startswith("#17  train.h5:data[17]  ")
    assert "label   1" in out
    assert "first at [3]: " in out


def test_a_row_of_a_dataset_of_several_files(show, tmp_path):
    write_hdf5(tmp_path / "more.h5", data=numbers(50, 4, seed=1), label=np.arange(50) % 2)
    assert show("train.h5", "more.h5", "more.h5:data[3]")[1].startswith("#53  more.h5:data[3]  ")


def test_an_image_by_its_name_with_and_without_the_folder(show):
    for name in ("cat/a.png", "imgs/cat/a.png", "./cat/a.png"):
        out = show("imgs", name)[1]
        assert out.startswith("#0  cat/a.png  ")
        assert "label   0 'cat'" in out
        assert "image   PNG, 32x24 pixels, RGB" in out


def test_a_file_that_is_not_an_image_shows_how_it_begins(show):
    status, out, _ = show("imgs", "dog/a.jpg")
    assert status == 1
    assert "begins  <html><title>403 Forbidden</title>" in out
    assert "not-an-image" in out


def test_a_key_that_occurs_twice_names_the_indices(show, tmp_path):
    (tmp_path / "list.txt").write_text("cat/a.png 0\ncat/b.jpg 1\ncat/a.png 1\n")
    status, _, err = show("imgs", "cat/a.png", "--list", "list.txt")
    assert status == 2
    assert "cat/a.png occurs more than once: #0, #2 (--index chooses one)" in err
    assert show("imgs", "--index", "2", "--list", "list.txt")[1].startswith("#2  cat/a.png")


def test_keys_that_are_not_utf8_as_reports_show_them(show, tmp_path):
    keys = {b"a\xff": datum(numbers(3, 4, 4), 0), b"b\x1b[2J": datum(numbers(3, 4, 4), 1)}
    write_lmdb(tmp_path / "odd", keys)
    assert show("odd", r"a\xff")[1].startswith(r"#0  a\xff  ")
    out = show("odd", r"b\x1b[2J")[1]
    assert out.startswith(r"#1  b\x1b[2J  ")
    assert "\x1b" not in out


def test_neighbours_are_a_line_each(show):
    out = show("store", "7", "--neighbours", "2")[1]
    lines = [line for line in out.splitlines() if re.match("[ >] #", line)]
    assert [line.split()[:2][-1] for line in lines] == [
        "00000005",
        "00000006",
        "#7",
        "00000008",
        "00000009",
    ]
    assert "1 NaN" in lines[2]
    out = show("store", "0", "--neighbours", "1")[1]
    assert [line[:4] for line in out.splitlines() if re.match("[ >] #", line)] == ["> #0", "  #1"]


def test_neighbours_across_the_parts_of_a_dataset(show, tmp_path):
    write_hdf5(tmp_path / "more.h5", data=numbers(50, 4, seed=1), label=np.arange(50) % 2)
    out = show("train.h5", "more.h5", "50", "--neighbours", "2")[1]
    found = re.findall(r"^[ >] (#\d+)  (\S+)", out, re.MULTILINE)
    assert found == [
        ("#48", "train.h5:data[48]"),
        ("#49", "train.h5:data[49]"),
        ("#50", "more.h5:data[0]"),
        ("#51", "more.h5:data[1]"),
        ("#52", "more.h5:data[2]"),
    ]


def test_values_and_pictures_are_saved(show, tmp_path):
    assert show("store", "7", "--save", "x.npy")[2] == "wrote x.npy\n"
    values = np.load("x.npy")
    expected = numbers(300, 3, 4, 4)[7]
    expected[2, 1, 0] = np.nan
    np.testing.assert_array_equal(values, expected)
    show("imgs", "cat/b.jpg", "--save", "own.jpg")
    assert (tmp_path / "own.jpg").read_bytes() == (tmp_path / "imgs/cat/b.jpg").read_bytes()
    show("imgs", "cat/a.png", "--save", "own.png")
    with Image.open("own.png") as image:
        assert image.size == (32, 24)
    status, _, err = show("imgs", "cat/a.png", "--save", "own.png")
    assert status == 2
    assert "--force replaces it" in err
    assert show("imgs", "cat/a.png", "--save", "own.png", "--force")[0] == 0


def test_the_options_of_the_dataset_hold(show, tmp_path):
    (tmp_path / "datascan.toml").write_text("[dataset.store]\nnum_classes = 2\nlimit = 3\n")
    status, out, _ = show("store", "8")
    assert status == 1
    assert "[label-out-of-range]\n        label 2\n" in out


def test_the_dataset_is_not_changed(show, tmp_path):
    file = tmp_path / "store" / "data.mdb"
    before = file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir())
    show("store", "7", "--neighbours", "5")
    assert before == (file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir()))


def test_a_record_that_cannot_be_read_shows_why(show, tmp_path):
    path = tmp_path / "large"
    write_lmdb(path, numbered(datum(numbers(3, 64, 64, seed=i), i % 2) for i in range(20)))
    whole = (path / "data.mdb").stat().st_size
    os.truncate(path / "data.mdb", whole // 2)
    faults = []
    for index in range(20):
        status, out, err = show("large", f"{index:08}")
        assert err == ""
        assert status == ("ERROR" in out)
        faults += re.findall(r"^ERROR .*\[(\S+)\]$", out, re.MULTILINE)
    assert 5 < len(faults) < 15
    assert set(faults) <= {"truncated-store", "damaged-store"}


def on_terminal(arguments, **environment):
    """What the command prints on a terminal."""
    leader, follower = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if k not in ("TMUX", "STY", "TERM_PROGRAM")}
    process = subprocess.Popen(
        [sys.executable, "-m", "datascan", "show", *arguments],
        stdout=follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
        env={**kept, "TERM": "xterm-256color", "PYTHONUTF8": "1", **environment},
    )
    os.close(follower)
    found = b""
    while True:
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:
            break
        if not piece:
            break
        found += piece
    os.close(leader)
    process.wait()
    return found.decode()


def test_a_picture_only_on_a_terminal_that_can_show_it(show):
    assert "\u2580" in on_terminal(["imgs", "0"], COLORTERM="truecolor")
    assert "\u2580" not in on_terminal(["imgs", "0"], COLORTERM="")
    assert "\u2580" not in on_terminal(["imgs", "0", "--no-picture"], COLORTERM="truecolor")
    assert "\x1b_Ga=T,f=100" in on_terminal(["imgs", "0"], TERM="xterm-kitty")
    assert "\x1b]1337;File=inline=1" in on_terminal(["imgs", "0"], TERM_PROGRAM="iTerm.app")
    assert "\x1b" not in show("imgs", "0")[1]
