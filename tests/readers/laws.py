"""What every reader must obey: inherit :class:`ReaderLaws` and say how a dataset is built."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import datascan
from datascan.config.options import Options
from datascan.plugins import READERS, load
from datascan.readers.base import Reader
from datascan.scanner.scan import scan
from tests.builders.tracking import untracked
from tests.test_unchanged import seen


class ReaderLaws:
    """The laws. ``build(path)`` writes a healthy dataset of ``records`` records."""

    backend: str
    records: int

    def build(self, path: Path) -> None:
        raise NotImplementedError

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "dataset"
        self.build(path)
        return path

    def reader(self, path: Path, **options: object) -> Reader:
        return load(READERS[self.backend])((path,), Options().replace(**options))

    def read(self, path: Path, **options: object) -> list[tuple[str, object]]:
        """Key and signature of every record, in order, piece by piece."""
        reader = self.reader(path, **options)
        found: list[tuple[str, object]] = []
        try:
            for shard in reader.plan().shards:
                row = 0
                for block in reader.read(shard, untracked):
                    assert block.start == shard.base + row
                    keys = reader.keys(shard, range(row, row + block.records))
                    found += zip(keys, block.fingerprints.tolist(), strict=True)
                    row += block.records
        finally:
            reader.close()
        return found

    def test_only_its_own_reader_recognises_it(self, path):
        matching = [name for name, kind in READERS.items() if load(kind).accepts(path)]
        assert matching == [self.backend]

    def test_shards_cover_every_record_once_and_in_order(self, path):
        whole = self.read(path)
        assert len(whole) == len(dict(whole)) == self.records
        fine = self.read(path, shard_bytes=1)
        assert fine == whole

    def test_a_shard_can_be_cut_anywhere(self, path):
        reader = self.reader(path)
        try:
            shard = reader.plan().shards[0]
            total = sum(block.records for block in reader.read(shard, untracked))
            for first, last in ((0, 1), (1, 7), (total - 3, None), (total, None), (5, 5)):
                blocks = list(reader.read(shard.slice(first, last), untracked))
                expected = max(0, (total if last is None else last) - first)
                assert sum(block.records for block in blocks) == expected
                assert all(block.start >= shard.base + first for block in blocks)
        finally:
            reader.close()

    def test_a_reader_pickles_after_planning(self, path):
        reader = self.reader(path)
        try:
            shards = reader.plan().shards
            other = pickle.loads(pickle.dumps(reader))
            for each in (reader, other):
                blocks = [block for shard in shards for block in each.read(shard, untracked)]
                assert sum(block.records for block in blocks) == self.records
        finally:
            reader.close()

    def test_rows_are_marked_before_they_are_read(self, path):
        reader = self.reader(path)
        marked: set[int] = set()

        def track(row: int, count: int) -> None:
            marked.update(range(row, row + count))

        try:
            shard = reader.plan().shards[0]
            records = sum(block.records for block in reader.read(shard, track))
            assert marked == set(range(records))
        finally:
            reader.close()

    def test_reading_without_decoding_gives_the_same_records(self, path):
        reader = self.reader(path)
        try:
            for shard in reader.plan().shards:
                decoded = list(reader.read(shard, untracked))
                blocks = list(reader.read(shard, untracked, decode=False))
                assert [(b.start, b.records, b.nbytes) for b in blocks] == [
                    (b.start, b.records, b.nbytes) for b in decoded
                ]
                assert all(block.images is None for block in blocks)
                for block, other in zip(blocks, decoded, strict=True):
                    images = 0 if other.images is None else len(other.images.rows)
                    assert len(block.encoded) >= images
                    assert not other.encoded
        finally:
            reader.close()

    def test_a_shard_can_be_counted_and_named_without_its_values(self, path):
        reader = self.reader(path, shard_bytes=1)
        try:
            shards = reader.plan().shards
            assert sum(reader.count_rows(shard, untracked) for shard in shards) == self.records
            for shard in shards:
                whole = reader.count_rows(shard, untracked)
                assert reader.count_rows(shard.slice(1, 2), untracked) == whole
            assert len({reader.describe_start(shard) for shard in shards}) == len(shards)
        finally:
            reader.close()

    @pytest.mark.parametrize("limit", [1, 3])
    def test_a_limit_is_kept(self, path, limit):
        reader = self.reader(path, limit=limit)
        try:
            assert scan(reader, []).summary.records == limit
        finally:
            reader.close()

    @pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
    def test_a_cut_dataset_never_reads_as_clean(self, path, share):
        largest = max((p for p in [path, *path.rglob("*")] if p.is_file()), key=size)
        content = largest.read_bytes()
        largest.write_bytes(content[: int(len(content) * share)])
        report = datascan.scan(path, label_type="none")
        assert not report.passed

    def test_nothing_on_disk_changes(self, path):
        before = seen(path)
        report = datascan.scan(path)
        assert report.passed
        assert report.dataset.records == self.records
        assert seen(path) == before


def size(path: Path) -> int:
    return path.stat().st_size
