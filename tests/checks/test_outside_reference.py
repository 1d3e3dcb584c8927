"""What HDF5 files refer to outside of their own folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import datascan
from datascan.checks.outside_reference import OutsideReference
from datascan.config.file import read
from datascan.errors import UsageError
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.sessions import findings_of

SECRET = b"hunter2-hunter2-"
GROWS = h5py.h5s.UNLIMITED


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder outside of the dataset with a secret, and an empty folder for the dataset."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key").write_bytes(SECRET * 4)
    write_hdf5(
        tmp_path / "home" / "private.h5",
        data=(numbers(4, 3), {"maxshape": (None, 3)}),
        label=np.array([SECRET] * 4),
    )
    (tmp_path / "set").mkdir()
    monkeypatch.chdir(tmp_path / "set")
    for path in (tmp_path / "home").iterdir():
        os.utime(path, (1, 2))
    return tmp_path / "home"


def stored_externally(file: h5py.File, name: str, path: str) -> None:
    """A text dataset of four values whose bytes are in another file."""
    file.create_dataset(name, (4,), "S16", external=[(path, 0, 64)])


def linked(file: h5py.File, name: str, path: str) -> None:
    file[name] = h5py.ExternalLink(path, name)


def linked_twice(file: h5py.File, name: str, path: str) -> None:
    """A soft link through an external link to the root of another file."""
    file["other"] = h5py.ExternalLink(path, "/")
    file[name] = h5py.SoftLink(f"/other/{name}")


def virtual(file: h5py.File, name: str, path: str) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:2] = h5py.VirtualSource(".", "own", (2, 3))
    layout[2:] = h5py.VirtualSource(path, "data", (4, 3))[:2]
    file["own"] = numbers(2, 3)
    file.create_virtual_dataset(name, layout)


def growing(file: h5py.File, name: str, path: str) -> None:
    """A virtual dataset of which even the shape makes HDF5 open the source."""
    layout = h5py.VirtualLayout((4, 3), "f4", maxshape=(None, 3))
    layout[:GROWS] = h5py.VirtualSource(path, "data", (4, 3), maxshape=(None, 3))[:GROWS]
    file.create_virtual_dataset(name, layout)


def numbered(file: h5py.File, name: str, path: str) -> None:
    """A virtual dataset whose sources are numbered files; the second leads outside."""
    write_hdf5(Path("part0.h5"), data=numbers(2, 3))
    Path("part1.h5").symlink_to(path)
    source = h5py.h5s.create_simple((2, 3))
    space = h5py.h5s.create_simple((4, 3), (GROWS, 3))
    space.select_hyperslab((0, 0), (GROWS, 1), (2, 3), (2, 3))
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_virtual(space, b"part%b.h5", b"data", source)
    extent = h5py.h5s.create_simple((4, 3), (GROWS, 3))
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F32LE, extent, made)


def source_with_a_link(file: h5py.File, name: str, path: str) -> None:
    """A virtual dataset whose source in the same file is an external link."""
    file["way"] = h5py.ExternalLink(path, "data")
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource(".", "way", (4, 3))
    file.create_virtual_dataset(name, layout)


def source_stored_externally(file: h5py.File, name: str, path: str) -> None:
    """A virtual dataset over a file of the folder whose values are outside."""
    with h5py.File("inner.h5", "w") as inner:
        inner.create_dataset("data", (4, 3), "u1", external=[(path, 0, 12)])
    layout = h5py.VirtualLayout((4, 3), "u1")
    layout[:] = h5py.VirtualSource("inner.h5", "data", (4, 3))
    file.create_virtual_dataset(name, layout)


LABELS = [(stored_externally, "key"), (linked, "private.h5"), (linked_twice, "private.h5")]
DATA = [
    (linked, "private.h5"),
    (linked_twice, "private.h5"),
    (virtual, "private.h5"),
    (growing, "private.h5"),
    (numbered, "private.h5"),
    (source_with_a_link, "private.h5"),
    (source_stored_externally, "key"),
]
WAYS = ["absolute", "relative", "symbolic link", "folder link"]


def way_to(outside: Path, name: str, way: str) -> str:
    """A path by which ``name``, a file outside, can be reached from the dataset's folder."""
    if way == "symbolic link":
        Path("here").symlink_to(outside / name)
        return "here"
    if way == "folder link":
        Path("sub").symlink_to(outside)
        return f"sub/{name}"
    return str(outside / name) if way == "absolute" else f"../home/{name}"


