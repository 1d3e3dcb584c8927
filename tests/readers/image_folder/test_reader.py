"""Folders and lists of images."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.readers.image_folder.reader import FILES_PER_SHARD, ImageFolderReader
from datascan.session import ScanSession
from datascan.testing.reader_laws import untracked
from tests.builders.images import encode, photo, pixels, write_tree
from tests.readers.image_folder.support import found, report


def test_a_bounded_look_is_not_spent_on_hidden_folders(animals, monkeypatch):
    write_tree(animals, {f".git/{i}": b"" for i in range(20)})
    monkeypatch.setattr("datascan.readers.image_folder.reader.MAX_ENTRIES_TO_DETECT", 10)
    assert ImageFolderReader.accepts(animals)


def test_faults_of_files(animals):
    write_tree(
        animals,
        {
            "cat/1.jpg": photo(1)[:300],
            "cat/2.jpg": b"",
            "dog/0.jpg": b"<html>",
            "dog/1.jpg": photo(0),
            "dog/2.jpg": encode(pixels(9, mode="L"), "PNG"),
        },
    )
    assert found(animals) == {
        "corrupt-image": [(1, "cat/1.jpg")],
        "empty-record": [(2, "cat/2.jpg")],
        "not-an-image": [(3, "dog/0.jpg")],
        "conflicting-label": [(0, "cat/0.jpg"), (4, "dog/1.jpg")],
        "duplicate-record": [(4, "dog/1.jpg")],
        "misnamed-image": [(5, "dog/2.jpg")],
        "mixed-channels": [],
    }


def test_sizes_differ_in_every_ordinary_folder(animals):
    write_tree(animals, {"cat/1.jpg": photo(1, height=30)})
    assert report(animals).findings == []


def test_blank_image(animals):
    write_tree(animals, {"cat/1.jpg": encode(pixels().point(lambda _: 0), "PNG")})
    assert set(found(animals)) == {"constant-record", "misnamed-image"}


def test_pipes_and_dead_links_are_never_waited_for(animals):
    os.mkfifo(animals / "cat" / "pipe.jpg")
    (animals / "dog" / "dead.jpg").symlink_to("nowhere.jpg")
    assert found(animals) == {"missing-file": [(3, "cat/pipe.jpg"), (7, "dog/dead.jpg")]}


def test_a_file_that_vanishes(animals):
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    (animals / "cat" / "1.jpg").unlink()
    (block,) = reader.read(shard, untracked)
    assert [(fault.row, fault.rule) for fault in block.faults] == [(1, "missing-file")]


def test_names_that_are_not_text(tmp_path):
    name = os.fsdecode(b"a\xff\n.jpg")
    (tmp_path / name).write_bytes(b"junk")
    seen = report(tmp_path)
    assert seen.findings[0].examples[0].key == "a\\xff\n.jpg"
    assert b"a\\xff\\n.jpg" in seen.to_json().encode().replace(b"\\\\", b"\\")


def test_no_images(tmp_path):
    assert not ImageFolderReader.accepts(tmp_path)
    with pytest.raises(DatasetError, match="contains no file"):
        report(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="not an image or a folder of images"):
        report(tmp_path / "file")


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_limit(animals, limit):
    assert report(animals, limit=limit).dataset.records == min(limit, 6)


def test_many_files_in_several_shards(tmp_path):
    data = photo()
    for i in range(FILES_PER_SHARD + 44):
        (tmp_path / f"{i:04}.jpg").write_bytes(data)
    reader = ImageFolderReader((tmp_path,), Options())
    plan = reader.plan()
    assert [shard.span for shard in plan.shards] == [(0, 256), (256, 300)]
    one = report(tmp_path, workers=0).to_json().splitlines()
    two = report(tmp_path, workers=2).to_json().splitlines()
    assert [a for a in one if "elapsed" not in a] == [b for b in two if "elapsed" not in b]


def test_a_folder_is_recognised_by_a_bounded_look(tmp_path, monkeypatch):
    for i in range(20):
        (tmp_path / f"{i}.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "1.png").write_bytes(b"")
    assert ImageFolderReader.accepts(tmp_path)
    monkeypatch.setattr("datascan.readers.image_folder.reader.MAX_ENTRIES_TO_DETECT", 15)
    assert not ImageFolderReader.accepts(tmp_path)


def test_large_files_are_read_a_few_at_a_time(animals, monkeypatch):
    sizes = [(animals / name).stat().st_size for name in ("cat/0.jpg", "cat/1.jpg")]
    monkeypatch.setattr("datascan.readers.image_folder.reader.BLOCK_BYTES", sum(sizes) + 1)
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    blocks = list(reader.read(shard, untracked))
    assert sum(block.records for block in blocks) == 6
    assert blocks[0].records == 2
    assert [block.start for block in blocks] == [0, *np.cumsum([b.records for b in blocks])[:-1]]
    monkeypatch.setattr("datascan.readers.image_folder.reader.BLOCK_BYTES", 1)
    assert [block.records for block in reader.read(shard, untracked)] == [1] * 6
    assert [block.start for block in reader.read(shard.slice(2, 4), untracked)] == [2, 3]


def test_a_process_gets_no_results_of_another(animals):
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    before = pickle.dumps(reader)
    (block,) = reader.read(shard, untracked)
    assert len(pickle.dumps(reader)) == len(before)
    copy = pickle.loads(pickle.dumps(reader))
    (again,) = copy.read(shard, untracked)
    assert again.fingerprints.tolist() == block.fingerprints.tolist()


@pytest.mark.parametrize(
    ("shard_bytes", "spans"),
    [
        (1, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]),
        (1 << 30, [(0, 6)]),
    ],
)
def test_no_shard_is_empty(animals, shard_bytes, spans):
    reader = ImageFolderReader((animals,), Options().replace(shard_bytes=shard_bytes))
    assert [shard.span for shard in reader.plan().shards] == spans


def test_shards_end_with_the_file_that_fills_them(animals):
    sizes = [(animals / f"{name}.jpg").stat().st_size for name in ("cat/0", "cat/1", "cat/2")]
    reader = ImageFolderReader((animals,), Options().replace(shard_bytes=sum(sizes)))
    assert reader.plan().shards[0].span == (0, 3)
    reader = ImageFolderReader((animals,), Options().replace(shard_bytes=sum(sizes) + 1))
    assert reader.plan().shards[0].span == (0, 4)


@pytest.mark.parametrize("decode", [True, False])
def test_files_are_announced_one_by_one(animals, decode):
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    announced = []
    blocks = reader.read(shard.slice(1, 5), lambda *rows: announced.append(rows), decode=decode)
    assert sum(block.records for block in blocks) == 4
    assert announced == [(row, 1) for row in range(1, 5)]


class Watching(NullProgress):
    """Notes what it is given before the scan starts; ends the scan at ``most`` files."""

    def __init__(self, most=None):
        self.most, self.started, self.seen = most, False, []

    def start(self, plan):
        self.started = True

    def update(self, records, nbytes):
        if not self.started:
            self.seen.append((records, nbytes))
            if self.most is not None and records >= self.most:
                raise ScanCancelled


def watch(animals, monkeypatch, progress, **options):
    monkeypatch.setattr("datascan.readers.image_folder.listing.FILES_PER_REPORT", 2)
    monkeypatch.setattr("datascan.readers.image_folder.list_file.FILES_PER_REPORT", 2)
    with ScanSession(animals, Options().replace(**options), progress=progress) as session:
        return session.report(charts=False)


def test_the_files_found_are_counted_while_they_are_listed(animals, monkeypatch):
    write_tree(animals, {"dog/notes.md": b"x"})
    progress = Watching()
    assert watch(animals, monkeypatch, progress).dataset.records == 6
    counted = [found for found, nbytes in progress.seen if found]
    assert counted == [2, 4, 6]
    assert {nbytes for _, nbytes in progress.seen} == {0}


def test_the_files_of_a_list_are_counted_while_they_are_looked_up(animals, monkeypatch):
    (animals / "train.txt").write_text("".join(f"cat/{i % 3}.jpg 0\n" for i in range(5)))
    progress = Watching()
    watch(animals, monkeypatch, progress, list_file=animals / "train.txt")
    assert [found for found, _ in progress.seen if found] == [2, 4]


def test_a_listing_can_be_cancelled(animals, monkeypatch):
    seen = watch(animals, monkeypatch, Watching(most=4))
    assert (seen.complete, seen.dataset.records) == (False, 0)
