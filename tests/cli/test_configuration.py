"""Every report begins with the configuration in use; what a stranger writes in one is harmless."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from datascan.report.model import Report
from tests.builders.caffe import small_net, write_net
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\ntopsecret\n"
SILENCING = 'ignore = ["nan-value", "batch-label-gap", "empty-record"]\nfail_on = "never"\n'
LINE = "configuration datascan.toml: ignores nan-value, batch-label-gap, empty-record; never fails"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A working folder with a store that has an empty record, and secrets in its parent folder."""
    inside = tmp_path / "work"
    inside.mkdir()
    (tmp_path / "id_rsa").write_text(PRIVATE)
    (tmp_path / "secrets.toml").write_text('format = "hunter2"\ntopsecret = "hunter3"\n')
    write_lmdb(inside / "store", numbered([*random_datums(30), b""]))
    monkeypatch.chdir(inside)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return inside


def test_the_first_line_names_it_and_what_it_silences(home):
    (home / "datascan.toml").write_text(SILENCING)
    result = datascan("scan", "store", "--json", "r.json", "--html", "r.html", "--junit", "r.xml")
    assert result.returncode == 0
    assert result.stdout.splitlines()[0] == LINE
    found = json.loads((home / "r.json").read_text())
    assert found["configuration"]["file"] == "datascan.toml"
    assert [s["silences"] for s in found["configuration"]["settings"]] == [
        "ignores nan-value, batch-label-gap, empty-record",
        "never fails",
    ]
    head = re.search(r"<header.*?<p.*?</p>", (home / "r.html").read_text(), re.DOTALL)
    assert head is not None
    assert f'<p class="configuration silenced">{LINE}</p>' in head[0]
    suite = ET.fromstring((home / "r.xml").read_text()).find("testsuite")  # noqa: S314  (our own output)
    assert suite is not None
    assert suite.find("properties/property[@name='configuration']").get("value") == LINE[14:]
    assert suite[0].tag == "properties"


def test_sarif_and_annotations_name_it(home, monkeypatch):
    (home / "datascan.toml").write_text(SILENCING)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = datascan("scan", "store", "--sarif", "r.sarif")
    (run,) = json.loads((home / "r.sarif").read_text())["runs"]
    applied = run["invocations"][0]["properties"]["configuration"]
    assert applied["settings"][0]["values"] == ["nan-value", "batch-label-gap", "empty-record"]
    assert f"::notice title=store::{LINE}\n" in result.stdout


def test_a_saved_report_names_it_and_none_is_named_without_one(home):
    datascan("scan", "store", "--json", "r.json")
    assert "configuration" not in (home / "r.json").read_text()
    (home / "datascan.toml").write_text(SILENCING)
    datascan("scan", "store", "--json", "r.json")
    assert datascan("report", "r.json").stdout.splitlines()[0] == LINE
    report = Report.from_json((home / "r.json").read_bytes())
    assert report.configuration.text == LINE


def test_nets_logs_and_learn_name_it(home):
    write_lmdb(home / "train_lmdb", numbered(random_datums(40, (1, 2, 3))))
    net = write_net(home, small_net())
    (home / "train.log").write_text("iteration,loss\n1,2.5\n2,2.4\n")
    (home / "datascan.toml").write_text(f'{SILENCING}[dataset."train_lmdb"]\nlimit = 20\n')
    first, *more = datascan("net", net).stdout.splitlines()
    assert LINE in first
    assert (first, *more[:2]) == (LINE, f"{LINE}; reads", "  only the first 20 records")
    verbose = datascan("net", net, "--verbose").stdout.splitlines()
    assert verbose[0] == LINE
    assert verbose.count(f"{LINE}; reads") == 1
    assert LINE in datascan("log", "train.log").stdout.splitlines()[0]
    assert f"datascan: {LINE}\n" in datascan("learn", "store").stderr
    accepted = datascan("accept", "store", "--reason", "x", "--baseline", "b.toml")
    assert f"datascan: {LINE}\n" in accepted.stderr
    assert datascan("check").stdout.splitlines()[0] == LINE