def report_of(**options):
    return datascan.scan(Path("a.h5"), **options)


def rules_of(report) -> set[str]:
    return {found.rule for found in report.findings}


def rules_in_process(*options: str, **environment: str) -> set[str]:
    """The rules of a scan in a process of its own, which must end."""
    done = subprocess.run(
        [sys.executable, "-m", "datascan", "hdf5", "a.h5", "--json=-", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, **environment},
    )
    return {found["rule"] for found in json.loads(done.stdout)["findings"]}


def assert_unread(outside: Path, report) -> None:
    """Nothing outside was read: access times are as old as they were, and no text got out."""
    assert "hunter2" not in report.to_json()
    assert {path.name: path.stat().st_atime for path in outside.iterdir()} == {
        path.name: 1 for path in outside.iterdir()
    }


@pytest.mark.parametrize("workers", [0, None])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("refer", "name"), LABELS)
def test_a_label_outside_is_not_read(outside, refer, name, way, workers):
    path = way_to(outside, name, way)
    with h5py.File("a.h5", "w") as file:
        file["data"] = numbers(4, 3)
        refer(file, "label", path)
    report = report_of(workers=workers)
    assert_unread(outside, report)
    found = [f for f in report.findings if f.rule == "outside-reference"]
    assert [f.severity for f in found] == ["error"]
    assert "a.h5:" in found[0].message
    assert f"refers to {path}, which is outside of its folder" in found[0].message
    assert report.dataset.records == 4


@pytest.mark.parametrize("workers", [0, None])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("refer", "name"), DATA)
def test_data_outside_is_not_read(outside, refer, name, way, workers):
    path = way_to(outside, name, way)
    with h5py.File("a.h5", "w") as file:
        refer(file, "data", path)
        file["label"] = np.arange(4)
    report = report_of(workers=workers)
    assert_unread(outside, report)
    rules = {f.rule: f for f in report.findings}
    assert "refers to " in rules["outside-reference"].message
    assert report.dataset.records == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("refer", "name"), DATA)
def test_data_outside_is_read_if_links_are_followed(outside, refer, name, way):
    path = way_to(outside, name, way)
    with h5py.File("a.h5", "w") as file:
        refer(file, "data", path)
        file["label"] = np.arange(4)
    report = report_of(follow_links=True)
    assert report.dataset.records == 4
    assert "outside-reference" not in {f.rule for f in report.findings}


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize(("refer", "name"), [*LABELS, *DATA])
@pytest.mark.parametrize("folder", ["../home", "."])
def test_pipes_are_not_opened(outside, refer, name, folder, follow):
    """Outside or inside of the folder: HDF5 would wait for ever."""
    pipe = f"{folder}/pipe"
    os.mkfifo(pipe)
    with h5py.File("a.h5", "w") as file:
        file["x"] = numbers(4, 3)
        refer(file, "data" if (refer, name) in DATA else "label", pipe)
    options = ["--data=x", *(["--follow-links"] if follow else [])]
    rule = "missing-file" if follow or folder == "." else "outside-reference"
    assert rule in rules_in_process(*options)


