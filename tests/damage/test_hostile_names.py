"""Datasets of hostile names from end to end: no command, error or file shows them unescaped."""

from __future__ import annotations

import json
import os
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import h5py
import numpy as np
import pytest

from datascan.cli.app import run
from datascan.outputs import github
from datascan.report.model import Report
from tests.builders.caffe import data, inner, softmax_loss
from tests.builders.caffe_logs import crash, line, solver_lines
from tests.builders.hostile_strings import HOSTILE_STRINGS, as_bytes
from tests.builders.images import photo
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, numbered, random_datums, write_lmdb
from tests.outputs.html.reading import read_safely
from tests.outputs.judges import ANNOTATIONS, commands_in, harm_in

NAN = datum(np.full((3, 4, 4), np.nan, np.float32), 0)
FILES = {"json": "r.json", "html": "r.html", "junit": "r.xml", "sarif": "r.sarif"}
FILE_NAMES = {
    name: stored
    for name, text in HOSTILE_STRINGS.items()
    if (stored := as_bytes(text, most=200, without=b"\0/").lstrip(b"."))
}
"""The strings as names of files that are not hidden."""

PARTS = 6
"""Each test gets a sixth of the strings; the outputs themselves are tested with all of them."""


def hostile(argument, strings, part):
    """The tests of one part of ``strings``."""
    chosen = [name for number, name in enumerate(strings) if number % PARTS == part % PARTS]
    return pytest.mark.parametrize(argument, [strings[name] for name in chosen], ids=chosen)


def texts(part):
    """Texts as they are in files."""
    return hostile("text", HOSTILE_STRINGS, part)


def file_names(part):
    """Texts as names of files."""
    return hostile("name", FILE_NAMES, part)


