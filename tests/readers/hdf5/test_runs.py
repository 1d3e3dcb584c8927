"""Small files are read together, and the result is the same."""

from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest

from datascan.config.options import Options
from datascan.readers.hdf5.runs import RowRun, RunGroup, rows_per_shard
from datascan.session import ScanSession
from tests.builders.hdf5 import gathered, numbers, reader_of, write_hdf5


def test_rows_of_a_group():
    group = RunGroup.of([RowRun(0, 0, 0, 3), RowRun(1, 0, 0, 1), RowRun(2, 0, 2, 6)])
    assert group.rows == 8
    found = [group.find(row) for row in range(8)]
    assert [(run.file, row) for run, row in found] == [
        *((0, 0), (0, 1), (0, 2), (1, 0)),
        *((2, 2), (2, 3), (2, 4), (2, 5)),
    ]
    assert list(group.cut(2, 6)) == [RowRun(0, 0, 2, 3), RowRun(1, 0, 0, 1), RowRun(2, 0, 2, 4)]
    assert list(group.cut(0, 8)) == list(group.runs)
    assert list(group.cut(3, 3)) == []


def files(folder, count=12, rows=3, **more):
    """Files of a few rows: with NaN, other lengths, other columns, gzip, labels without data."""
    paths = []
    for i in range(count):
        values = numbers(rows + i % 2, 4, seed=i)
        values[0, 1] = np.nan if i % 5 == 2 else 1
        path = folder / f"{i:02}.h5"
        columns = {"data": values, "label": np.arange(len(values)) % 2}
        if i == 7:
            columns["data"] = (values, {"compression": "gzip"})
        if i == 9:
            columns["extra"] = numbers(len(values), 2)
        if i == 10:
            columns["label"] = columns["label"][:-1]
        paths.append(write_hdf5(path, **columns, **more))
    return paths


@pytest.mark.parametrize(("columns", "rows"), [(4, 1 << 19), (1 << 10, 1 << 18)])
def test_tables_of_short_rows_have_smaller_shards(tmp_path, columns, rows):
    reader = reader_of(write_hdf5(tmp_path / "a.h5", data=numbers(3, columns)))
    reader.plan()
    table = reader.files[0].tables[0]
    assert rows_per_shard(table, 1 << 30) == rows
    assert rows_per_shard(table, 1 << 12) == (1 << 12) // (4 * columns)


@pytest.mark.parametrize("options", [{}, {"limit": 20}, {"sample": 20}], ids=str)
def test_the_report_does_not_depend_on_groups(tmp_path, options):
    paths = files(tmp_path)
    together, apart = (
        report_of(paths, workers=0, shard_bytes=size, **options) for size in (32 << 20, 1)
    )
    assert "sample" in options or "nan-value" in {found.rule for found in apart.findings}
    for name in ("findings", "labels", "values", "shapes", "bad_records", "batch_sizes"):
        assert getattr(together, name) == getattr(apart, name), name
    assert sizes_of(together.dataset) == sizes_of(apart.dataset)


def report_of(paths, **options):
    with ScanSession(paths, Options().replace(**options)) as session:
        return session.report(charts=False)


def sizes_of(dataset):
    return {name: getattr(dataset, name) for name in ("records", "total", "layout", "bytes")}


def test_small_files_are_one_shard(tmp_path):
    paths = [
        write_hdf5(tmp_path / f"{i}.h5", data=numbers(1, 4, seed=i), label=np.array([i % 3]))
        for i in range(50)
    ]
    reader = reader_of(*paths)
    (shard,) = reader.plan().shards
    assert isinstance(shard.span, RunGroup)
    values, keys, labels = gathered(reader_of(*paths))
    assert keys == [f"{i}.h5:data[0]" for i in range(50)]
    assert labels == [i % 3 for i in range(50)]
    np.testing.assert_array_equal(
        values, np.concatenate([numbers(1, 4, seed=i) for i in range(50)])
    )
    part = replace(shard, first=10, last=20)
    (block,) = reader.read(part, lambda *_: None)
    assert (block.start, block.records) == (shard.base + 10, 10)
    assert block.labels.values.tolist() == [i % 3 for i in range(10, 20)]


def test_a_file_that_vanishes_costs_its_rows(tmp_path):
    paths = [
        write_hdf5(tmp_path / f"{i}.h5", data=numbers(2, 4, seed=i), label=np.array([0, 1]))
        for i in range(4)
    ]
    reader = reader_of(*paths)
    (shard,) = reader.plan().shards
    paths[1].unlink()
    paths[2].write_bytes(paths[2].read_bytes()[:-8])
    (block,) = reader.read(shard, lambda *_: None)
    assert block.records == 8
    assert {fault.row for fault in block.faults if fault.rule == "damaged-store"} >= {2, 3}
    assert {0, 1, 6, 7}.isdisjoint(fault.row for fault in block.faults)


def test_a_file_that_is_listed_many_times_is_planned_once(tmp_path, monkeypatch):
    from datascan.readers.hdf5 import plan_task  # noqa: PLC0415  (imports h5py)

    write_hdf5(tmp_path / "a.h5", data=numbers(2, 4), label=np.array([0, 1]))
    (tmp_path / "list.txt").write_text("a.h5\n" * 500)
    planned = []
    plan = plan_task.plan_file

    def count(query):
        planned.append(query.source.shown)
        return plan(query)

    monkeypatch.setattr(plan_task, "plan_file", count)
    reader = reader_of(tmp_path / "list.txt")
    assert reader.plan().records == 1000
    assert planned == ["a.h5"]


def test_the_first_file_decides_what_is_read(tmp_path):
    paths = []
    for i in range(100):
        path = tmp_path / f"{i:03}.h5"
        with h5py.File(path, "w") as file:
            # Alone, "x" would be chosen if there is no "data".
            file["x" if i == 80 else "data"] = numbers(1, 3, seed=i)
        paths.append(path)
    result = reader_of(*paths).plan()
    assert result.records == 99
    (fault,) = result.faults
    assert fault.detail.startswith("080.h5 has no dataset 'data'")
