"""What every reader must obey.

Inherit :class:`ReaderLaws` in a test module, and write a healthy dataset::

    class TestIdx(ReaderLaws):
        reader, records = IdxReader, 300

        def build(self, path):
            write_images(path / "train-images-idx3-ubyte", ...)
            return path / "train-images-idx3-ubyte"
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.plugins import READERS, load, rule_names
from datascan.readers.base import Reader
from datascan.records.block import Block
from datascan.records.shard import Plan, Shard
from datascan.report.build import build_report
from datascan.report.model import Report
from datascan.scanner.scan import scan
from datascan.session import select_checks
from datascan.testing.blocks import pickled

Snapshot = dict[str, tuple[str, int, int, int, int]]


class ReaderLaws:
    """What every reader must obey.

    ``reader`` is the class to test, and ``records`` how many records :meth:`build` writes: at
    least eight, all different.
    """

    reader: ClassVar[type[Reader]]
    records: ClassVar[int]
    header_sizes: ClassVar[Sequence[int]] = (0, 1, 3, 7, 8, 15, 16, 17)
    """Bytes that are left of the largest file in the law about headers. Leave a size out only if
    the format cannot tell such a file from that of a smaller dataset."""

    @abstractmethod
    def build(self, path: Path) -> Path | None:
        """Write a healthy dataset at ``path``; return its path if it is another one."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A healthy dataset."""
        path = tmp_path / "dataset"
        return self.build(path) or path

    def open(self, path: Path, **options: Any) -> closing[Reader]:
        """The reader of ``path``, to be used in a ``with`` statement."""
        return closing(self.reader((path,), Options().replace(**options)))

    def report(self, path: Path, **options: Any) -> Report:
        """The report of a scan with all checks."""
        with self.open(path, **options) as reader:
            return build_report(scan(reader, select_checks(reader.options)), version="0")

    def contents(self, path: Path, **options: Any) -> list[tuple[str, int]]:
        """Key and fingerprint of every record, in order."""
        found: list[tuple[str, int]] = []
        with self.open(path, **options) as reader:
            for shard in reader.plan().shards:
                row = 0
                for block in reader.read(shard, untracked):
                    assert block.start == shard.base + row
                    assert block.fingerprints is not None
                    keys = reader.keys(shard, range(row, row + block.records))
                    found += zip(keys, block.fingerprints.tolist(), strict=True)
                    row += block.records
        return found

    def test_only_this_reader_accepts_the_dataset(self, path: Path) -> None:
        """``datascan scan`` asks the built-in readers first."""
        assert self.reader.accepts(path)
        others = {name: load(target) for name, target in READERS.items()}
        accepting = [name for name, kind in others.items() if kind.accepts(path)]
        assert set(accepting) <= {self.reader.name}

    def test_accepts_never_raises(self, path: Path, tmp_path: Path) -> None:
        """It is asked about every path that users name."""
        (tmp_path / "empty").touch()
        (tmp_path / "bytes").write_bytes(bytes(range(256)) * 40)
        (tmp_path / "folder").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "nowhere")
        for name in ("empty", "bytes", "folder", "link", "missing", "missing/too"):
            assert not self.reader.accepts(tmp_path / name)
        for size in (1, 4, 16):
            cut(path, size)
            assert self.reader.accepts(path) in {True, False}

    def test_blocks_are_well_formed(self, path: Path) -> None:
        """Metrics rely on these properties of blocks."""
        with self.open(path) as reader:
            for _, block in iter_blocks(reader, reader.plan()):
                assert_well_formed(block)

    def test_every_key_is_found(self, path: Path) -> None:
        """``datascan show`` looks for the key that a report shows."""
        with self.open(path, shard_bytes=64) as reader:
            plan = reader.plan()
            for shard in plan.shards:
                rows = range(reader.count_rows(shard, untracked))
                for row, key in zip(rows, reader.keys(shard, rows), strict=True):
                    assert [*reader.find_key(plan, key)] == [(shard.index, row)]
            assert [*reader.find_key(plan, "no such key \\xff")] == []

    def test_shards_cover_every_record_once_and_in_order(self, path: Path) -> None:
        """The report must not depend on how the dataset is cut; keys are unique."""
        whole = self.contents(path)
        assert len(whole) == len(dict(whole)) == self.records
        assert self.contents(path, shard_bytes=1) == whole

    def test_planning_again_gives_the_same_plan(self, path: Path) -> None:
        """``--resume`` compares the plan with that of the run before."""
        with self.open(path) as one, self.open(path) as other:
            assert repr(one.plan()) == repr(other.plan())

    def test_a_shard_can_be_cut_anywhere(self, path: Path) -> None:
        """A shard is cut around records that crash the process."""
        with self.open(path) as reader:
            shard = reader.plan().shards[0]
            total = sum(block.records for block in reader.read(shard, untracked))
            for first, last in ((0, 1), (1, 7), (total - 3, None), (total, None), (5, 5)):
                blocks = list(reader.read(shard.slice(first, last), untracked))
                expected = max(0, (total if last is None else last) - first)
                assert sum(block.records for block in blocks) == expected
                assert all(block.start >= shard.base + first for block in blocks)

    def test_a_reader_pickles_after_planning(self, path: Path) -> None:
        """Worker processes get a copy of the reader, so it cannot hold open files."""
        with self.open(path) as reader:
            plan = reader.plan()
            for each in (reader, pickled(reader)):
                assert sum(block.records for _, block in iter_blocks(each, plan)) == self.records

    def test_rows_are_tracked_before_they_are_read(self, path: Path) -> None:
        """A crash is blamed on the rows that were tracked last."""
        tracked: set[int] = set()

        def track(row: int, count: int) -> None:
            tracked.update(range(row, row + count))

        with self.open(path) as reader:
            shard = reader.plan().shards[0]
            records = 0
            for block in reader.read(shard, track):
                records += block.records
                assert tracked >= set(range(records))
            assert tracked == set(range(records))

    def test_reading_without_decoding_gives_the_same_records(self, path: Path) -> None:
        """Thumbnails are made of the encoded images."""
        with self.open(path) as reader:
            for shard in reader.plan().shards:
                decoded = list(reader.read(shard, untracked))
                blocks = list(reader.read(shard, untracked, decode=False))
                assert [extent(block) for block in blocks] == [extent(b) for b in decoded]
                for block, other in zip(blocks, decoded, strict=True):
                    assert block.images is None
                    assert len(block.encoded) >= (len(other.images.rows) if other.images else 0)
                    assert not other.encoded

    def test_a_shard_can_be_counted_and_named_without_its_values(self, path: Path) -> None:
        """Both are needed for shards that crash the process."""
        with self.open(path, shard_bytes=1) as reader:
            shards = reader.plan().shards
            assert sum(reader.count_rows(shard, untracked) for shard in shards) == self.records
            for shard in shards:
                whole = reader.count_rows(shard, untracked)
                assert reader.count_rows(shard.slice(1, 2), untracked) == whole
            assert len({reader.describe_start(shard) for shard in shards}) == len(shards)

    @pytest.mark.parametrize("limit", [1, 3])
    def test_a_limit_is_kept(self, path: Path, limit: int) -> None:
        """``--limit N`` reads the first N records."""
        with self.open(path, limit=limit) as reader:
            assert scan(reader, []).summary.records == limit

    @pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
    def test_a_truncated_dataset_never_reads_as_clean(self, path: Path, share: float) -> None:
        """What is missing is a fault, never an exception and never silence."""
        cut(path, int(largest_file(path).stat().st_size * share))
        assert not self.report(path, label_type="none").passed

    def test_a_file_without_a_whole_header_is_an_error_or_a_finding(self, path: Path) -> None:
        """Downloads break off early, too."""
        file = largest_file(path)
        content = file.read_bytes()
        for size in self.header_sizes:
            file.write_bytes(content[:size])
            try:
                report = self.report(path, label_type="none")
            except DatasetError:
                continue
            assert not report.passed, f"{file.name} of {size} bytes reads as clean"

    def test_nothing_on_disk_changes(self, path: Path) -> None:
        """A dataset is opened read-only; no lock, cache or index is written next to it."""
        before = snapshot(path.parent)
        report = self.report(path)
        assert report.passed
        assert report.dataset.records == self.records
        assert snapshot(path.parent) == before