def test_files_of_the_folder_are_read(outside):
    Path("sub").mkdir()
    path = write_hdf5(Path("sub/b.h5"), data=numbers(4, 3))
    Path("c.h5").symlink_to(path)
    Path("raw").write_bytes(b"".join(name.ljust(16, b"\0") for name in [b"cat", b"dog"] * 6))
    with h5py.File("a.h5", "w") as file:
        layout = h5py.VirtualLayout((12, 3), "f4")
        for i, source in enumerate(["sub/b.h5", "c.h5", "/elsewhere/b.h5"]):
            layout[4 * i : 4 * i + 4] = h5py.VirtualSource(source, "data", (4, 3))
        file.create_virtual_dataset("data", layout)
        file["linked"] = h5py.ExternalLink("sub/../c.h5", "data")
        file.create_dataset("label", (12,), "S16", external=[("raw", 0, 192)])
    write_hdf5(Path("b.h5"), data=numbers(4, 3))
    report = report_of()
    assert rules_of(report) == {"duplicate-record", "not-inspected"}
    assert report.dataset.records == 12
    assert report.labels.names == ["cat", "dog"]


def test_a_file_that_is_a_link_may_refer_to_files_beside_its_target(outside):
    write_hdf5(outside / "part.h5", data=numbers(4, 3))
    with h5py.File(outside / "main.h5", "w") as file:
        file["data"] = h5py.ExternalLink("part.h5", "data")
    Path("a.h5").symlink_to(outside / "main.h5")
    assert findings_of(Path("a.h5"), "outside-reference") == []


def test_a_file_of_the_working_directory(outside, monkeypatch):
    """HDF5 falls back to the working directory, which is not the dataset's."""
    with h5py.File("a.h5", "w") as file:
        file["data"] = numbers(4, 3)
        stored_externally(file, "label", "key")
        linked(file, "more", "private.h5")
    monkeypatch.chdir(outside)
    report = datascan.scan(Path("../set/a.h5"))
    assert_unread(outside, report)
    (found,) = [f for f in report.findings if f.rule == "outside-reference"]
    assert found.message.endswith("and 1 more place")


@pytest.mark.parametrize("variable", ["HDF5_VDS_PREFIX", "HDF5_EXT_PREFIX", "HDF5_EXTFILE_PREFIX"])
def test_folders_of_the_environment_are_the_users(outside, variable):
    with h5py.File("a.h5", "w") as file:
        if variable == "HDF5_VDS_PREFIX":
            virtual(file, "data", "private.h5")
        elif variable == "HDF5_EXT_PREFIX":
            linked(file, "data", "private.h5")
        else:
            file.create_dataset("data", (4, 3), "u1", external=[("key", 0, 12)])
    unread = {"damaged-store", "missing-file", "outside-reference"}
    assert not rules_in_process(**{variable: str(outside)}) & unread
    assert rules_in_process() & unread


def test_a_virtual_dataset_over_itself(outside):
    with h5py.File("a.h5", "w") as file:
        layout = h5py.VirtualLayout((4, 3), "f4")
        layout[:] = h5py.VirtualSource(".", "data", (4, 3))
        file.create_virtual_dataset("data", layout)
    (found,) = [f for f in report_of(workers=0).findings if f.rule == "damaged-store"]
    assert "a.h5:data refers to itself" in found.message


def test_listed_files_may_be_anywhere(outside):
    write_hdf5(outside / "b.h5", data=numbers(4, 3))
    Path("list.txt").write_text("../home/b.h5\n")
    assert findings_of(Path("list.txt"), "outside-reference") == []


def test_a_configuration_cannot_follow_links(outside):
    write_hdf5(Path("a.h5"), data=numbers(4, 3))
    Path("datascan.toml").write_text("follow_links = true\n")
    with pytest.raises(UsageError, match="can only be given on the command line"):
        read(Path("datascan.toml"))


def test_faults_of_all_blocks_are_added():
    first = block_of(records=3, faults=[Fault(2, "outside-reference", "why")])
    second = block_of(records=2, faults=[Fault(1, "outside-reference", "how")])
    found = finding(OutsideReference, first, second)
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records are in files outside of the folder"
    assert found.named == {2: "why", 4: "how"}


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(OutsideReference, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "empty-record", "why")])
    assert findings(OutsideReference, other) == []
