"""The demo's faults are found: all of them, and none besides."""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

import datascan
from datascan.cli.commands.demo import run_demo
from datascan.errors import OutputError
from tests.builders.demo import DATASETS

PLANTED = {
    "train_lmdb": {
        "nan-value": [333],
        "label-out-of-range": [17],
        "duplicate-record": [801],
    },
    "train_leveldb": {
        "shape-mismatch": [40],
        "malformed-record": [77],
        "empty-record": [250],
        "key-gap": [None],
    },
    "train.h5": {"inf-value": [123], "non-finite-label": [640], "constant-feature": [None]},
    "train_images": {
        "corrupt-image": [4],
        "not-an-image": [27],
        "misnamed-image": [31],
        "duplicate-record": [42],
        "conflicting-label": [2, 42],
    },
}


@pytest.mark.parametrize(("name", "write", "classes"), DATASETS)
def test_planted_faults(tmp_path, name, write, classes):
    write(tmp_path / name)
    report = datascan.scan(tmp_path / name, num_classes=classes)
    found = {
        finding.rule: [example.index for example in finding.examples]
        for finding in report.findings
        if finding.rule != "batch-label-gap"
    }
    assert found == PLANTED[name]


def pages_of(names):
    return {f"{name}.html" for name in names}


WITHOUT = [name for name in PLANTED if name != "train_leveldb"]
WRITTEN = list(PLANTED) if find_spec("plyvel") else WITHOUT
PAGES = pages_of(WRITTEN)


def test_the_demo_prints_a_report_of_each(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reports = []
    assert run_demo(None, reports.append) == 0
    assert len(reports) == len(WRITTEN)
    assert "explain" in capsys.readouterr().out
    run_demo(tmp_path / "kept", reports.append)
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {*WRITTEN, *PAGES}
    with pytest.raises(OutputError, match="already exists"):
        run_demo(tmp_path / "kept", reports.append)


def test_without_a_folder_the_pages_stay_and_nothing_else(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert run_demo(None, lambda _: None) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["datascan-demo"]
        assert {path.name for path in Path("datascan-demo").iterdir()} == PAGES
    assert "datascan-demo: train_lmdb.html" in capsys.readouterr().out
    assert "<h1>train_lmdb</h1>" in Path("datascan-demo/train_lmdb.html").read_text()


def test_without_plyvel_leveldb_is_left_out_with_a_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "plyvel", None)
    assert run_demo(None, lambda _: None) == 0
    assert {path.name for path in Path("datascan-demo").iterdir()} == pages_of(WITHOUT)
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if "plyvel" in line]
    assert line.startswith("train_leveldb is left out: plyvel, which writes a LevelDB, is not")
    assert out.count("leveldb") == 1


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("datascan-demo").mkdir()
    Path("datascan-demo/thesis.txt").touch()
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        run_demo(None, lambda _: None)
    Path("datascan-demo/thesis.txt").unlink()
    Path("datascan-demo").rmdir()
    Path("datascan-demo").touch()
    with pytest.raises(OutputError, match="datascan-demo"):
        run_demo(None, lambda _: None)


def test_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    with pytest.raises(
        OutputError, match=r"^cannot create a temporary folder: No such file .*; set TMPDIR"
    ):
        run_demo(None, lambda _: None)
    assert list(tmp_path.rglob("*.html")) == []
