"""The examples of plug-ins: installed, they are found by their entry points; their tests pass."""

from __future__ import annotations

import json
import struct
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.builders.lmdb import write_lmdb
from tests.builders.packages import datascan, install, run_python

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(file.parent.name for file in EXAMPLES.glob("*/pyproject.toml"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """All examples, installed in one folder."""
    target = tmp_path_factory.mktemp("installed")
    for name in NAMES:
        install_example(target, name)
    return target


def install_example(target, name):
    """What pip does with an example, by its ``pyproject.toml``."""
    project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())
    sources = {
        module: (EXAMPLES / name / f"{module}.py").read_text()
        for module in project["tool"]["setuptools"]["py-modules"]
    }
    install(target, project["project"]["name"], project["project"]["entry-points"], sources)


def test_there_is_an_example_of_each_kind():
    groups = set()
    for name in NAMES:
        project = tomllib.loads((EXAMPLES / name / "pyproject.toml").read_text())
        groups |= set(project["project"]["entry-points"])
        assert (EXAMPLES / name / "README.md").is_file()
    assert groups == {f"datascan.{kind}" for kind in ("readers", "decoders", "checks", "outputs")}


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(installed, name):
    tests = list((EXAMPLES / name).glob("test_*.py"))
    assert tests
    options = ["-q", "-p", "no:cacheprovider", "-c", EXAMPLES / name / "pyproject.toml"]
    run = run_python(installed, "-W", "default", "-m", "pytest", *options, *tests, cwd=installed)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def images(tmp_path):
    """An IDX file of 40 images."""
    path = tmp_path / "train-images-idx3-ubyte"
    values = np.random.default_rng(0).integers(0, 256, (40, 4, 4), np.uint8)
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, *values.shape) + values.tobytes())
    return path


@pytest.mark.parametrize("command", ["idx", "scan"])
@pytest.mark.parametrize("workers", [0, 2])
def test_the_reader_is_a_command_and_is_detected(installed, images, command, workers):
    run = datascan(installed, command, images, "--json", "-", "--workers", str(workers))
    assert (run.returncode, run.stderr) == (0, "")
    dataset = json.loads(run.stdout)["dataset"]
    fingerprint, location = dataset.pop("fingerprint"), dataset.pop("location")
    assert fingerprint["content"]["records"] == 40
    assert location["paths"] == [images.name]
    assert dataset | {"path": ""} == {
        "backend": "idx",
        "path": "",
        "layout": "idx",
        "records": 40,
        "bytes": 640,
    }


def test_a_truncated_file_is_a_finding(installed, images):
    images.write_bytes(images.read_bytes()[:-17])
    run = datascan(installed, "scan", images)
    assert (run.returncode, run.stderr) == (1, "")
    assert "the file ends at byte 639, within image 38 of 40" in run.stdout


def test_commands_are_listed(installed):
    run = datascan(installed, "--help")
    assert "idx" in run.stdout
    assert "a dataset that package datascan-idx reads" in run.stdout


@pytest.fixture
def actions(tmp_path):
    """An HDF5 file with clipped actions."""
    values = np.random.default_rng(0).normal(size=(50, 4)).clip(-1, 1).astype(np.float32)
    values[7] = 1
    path = tmp_path / "demo.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.random.default_rng(1).normal(size=(50, 3))
        file["actions"] = values
    return path


def test_the_check_is_a_rule(installed, actions, tmp_path):
    page = datascan(installed, "explain", "clipped-action")
    assert page.stdout.startswith("clipped-action (warning): Movement at its limit\n")
    sarif, html = tmp_path / "report.sarif", tmp_path / "report.html"
    run = datascan(
        installed,
        *("hdf5", actions, "--select", "clipped-action", "--severity", "clipped-action=error"),
        *("--sarif", sarif, "--html", html, "--json", "-"),
    )
    assert (run.returncode, run.stderr) == (1, "")
    report = json.loads(run.stdout)
    (finding,) = report["findings"]
    assert (finding["rule"], finding["severity"]) == ("clipped-action", "error")
    assert {"index": 7, "key": "demo.h5:data[7]", "detail": "4 values at a limit"} in finding[
        "examples"
    ]
    assert report["rules"] == ["clipped-action"]
    (rule,) = json.loads(sarif.read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert rule["help"]["text"] == page.stdout.rstrip("\n") + "\n"
    assert "Controllers clip commands" in html.read_text()
    ignored = datascan(installed, "hdf5", actions, "--ignore", "clipped-action", "--json", "-")
    assert "clipped-action" not in json.loads(ignored.stdout)["rules"]


def test_the_check_runs_in_workers_and_is_resumed(installed, actions, tmp_path):
    arguments = ["hdf5", actions, "--select", "clipped-action", "--json", "-"]
    runs = [
        datascan(installed, *arguments, "--workers", "2", "--resume", tmp_path / "kept")
        for _ in range(2)
    ]
    plain = datascan(installed, *arguments, "--workers", "0")
    expected = json.loads(plain.stdout)["findings"]
    assert [json.loads(run.stdout)["findings"] for run in runs] == [expected, expected]
    assert "1 of 1 parts are done" in runs[1].stderr


def test_a_configuration_knows_the_rule(installed, actions):
    config = actions.with_name("datascan.toml")
    config.write_text('[severity]\n"clipped-action" = "error"\n')
    run = datascan(installed, "hdf5", actions, "--config", config)
    assert "ERROR   Movement at its limit  [clipped-action]" in run.stdout


def test_the_output_is_an_option(installed, actions, tmp_path):
    target = tmp_path / "findings.csv"
    arguments = ["hdf5", actions, "--select", "clipped-action", "--csv", target]
    run = datascan(installed, *arguments)
    assert (run.returncode, run.stderr) == (0, f"wrote {target}\n")
    lines = target.read_text().splitlines()
    assert lines[0] == "dataset,rule,severity,what was found"
    assert ",clipped-action,warning," in lines[1]
    assert "--csv FILE" in datascan(installed, "scan", "--help").stdout


@pytest.mark.parametrize("workers", [0, 2])
def test_the_decoder_reads_a_store(installed, tmp_path, workers):
    random = np.random.default_rng(0)
    values = random.normal(size=(60, 5)).astype("<f4")
    values[3, 2] = np.nan
    packed = [b"FVEC" + struct.pack("<I", 5) + row.tobytes() for row in values]
    packed[9] = packed[9][:-1]
    write_lmdb(tmp_path / "store", {b"%08d" % i: value for i, value in enumerate(packed)})
    run = datascan(installed, "scan", tmp_path / "store", "--json", "-", "--workers", str(workers))
    report = json.loads(run.stdout)
    assert report["dataset"]["layout"] == "float-vector"
    assert {f["rule"]: f["records"] for f in report["findings"]} == {
        "malformed-record": 1,
        "nan-value": 1,
    }