@pytest.fixture(autouse=True)
def run_of_a_job(tmp_path, monkeypatch):
    """A working folder in a run of GitHub Actions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    Path(".git").mkdir()


@pytest.fixture
def check_command(capfd):
    """A function that runs the command; nothing that it prints or writes may be harmful.

    Returns the exit status, and what was printed on standard output apart from annotations.
    """

    def call(*words):
        status = run([*map(os.fsdecode, words)])
        out, err = capfd.readouterr()
        assert harm_in(out + err) == []
        commands = commands_in(out)
        assert {one.name for one in commands} <= ANNOTATIONS
        assert all([*one.properties] == ["title"] for one in commands)
        assert commands_in(err) == []
        return status, out, err

    return call


def scanned(check_command, *words):
    """The report of a scan with all outputs, each of them read and judged."""
    options = [word for name, file in FILES.items() for word in (f"--{name}", file)]
    status, out, err = check_command(
        *words, *options, "--bad-records", "bad.jsonl", "--workers", "0", "--verbose"
    )
    assert Path("r.json").exists(), err
    written = {file: Path(file).read_text("utf-8") for file in (*FILES.values(), "bad.jsonl")}
    for text in written.values():
        assert harm_in(text) == []
        assert commands_in(text) == []
    ET.fromstring(written["r.xml"].encode())  # noqa: S314  (our own)
    json.loads(written["r.sarif"])
    read_safely(written["r.html"])
    found = Report.from_json(written["r.json"])
    assert len(commands_in(out)) == github.render([found]).count("\n")
    shown_status, shown, shown_err = check_command("report", "r.json")
    assert (shown_status, shown_err) == (status, "")
    # It also says how the report was made, in between.
    lines = iter(shown.splitlines())
    assert all(line in lines for line in out.splitlines())
    assert "\nmade by datascan " in shown
    assert harm_in(shown) == []
    return found, [json.loads(text) for text in written["bad.jsonl"].splitlines()]


def keys_of(found, rule):
    """The keys of the examples of a rule."""
    return [e.key for one in found.all_findings if one.rule == rule for e in one.examples]


def two_classes(name):
    """Folders with an image each, one of them of this name."""
    for number, folder in enumerate((b"data/" + name, b"data/healthy")):
        Path(os.fsdecode(folder)).mkdir(parents=True)
        Path(os.fsdecode(folder), "a.jpg").write_bytes(photo(number))


@file_names(0)
def test_files_and_classes(check_command, name):
    two_classes(name)
    Path(os.fsdecode(b"data/" + name + b"/" + name + b".jpg")).write_bytes(photo(9)[:600])
    found, (bad,) = scanned(check_command, "images", "data", "--num-classes", "2")
    assert keys_of(found, "corrupt-image") == [bad["key"]]
    assert found.labels.names is not None


@file_names(1)
def test_a_dataset_of_this_name(check_command, name):
    Path(os.fsdecode(name)).mkdir()
    Path(os.fsdecode(name), "a.jpg").write_bytes(photo(1)[:600])
    path = b"./" + name
    found, _ = scanned(check_command, "images", path)
    assert found.dataset.path
    assert check_command("lmdb", path)[0] == 2
    assert check_command("scan", path + b"/absent")[0] == 2
    assert check_command("images", path, "--json", path)[0] == 2
    assert check_command("images", path, "--expect", path + b"/a.jpg")[0] == 2


@texts(0)
def test_lists(check_command, text):
    Path("data").mkdir()
    for i in range(3):
        Path(f"data/{i}.jpg").write_bytes(photo(i))
    lines = [b"0.jpg 0", b"1.jpg 1", as_bytes(text, most=3000) + b" 1", b"2.jpg " + as_bytes(text)]
    Path("list.txt").write_bytes(b"\n".join(lines))
    if check_command("images", "data", "--list", "list.txt")[0] != 2:  # not a binary file
        scanned(check_command, "images", "data", "--list", "list.txt")


@texts(1)
@pytest.mark.parametrize("store", ["lmdb", "leveldb"])
def test_keys(check_command, store, text):
    key = as_bytes(text, most=500) or b"empty"
    write = write_lmdb if store == "lmdb" else write_leveldb
    write(Path("store"), numbered(random_datums(9)) | {key: NAN})
    found, _ = scanned(check_command, store, "store")
    assert len(keys_of(found, "nan-value") + keys_of(found, "unexpected-dtype")) >= 1


@texts(2)
def test_a_field_and_class_names_of_hdf5(check_command, text):
    name = as_bytes(text, most=3000, without=b"\0/").strip(b".") or b"empty"
    values = np.random.default_rng(0).random((12, 3))
    values[4] = np.nan
    with h5py.File("a.h5", "w") as file:
        file[name] = values
        names = [as_bytes(text, without=b"\0")[:50_000], b"healthy", b"x"]
        file.create_dataset("label", data=names * 4, dtype=h5py.string_dtype())
    # A name that is not UTF-8 cannot be given as an option.
    selected = [] if "\udc80" <= max(os.fsdecode(name)) <= "\udfff" else [b"--data=" + name]
    scanned(check_command, "hdf5", "a.h5", *selected)
    assert check_command("hdf5", "a.h5", b"--data=not " + name)[0] == 2
    assert check_command("hdf5", "a.h5", b"--label=" + name)[0] == 2


@texts(3)
def test_nets(check_command, text):
    name = "".join(f"\\{byte:03o}" for byte in as_bytes(text, most=3000))
    pool = f'layer {{ name: "{name}" type: "Pooling" bottom: "data" top: "{name}" '
    pool += "pooling_param { pool: MAX kernel_size: 2 stride: 3 } momentum: 1 }\n"
    parts = [data(source="store"), data(source=name, settings=""), pool, inner("ip", "data", 3)]
    Path("net.prototxt").write_text("".join([*parts, softmax_loss()]))
    write_lmdb(Path("store"), numbered([*random_datums(9), NAN]))
    if check_command("net", "net.prototxt", "--workers", "0")[0] != 2:
        scanned(check_command, "net", "net.prototxt")
    for raw in (b'layer { name: "%s" }', b"layer { %s: 1 }", b"%s", b'net: "%s"'):
        Path("raw.prototxt").write_bytes(raw % as_bytes(text, most=3000))
        check_command("net", "raw.prototxt", "--workers", "0")


@texts(4)
def test_logs(check_command, text):
    raw = as_bytes(text)
    start = solver_lines().encode() + line(0, 1.0).encode()
    logs = [
        start + raw + b"\n" + line(10, float("nan")).encode() + raw,
        start + crash("Check failed: ").encode().replace(b"failed: ", b"failed: " + raw),
        b"iteration,loss," + raw + b"\n0,1," + raw + b"\n1,nan," + raw,
        b"Iteration 0, loss = " + raw,
        raw,
    ]
    for log in logs:
        Path("train.log").write_bytes(log)
        if check_command("log", "train.log", "--workers", "0")[0] != 2:
            scanned(check_command, "log", "train.log")


@file_names(2)
def test_configurations(check_command, name):
    Path(os.fsdecode(name), "data").mkdir(parents=True)
    os.chdir(name)
    Path("data/a.jpg").write_bytes(photo(1))
    quoted = json.dumps(os.fsdecode(name).encode("utf-8", "replace").decode())
    contents = [
        f"{quoted} = 1",
        f"ignore = [{quoted}]",
        f"[dataset.{quoted}]",
        f"[dataset.data]\n{quoted} = 1",
        f"expect = {quoted}",
        f"[dataset.data]\nbackend = {quoted}",
        f"format = {quoted}",
        f"x = {quoted} {quoted}",
    ]
    for content in contents:
        Path("datascan.toml").write_text(content.replace("\x7f", ""), "utf-8")
        check_command("images", "data", "--workers", "0")
        check_command("check")
        check_command("check", "--config", Path.cwd() / "datascan.toml", "data")
    check_command("explain", name)
    check_command("images", "data", "--ignore", name)
    check_command(name)
    check_command("images", "data", b"--" + name)


@file_names(3)
def test_learned_expectations(check_command, name):
    two_classes(name)
    status, out, _ = check_command("learn", "data", "--workers", "0")
    assert status == 0
    assert len(tomllib.loads(out)["labels"]["shares"]) == 2
    assert check_command("learn", "data", "-o", "learned.toml", "--workers", "0")[0] == 0
    assert Path("learned.toml").read_text("utf-8") == out
    found, _ = scanned(check_command, "images", "data", "--expect", "learned.toml")
    assert found.findings == []


@file_names(4)
def test_accepted_findings(check_command, name):
    two_classes(name)
    Path(os.fsdecode(b"data/" + name + b"/" + name + b".jpg")).write_bytes(photo(9)[:600])
    baseline = ("--baseline", "accepted.toml", "--workers", "0")
    status, _, err = check_command("accept", "data", "--reason", b"- " + name, *baseline)
    assert (status, err) == (0, "wrote accepted.toml\n")
    assert harm_in(Path("accepted.toml").read_text("utf-8")) == []
    assert check_command("accept", "data", "--reason", "again", *baseline)[0] == 0
    found, _ = scanned(check_command, "images", "data", "--baseline", "accepted.toml")
    assert found.passed
    assert all(one.accepted for one in found.findings if one.severity == "error")


@file_names(5)
def test_a_checkpoint_of_this_name(check_command, name):
    write_lmdb(Path("store"), numbered(random_datums(9)))
    path = b"./" + name
    resume = ("lmdb", "store", "--resume", path, "--workers", "0")
    assert check_command(*resume)[0] == 0
    assert check_command(*resume)[0] == 0
    Path(os.fsdecode(path)).write_bytes(b"something else")
    assert check_command(*resume)[0] == 2


@file_names(6)
def test_several_datasets(check_command, name):
    Path(os.fsdecode(b"data/" + name)).mkdir(parents=True)
    Path(os.fsdecode(b"data/" + name), "a.jpg").write_bytes(photo(1)[:600])
    Path("data/broken").mkdir()
    Path("data/broken/data.mdb").write_bytes(b"nothing")
    Path("datascan.toml").write_text('[dataset."data/*"]\n[dataset."absent"]\n')
    options = [word for one, file in FILES.items() for word in (f"--{one}", file)]
    assert check_command("check", *options)[0] in (1, 2)
    for file in FILES.values():
        text = Path(file).read_text("utf-8")
        assert harm_in(text) == []
        assert commands_in(text) == []
