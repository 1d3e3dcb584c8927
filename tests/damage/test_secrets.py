"""A net may name any file of the user as a list: nothing of its text gets into a report."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from datascan.cli.app import run
from tests.builders.images import photo

TEXT = "-----BEGIN PRIVATE KEY-----\nb3BlbnNzaC1rZXkt secret-1\nhunter2.secret\nsecret-3 4\n"
LAYER = 'layer {{ name: "d" type: "{kind}" top: "x" {param} {{ source: "{source}" {more} }} }}\n'
LISTS = [("HDF5Data", "hdf5_data_param"), ("ImageData", "image_data_param")]


@pytest.fixture
def key(tmp_path, monkeypatch):
    """A private key outside of the working directory."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    key = tmp_path / "home" / "key"
    key.write_text(TEXT)
    return key


def output_of(capfd, *words: str) -> str:
    """All that a command prints and writes."""
    with contextlib.suppress(SystemExit):
        run(words)
    captured = capfd.readouterr()
    return captured.out + captured.err


def write_net(kind: str, param: str, source: object, more: str = "") -> None:
    Path("n.prototxt").write_text(LAYER.format(kind=kind, param=param, source=source, more=more))


def assert_kept(text: str) -> None:
    for word in ("BEGIN", "b3Blb", "secret-1", "hunter2", "secret-3"):
        assert word not in text


@pytest.mark.parametrize(("kind", "param"), LISTS)
def test_a_source_that_is_not_a_list(key, capfd, kind, param):
    write_net(kind, param, key)
    text = output_of(capfd, "net", "n.prototxt", "--json", "-")
    assert "none of its 4 lines names an existing file" in text
    assert_kept(text)


@pytest.mark.parametrize(("kind", "param"), LISTS)
def test_files_of_the_dataset_named_like_the_first_line(key, capfd, kind, param):
    Path("-----BEGIN PRIVATE").write_bytes(photo(1))
    Path("-----BEGIN PRIVATE KEY-----").write_bytes(photo(1))
    write_net(kind, param, key)
    text = output_of(capfd, "net", "n.prototxt", "--json", "-")
    assert "1 of its 4 lines names an existing file" in text
    assert_kept(text)


def test_a_root_folder_without_a_slash_quotes_nothing(key, capfd):
    write_net("ImageData", "image_data_param", key, 'root_folder: "."')
    assert_kept(output_of(capfd, "net", "n.prototxt", "--json", "-"))


def test_a_solver_whose_net_is_a_secret(key, capfd):
    Path("s.prototxt").write_text(f'net: "{key}"\nbase_lr: 0.1\n')
    text = output_of(capfd, "net", "s.prototxt")
    assert "key: it is not a valid prototxt" in text
    assert_kept(text)


def test_a_list_of_images(key, capfd):
    Path("data").mkdir()
    Path("data/0.jpg").write_bytes(photo(1))
    text = output_of(capfd, "images", "data", "--list", str(key), "--json", "-")
    assert "none of the 4 lines of the list" in text
    assert_kept(text)


def test_a_list_of_hdf5_files(key, capfd):
    assert_kept(output_of(capfd, "hdf5", str(key), "--json", "-"))
    Path("list.txt").write_text("secret-1.h5\nsecret-3.h5\n")
    text = output_of(capfd, "hdf5", "list.txt", "--json", "-")
    assert "none of the 2 lines of list.txt names an existing file" in text
    assert_kept(text)