def untracked(row: int, count: int) -> None:
    """A tracker that ignores every position."""


def iter_blocks(reader: Reader, plan: Plan) -> Iterator[tuple[Shard, Block]]:
    """All blocks of a planned dataset with their shards."""
    for shard in plan.shards:
        for block in reader.read(shard, untracked):
            yield shard, block


def extent(block: Block) -> tuple[int, int, int]:
    """Address, records and bytes of a block."""
    return block.start, block.records, block.nbytes


def assert_well_formed(block: Block) -> None:
    """The rows of columns and faults are rows of the block; nothing is of another length."""
    for column in block.arrays:
        assert column.values.shape[0] == len(column.rows)
        assert_rows(column.rows, block.records)
    if block.images is not None:
        assert_rows(block.images.rows, block.records)
    if block.labels is not None:
        assert len(block.labels.values) == len(block.labels.present) == block.records
    if block.fingerprints is not None:
        assert block.fingerprints.dtype == np.uint64
        assert len(block.fingerprints) == block.records
    for fault in block.faults:
        assert fault.row is None or 0 <= fault.row < block.records
        assert fault.rule in rule_names()
    explained = {fault.row for fault in block.faults}
    silent = [row for row in np.flatnonzero(block.unreadable).tolist() if row not in explained]
    assert block.is_opaque or silent == [], "records without values and without a fault"


def assert_rows(rows: Any, records: int) -> None:
    """``rows`` are ascending int64 rows of a block of ``records``."""
    assert rows.dtype == np.int64
    assert np.all(np.diff(rows) > 0)
    assert len(rows) == 0 or 0 <= rows[0] <= rows[-1] < records


def largest_file(path: Path) -> Path:
    """The largest file of a dataset: the one that holds its records."""
    return max(files_of(path), key=lambda file: file.stat().st_size)


def cut(path: Path, size: int) -> None:
    """Truncate the largest file of a dataset to ``size`` bytes."""
    file = largest_file(path)
    file.write_bytes(file.read_bytes()[:size])


def files_of(path: Path) -> Sequence[Path]:
    """The file, or all files below a folder."""
    return [file for file in (path, *sorted(path.rglob("*"))) if file.is_file()]


def snapshot(path: Path) -> Snapshot:
    """Content, size, mode, and times of change of everything below ``path``."""
    found: Snapshot = {}
    for item in [path, *sorted(path.rglob("*"))]:
        status = item.stat()
        digest = hashlib.sha256(item.read_bytes()).hexdigest() if item.is_file() else ""
        times = status.st_mtime_ns, status.st_ctime_ns
        found[str(item)] = (digest, status.st_size, status.st_mode, *times)
    return found
