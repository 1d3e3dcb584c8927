"""Small files that claim much are findings, soon and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from datascan.readers.hdf5 import limits, traversal
from datascan.readers.hdf5.references import RootFile
from tests.builders.hdf5 import numbers, row_faults, rules, scanned, write_hdf5
from tests.builders.hdf5_bombs import BOMBS, write_bomb

SECONDS = 60
MAX_RSS = 2 << 30
MAX_ADDRESSES = 3 << 30


def run_limited(path: Path, *options: str) -> tuple[int, str, str, int]:
    """Status, output, errors and resident bytes of a scan in a process of its own."""
    limited = ["sh", "-c", f'ulimit -v {MAX_ADDRESSES >> 10}; exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "datascan", "hdf5", str(path)]
    with Path("out").open("w+") as out, Path("err").open("w+") as err:
        process = subprocess.Popen([*command, *options], stdout=out, stderr=err)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        else:
            process.kill()
            process.wait()
            pytest.fail("the scan did not end")
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return process.returncode, out.read(), err.read(), usage.ru_maxrss * 1024


@pytest.mark.parametrize("workers", [[], ["--workers=0"]], ids=["workers", "alone"])
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path, monkeypatch, name, workers):
    monkeypatch.chdir(tmp_path)
    path = write_bomb(Path("a.h5"), name)
    status, _, errors, resident = run_limited(path, *workers)
    assert "Traceback" not in errors
    assert resident < MAX_RSS
    assert status == (0 if name == "groups_in_a_circle" else 1), errors


def test_links_are_followed_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(traversal, "MAX_FOLLOWED", 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = numbers(4, 3)
        for number in range(9):
            file[f"same{number}"] = h5py.SoftLink("/x")
    assert not rules(scanned(tmp_path / "a.h5"))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for number in range(3):
            file[f"z{number}"] = h5py.SoftLink("./" * (1 + number) + "x")
    (fault,) = scanned(tmp_path / "a.h5").summary.plan.faults
    assert fault.detail == "a.h5:/z2 is not followed, nor are links after 3"


@pytest.mark.parametrize(("rows", "is_read"), [(20, True), (21, False)])
def test_missing_rows_are_listed_up_to_a_limit(tmp_path, monkeypatch, rows, is_read):
    monkeypatch.setattr(limits, "SMALL_MISSING_ROWS", 20)
    monkeypatch.setattr(limits, "BYTES_PER_MISSING_ROW", 1 << 20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", (40, 3), "f4", chunks=(1, 3))
        data[rows:] = numbers(40 - rows, 3)
    result = scanned(tmp_path / "a.h5")
    assert result.summary.records == (40 if is_read else 0)
    assert len(row_faults(result, "damaged-store")) == (20 if is_read else 0)


def test_memory_that_runs_out_is_a_finding(tmp_path, monkeypatch):
    path = write_hdf5(tmp_path / "a.h5", data=(numbers(40, 3), {"compression": "lzf"}))

    raised: list[Exception] = []

    def fail(_dataset, _rows):
        raise raised[-1]

    monkeypatch.setattr(h5py.Dataset, "__getitem__", fail)
    for error in (
        MemoryError(),
        OSError("Can't read (memory allocation failed for raw data chunk)"),
    ):
        raised.append(error)
        result = scanned(path)
        faults = row_faults(result, "reader-crash")
        assert list(faults) == list(range(40))
        assert faults[0] == "needed more memory than there is"
        assert row_faults(result, "damaged-store") == {}


def test_holes_of_sparse_files_do_not_count(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=numbers(40, 3))
    os.truncate(path, 1 << 40)
    with RootFile(path, follow_links=False) as root:
        assert root.size == 1 << 40
        assert root.available < 1 << 20