def test_one_that_is_too_far_up_is_named_but_not_used(home):
    (home.parent / "datascan.toml").write_text(SILENCING)
    result = datascan("scan", "store")
    assert result.returncode == 1
    assert "configuration" not in result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"datascan: {home.parent}/datascan.toml is not used: it is above the ")
    assert line.endswith(f"--config {home.parent}/datascan.toml uses it")
    result = datascan("scan", "store", "--config", "../datascan.toml")
    assert result.returncode == 0
    first, second, *_ = result.stdout.splitlines()
    assert re.match(r"configuration .*datascan\.toml:", first)
    assert "ignores nan-value" in first + second


def test_one_inside_the_dataset_is_not_used_from_outside(home):
    (home / "photos/cat").mkdir(parents=True)
    (home / "photos/cat/a.jpg").write_bytes(b"\xff\xd8\xff broken")
    (home / "photos/datascan.toml").write_text('ignore = "corrupt-image"')
    assert datascan("scan", "photos").returncode == 1
    os.chdir(home / "photos")
    result = datascan("images", ".")
    assert result.stdout.splitlines()[0] == "configuration datascan.toml: ignores corrupt-image"


@pytest.mark.parametrize("key", ["list", "baseline", "expect"])
@pytest.mark.parametrize("name", ["id_rsa", "secrets.toml"])
@pytest.mark.parametrize("is_named", [False, True])
def test_nothing_of_a_file_that_it_names_is_quoted(home, key, name, is_named):
    """Neither of one that it leads to, nor, if the user chose it, of one of another kind."""
    (home / "cat").mkdir()
    (home / "cat/a.jpg").write_bytes(b"x")
    # The first line of the secret is the name of a file, so that it might be a list.
    (home / "-----BEGIN OPENSSH PRIVATE").write_bytes(b"x")
    (home / "datascan.toml").write_text(f'{key} = "../{name}"\n')
    arguments = ["--config", "datascan.toml"] if is_named else []
    for command in ("images", "learn", "accept"):
        more = ["--reason", "x"] if command == "accept" else []
        result = datascan(command, ".", *arguments, *more)
        quoted = result.stdout + result.stderr
        for word in ("topsecret", "b3Bl", "hunter", "BEGIN"):
            assert word not in quoted
    assert (home.parent / "id_rsa").read_text() == PRIVATE


@pytest.mark.parametrize("name", ["../new.toml", "sub/link.toml", ".envrc"])
def test_accept_writes_only_a_baseline_below_the_folder(home, name):
    (home / "sub").mkdir()
    (home / "sub/link.toml").symlink_to(home.parent / "new.toml")
    (home / "datascan.toml").write_text(f'baseline = "{name}"\n')
    result = datascan("accept", "store", "--reason", "x")
    assert result.returncode == 2
    assert "--baseline" in result.stderr
    assert not (home.parent / "new.toml").exists()
    assert not (home / ".envrc").exists()


def test_accept_does_not_overwrite_another_file(home):
    (home / "other.toml").write_text("[package]\nname = 'x'\n")
    (home / "datascan.toml").write_text('baseline = "other.toml"\n')
    result = datascan("accept", "store", "--reason", "x")
    assert result.returncode == 2
    assert "other.toml: it exists and was not written by datascan" in result.stderr
    assert (home / "other.toml").read_text() == "[package]\nname = 'x'\n"


@pytest.mark.parametrize("path", [None, ":", ":/absent", "/absent:"])
def test_nothing_is_imported_from_the_working_folder(home, path):
    """Neither by ``-m`` nor by an empty entry in PYTHONPATH."""
    for module in ("numpy", "lmdb", "msgspec", "tomllib", "csv"):
        (home / f"{module}.py").write_text("open('imported', 'w')\n")
    (home / "evil-1.dist-info").mkdir()
    (home / "evil-1.dist-info/METADATA").write_text("Name: evil\nVersion: 1\n")
    (home / "evil-1.dist-info/entry_points.txt").write_text("[datascan.checks]\nevil = csv:x\n")
    (home / "datascan.toml").write_text("limit = 20\n")
    environment = {**os.environ, "PYTHONPATH": path} if path else {**os.environ}
    command = [sys.executable, "-m", "datascan"]
    if path:
        command = [str(Path(sys.executable).with_name("datascan"))]
    result = subprocess.run(
        [*command, "scan", "store", "-qq"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert not (home / "imported").exists()
