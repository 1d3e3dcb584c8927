"""``scripts/bench bounds``: what the bounds do is complete, and fails if it is not."""

from __future__ import annotations

import pytest
from benchmarks.bounds import do_least, measure, share
from benchmarks.datasets import build_gzip, build_jpegs


def test_all_chunks_are_inflated(tmp_path):
    build_gzip(tmp_path / "a.h5", 200)
    do_least("hdf5-gzip", tmp_path / "a.h5", ())


def test_all_files_are_decoded(tmp_path, capfd):
    build_jpegs(tmp_path / "a", 5)
    do_least("jpeg", tmp_path / "a", ())
    last = tmp_path / "a" / "000004.jpg"
    last.write_bytes(last.read_bytes()[:-1000])
    with pytest.raises(RuntimeError, match="failed"):
        do_least("jpeg", tmp_path / "a", ())
    assert "ValueError" in capfd.readouterr().err


def test_other_files_are_touched(tmp_path):
    do_least("lmdb-uint8", tmp_path, ("test", "-d"))


def test_processes_have_numbers(tmp_path):
    share(lambda number: (tmp_path / str(number)).touch())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["0", "1"]


def test_processor_time_is_that_of_the_command():
    clock, cpu = measure(["python3", "-c", "sum(range(10**6))"])
    assert clock > 0
    assert cpu > 0
