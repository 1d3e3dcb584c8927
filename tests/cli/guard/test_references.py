"""Outputs never replace what a list, a link or an HDF5 file leads to, nor become data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import h5py
import pytest

from datascan.cli.app import run
from datascan.cli.guard.references import Search, names_in, strings_in
from tests.builders.caffe import inner, layer, softmax_loss, write_net
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree

REPORT = b'{"schema": "datascan-report/1"}\n'
FOREIGN = b"something else\n"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Images, and a file ``out/o1.png`` that is not one."""
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path, {f"imgs/{c}/{i}.jpg": photo(i) for i, c in enumerate("aabb")})
    (tmp_path / "out").mkdir()
    return tmp_path


def is_refused(words: list[str], target: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether a command refuses to write ``target``, because it is read, and leaves it as it is."""
    before = target.read_bytes()
    status = run([*words, "-qq", "--json", str(target)])
    error = capsys.readouterr().err
    assert "internal error" not in error
    refused = status == 2 and "would overwrite what is read" in error
    assert refused == (target.read_bytes() == before)
    return refused


LISTS = {
    "caffe": "a/0.jpg 0\n../out/o1.png 1\n",
    "csv": "path,label\na/0.jpg,0\n../out/o1.png,1\n",
    "last column": "label,path\n0,a/0.jpg\n1,../out/o1.png\n",
    "middle column": "id,path,label,more\n8,a/0.jpg,0,x\n9,../out/o1.png,1,x\n",
    "quoted column": 'id,path,label\n8,"a/0.jpg",0\n9,"../out/o1.png",1\n',
    "json": '{"path": "a/0.jpg"}\n{"path": "../out/o1.png"}\n',
    "escaped json": '{"path": "a/0.jpg"}\n{"path": "..\\/out\\/o\\u0031.png"}\n',
}


@pytest.mark.parametrize("content", [b"", REPORT, FOREIGN], ids=["empty", "report", "foreign"])
@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("link", [None, os.symlink, os.link], ids=["itself", "symlink", "hard"])
def test_what_a_list_names(home, capsys, text, content, link):
    named, target = home / "out" / "o1.png", home / "out" / "o1.png"
    if link is not None:
        target = home / "other"
    target.write_bytes(content)
    if link is not None:
        link(target, named)
    (home / "list.csv").write_text(text)
    force = ["--force"] if content == FOREIGN else []
    assert is_refused(["images", "imgs", "--list", "list.csv", *force], target, capsys)


@pytest.mark.parametrize("content", [b"", REPORT, FOREIGN], ids=["empty", "report", "foreign"])
def test_what_a_list_of_the_configuration_names(home, capsys, content):
    target = home / "out" / "o1.png"
    target.write_bytes(content)
    (home / "list.csv").write_text(LISTS["middle column"])
    (home / "datascan.toml").write_text('[dataset."imgs"]\nlist = "list.csv"\n')
    force = ["--force"] if content == FOREIGN else []
    assert is_refused(["images", "imgs", *force], target, capsys)


@pytest.mark.parametrize("content", [b"", REPORT])
def test_what_a_link_in_the_folder_points_to(home, capsys, content):
    target = home / "report.json"
    target.write_bytes(content)
    (home / "imgs" / "latest.html").symlink_to(target)
    assert not is_refused(["scan", "imgs"], target, capsys)
    target.write_bytes(content)
    (home / "imgs" / "b" / "x.jpg").symlink_to(target)
    assert is_refused(["scan", "imgs"], target, capsys)


@pytest.mark.parametrize("content", [b"", REPORT, FOREIGN])
def test_what_the_list_of_a_net_names(home, capsys, content):
    param = 'image_data_param { source: "list.txt" root_folder: "imgs/a/" batch_size: 2 }'
    write_net(
        home,
        layer("data", "ImageData", "", "data label", param),
        inner("ip", "data", 4),
        softmax_loss(),
    )
    (home / "list.txt").write_text("0.jpg 0\n../../out/o1.png 1\nlink.png 1\n")
    target = home / "out" / "o1.png"
    target.write_bytes(content)
    (home / "imgs" / "a" / "link.png").symlink_to(home / "other")
    (home / "other").write_bytes(content)
    force = ["--force"] if content == FOREIGN else []
    assert is_refused(["net", "train_val.prototxt", *force], target, capsys)
    assert is_refused(["net", "train_val.prototxt", *force], home / "other", capsys)


def test_names_relative_to_the_working_directory(home, tmp_path_factory, capsys):
    away = tmp_path_factory.mktemp("away") / "list.txt"
    away.write_text("a/0.jpg 0\no1.png 1\n")
    (home / "o1.png").write_bytes(REPORT)
    assert is_refused(["images", "imgs", "--list", str(away)], home / "o1.png", capsys)


def external_raw(path: Path, name: str) -> None:
    """An HDF5 file whose data is in another file."""
    with h5py.File(path, "w") as file:
        file["label"] = numbers(20)
        file.create_dataset("data", (20, 3), "f4", external=[(name, 0, 240)])


def external_link(path: Path, name: str) -> None:
    """An HDF5 file with a link to a dataset of another."""
    with h5py.File(path, "w") as file:
        file["label"] = numbers(20)
        file["data"] = h5py.ExternalLink(name, "data")


def virtual(path: Path, name: str) -> None:
    """An HDF5 file with a virtual dataset."""
    with h5py.File(path, "w") as file:
        file["label"] = numbers(20)
        layout = h5py.VirtualLayout((20, 3), "f4")
        layout[:] = h5py.VirtualSource(name, "data", (20, 3))
        file.create_virtual_dataset("data", layout)


def numbered(path: Path, name: str) -> None:
    """An HDF5 file with a virtual dataset of numbered files."""
    space = h5py.h5s.create_simple((20, 3), (h5py.h5s.UNLIMITED, 3))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    mapped = space.copy()
    mapped.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), stride=(10, 3), block=(10, 3))
    source = h5py.h5s.create_simple((10, 3))
    plist.set_virtual(mapped, name.replace("1", "%b").encode(), b"data", source)
    with h5py.File(path, "w") as file:
        file["label"] = numbers(20)
        h5py.h5d.create(file.id, b"data", h5py.h5t.IEEE_F32LE, space, plist)


@pytest.mark.parametrize("dataset", ["data.h5", "files.txt"])
@pytest.mark.parametrize("write", [external_raw, external_link, virtual, numbered])
def test_what_an_hdf5_file_names(home, capsys, write, dataset):
    write(home / "data.h5", "out/o1.bin")
    (home / "files.txt").write_text("data.h5\n")
    words = ["hdf5", dataset, "--force"]
    for alias in ("o1.bin", "o2.bin"):
        target = home / "out" / alias
        target.write_bytes(FOREIGN)
        if alias != "o1.bin":
            (home / "out" / "o1.bin").unlink()
            os.link(target, home / "out" / "o1.bin")
        assert is_refused(words, target, capsys)
    (home / "out" / "free.bin").write_bytes(FOREIGN)
    assert not is_refused(words, home / "out" / "free.bin", capsys)


def test_hdf5_files_that_name_one_another(home, capsys):
    external_link(home / "data.h5", "out/b.h5")
    virtual(home / "out" / "b.h5", "c.h5")
    external_raw(home / "out" / "c.h5", "raw")
    for name in ("raw", "c.h5", "b.h5"):
        target = home / "out" / name
        if not target.exists():
            target.write_bytes(FOREIGN)
        assert is_refused(["hdf5", "data.h5", "--force"], target, capsys)


def test_names_at_the_edges_of_chunks(home, monkeypatch):
    write_hdf5(home / "data.h5", data=numbers(20, 3))
    target = home / "zqx.bin"
    target.write_bytes(FOREIGN)
    content = (home / "data.h5").read_bytes()
    monkeypatch.setattr("datascan.cli.guard.references.CHUNK_BYTES", len(content) + 3)
    search = Search(target, target.stat())
    assert not search.is_named_by_hdf5(["data.h5"])
    (home / "data.h5").write_bytes(content + b"zqx.bin\0")
    assert search.is_named_by_hdf5(["data.h5"])


def test_strings_of_an_hdf5_file():
    content = b"\0\1name.h5\0ab\0\xff\xffb.h5\0c.h5\1"
    found = set(strings_in(content))
    assert {"name.h5", "b.h5"} <= found
    assert not found & {"ab", "c.h5"}


def test_names_in_lines_of_a_configuration_or_a_log():
    text = b'expect = "some.toml"\nwrote report.json\n'
    assert not set(names_in(text, thorough=False)) & {"some.toml", "report.json"}
    assert "some.toml" in names_in(text, thorough=True)


def test_json_escapes_of_pairs_of_surrogates(home):
    target = home / "\U0001f600.bin"
    target.write_bytes(FOREIGN)
    search = Search(target, target.stat())
    assert search.is_mentioned(json.dumps({"path": f"x/{target.name}"}).encode())
    assert search.is_mentioned(json.dumps({"path": target.name}, ensure_ascii=False).encode())
    assert not search.is_mentioned(b'{"path": "\\ud83d.bin"}')
