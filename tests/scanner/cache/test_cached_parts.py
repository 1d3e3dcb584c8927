"""A scan with a cache gives the report of one without, whatever happened to the dataset."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import h5py
import lmdb
import numpy as np
import plyvel
import pytest

from datascan import api
from datascan.config.options import Options
from datascan.readers.image_folder import reader
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.records.part import MISSING
from datascan.scanner.cache import cached_parts
from datascan.scanner.cache.part_file import HEADER
from datascan.session import ScanSession
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb

PHOTOS = [photo(i) for i in range(12)]
SHARD_BYTES = 4096


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files need not be old: no test changes one twice in a moment, but where it says so."""
    monkeypatch.setattr(cached_parts, "TICK", 0)
    monkeypatch.setattr(cached_parts, "COARSE_TICK", 0)


@pytest.fixture
def small_shards(monkeypatch):
    """A shard for every few images."""
    monkeypatch.setattr(reader, "FILES_PER_SHARD", 4)
    monkeypatch.setattr(reader, "MIN_FILES_PER_SHARD", 2)
    monkeypatch.setattr(reader, "BOUNDARIES", 4)


def plain(report):
    """A report without times and what only a scan with a cache has."""
    found = json.loads(report.to_json())
    for name in ("elapsed_seconds", "started", "cache"):
        found.pop(name, None)
    return found


class Cached:
    """Scans a dataset with a cache, and compares each report with that of a scan without."""

    def __init__(self, path, folder, **options):
        self.path, self.folder, self.options = path, folder, {"workers": 0, **options}

    def scan(self, **changes):
        """How many parts were read, and how many were not."""
        options = {**self.options, **changes}
        report = api.scan(self.path, thumbnails=False, cache=self.folder, **options)
        assert plain(report) == plain(api.scan(self.path, thumbnails=False, **options))
        return report.cache.read, report.cache.reused


def tree():
    """Images of three classes: some damaged, some twice, one in two classes."""
    images = {f"class_{i % 3}/{i:03d}.jpg": PHOTOS[i % 11] + b"\0" * (i // 33) for i in range(60)}
    return {**images, "class_1/cut.jpg": PHOTOS[3][:300], "class_2/web.jpg": b"<html>"}


@pytest.fixture
def images(tmp_path, small_shards):
    write_tree(tmp_path / "data", tree())
    return Cached(tmp_path / "data", tmp_path / "cache")


def test_nothing_is_read_twice(images):
    parts, none = images.scan()
    assert (parts > 10, none) == (True, 0)
    assert images.scan() == (0, parts)
    assert images.scan(workers=2) == (0, parts)


def add(path):
    (path / "class_1/020a.jpg").write_bytes(PHOTOS[11])


def remove(path):
    (path / "class_1/022.jpg").unlink()


def change(path):
    (path / "class_1/022.jpg").write_bytes(PHOTOS[11])


def rename(path):
    (path / "class_1/022.jpg").rename(path / "class_1/022b.jpg")


def touch(path):
    os.utime(path / "class_1/022.jpg", (1, 1))


def replace_by_an_old_one_of_its_size(path):
    file = path / "class_1/022.jpg"
    state = file.stat()
    other = path.parent / "other"
    other.write_bytes(file.read_bytes()[:-9] + b"x" * 9)
    os.utime(other, ns=(state.st_atime_ns, state.st_mtime_ns))
    other.replace(file)


def overwrite_and_set_the_time(path):
    file = path / "class_1/022.jpg"
    state = file.stat()
    with file.open("r+b") as opened:
        opened.seek(state.st_size // 2)
        opened.write(b"x" * 9)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


EDITS = (
    add,
    remove,
    change,
    rename,
    touch,
    replace_by_an_old_one_of_its_size,
    overwrite_and_set_the_time,
)


@pytest.mark.parametrize("edit", EDITS)
def test_only_what_is_near_a_change_is_read_again(images, edit):
    parts, _ = images.scan()
    edit(images.path)
    read, reused = images.scan()
    assert 1 <= read <= 8
    assert reused >= parts - 8
    assert images.scan() == (0, read + reused)


def test_a_new_class_changes_the_labels_of_those_after_it(images):
    images.scan()
    write_tree(images.path, {"class_0a/1.jpg": PHOTOS[0]})
    read, reused = images.scan()
    assert read > 0
    assert reused > 0, "class 0 has the same label"
    write_tree(images.path, {"a/1.jpg": PHOTOS[0]})
    assert images.scan()[1] == 0


def test_a_label_in_a_list_is_part_of_what_identifies_a_file(images, tmp_path):
    file = tmp_path / "list.txt"
    names = sorted(tree())
    file.write_text("".join(f"{name} {i % 3}\n" for i, name in enumerate(names)))
    images.options["list_file"] = file
    parts, _ = images.scan()
    file.write_text("".join(f"{name} {i % 3 if i else 2}\n" for i, name in enumerate(names)))
    assert images.scan() == (1, parts - 1)
    (images.path / names[-1]).unlink()
    assert images.scan() == (1, parts - 1)
    # A file that is missing may be on a disk that is away.
    assert images.scan() == (1, parts - 1)


def test_a_single_image_is_read_again_when_it_has_changed(tmp_path):
    path = tmp_path / "one.jpg"
    path.write_bytes(PHOTOS[0])
    cached = Cached(path, tmp_path / "cache")
    assert cached.scan() == (1, 0)
    assert cached.scan() == (0, 1)
    path.write_bytes(b"<html>")
    assert cached.scan() == (1, 0)


def test_a_file_that_cannot_be_looked_up_is_read_each_time(tmp_path, monkeypatch):
    """It may be there a moment later, when it is read."""
    monkeypatch.setattr(reader, "find_state", lambda path: MISSING)
    path = tmp_path / "one.jpg"
    path.write_bytes(PHOTOS[0])
    cached = Cached(path, tmp_path / "cache")
    assert cached.scan() == (1, 0)
    assert cached.scan() == (1, 0)


def test_the_parts_before_a_used_one_may_have_any_number(images):
    """All addresses are moved: of faults, duplicates, missing labels and shapes."""
    parts, _ = images.scan()
    write_tree(images.path, {f"class_0/0000{i}.jpg": PHOTOS[i % 5][:-1] for i in range(30)})
    assert images.scan()[1] > parts // 2
    shutil.rmtree(images.path / "class_0")
    write_tree(images.path, {"class_0/0.jpg": PHOTOS[0]})
    assert images.scan()[1] > parts // 2


@pytest.mark.parametrize(
    "change",
    [
        {"max_pixels": 100},
        {"limit": 20},
        {"sample": 20},
        {"num_classes": 2},
        {"ignore": ("duplicate-record",)},
        {"batch_sizes": (7,)},
    ],
)
def test_results_for_other_options_are_not_used(images, change):
    parts, _ = images.scan()
    assert images.scan(**change)[1] == 0
    assert images.scan() == (0, parts), "both are kept"
    assert images.scan(**change)[0] == 0


def test_options_about_the_verdict_and_the_run_do_not_matter(images):
    parts, _ = images.scan()
    changes = {"fail_on": "warning", "severity": {"corrupt-image": "info"}, "timeout": 9.0}
    assert images.scan(**changes) == (0, parts)


def test_results_of_another_version_are_not_used(images, monkeypatch):
    images.scan()
    monkeypatch.setattr(cached_parts, "__version__", "9.9")
    assert images.scan()[1] == 0


def test_results_of_other_libraries_are_not_used(images, monkeypatch):
    images.scan()
    monkeypatch.setattr(ImageFolderReader, "versions", lambda _: {"pillow": "0"})
    assert images.scan()[1] == 0


def test_a_file_that_was_changed_just_now_is_read_again(images, monkeypatch):
    monkeypatch.setattr(cached_parts, "TICK", 3600 * 10**9)
    monkeypatch.setattr(cached_parts, "COARSE_TICK", 3600 * 10**9)
    images.scan()
    assert images.scan()[1] == 0


def many_datums(count):
    return numbered([*random_datums(count, (3, 8, 8)), b"no datum"])


def small(monkeypatch, path, folder):
    """Scans with shards of a few kilobytes."""
    cached = Cached(path, folder)
    plain_replace = Options.from_keywords

    def from_keywords(**given):
        return plain_replace(**given).replace(shard_bytes=SHARD_BYTES)

    monkeypatch.setattr(Options, "from_keywords", from_keywords)
    return cached


def test_any_change_of_an_lmdb_is_one_of_all_parts(tmp_path, monkeypatch):
    path = tmp_path / "data"
    write_lmdb(path, many_datums(100))
    cached = small(monkeypatch, path, tmp_path / "cache")
    parts, _ = cached.scan()
    assert parts > 3
    assert cached.scan() == (0, parts)
    with lmdb.open(str(path)) as opened, opened.begin(write=True) as transaction:
        transaction.put(b"99999999", b"no datum either")
    assert cached.scan()[1] == 0
    assert cached.scan()[0] == 0


def test_an_lmdb_that_was_made_anew_is_read(tmp_path, monkeypatch):
    """It may have the same transaction and size."""
    path = tmp_path / "data"
    pairs = many_datums(100)
    write_lmdb(path, pairs)
    cached = small(monkeypatch, path, tmp_path / "cache")
    parts, _ = cached.scan()
    size = (path / "data.mdb").stat().st_size
    shutil.rmtree(path)
    key = sorted(pairs)[50]
    write_lmdb(path, {**pairs, key: pairs[key][::-1]})
    assert (path / "data.mdb").stat().st_size == size
    assert cached.scan() == (parts, 0)


def test_hdf5_files_are_known_one_by_one(tmp_path, monkeypatch):
    files = [tmp_path / f"{i}.h5" for i in range(4)]
    for i, file in enumerate(files):
        data = numbers(200, 8) + i
        data[3, 1] = np.nan
        write_hdf5(file, data=data, label=np.arange(200) % 3)
    cached = small(monkeypatch, files, tmp_path / "cache")
    parts, _ = cached.scan()
    assert parts >= 4
    assert cached.scan() == (0, parts)
    with h5py.File(files[1], "r+") as file:
        file["data"][100, 2] = np.inf
    read, reused = cached.scan()
    assert (read, reused) == (parts // 4, parts - parts // 4)
    cached.path = [*files[:1], *files[2:]]
    assert cached.scan()[1] == 0, "other paths are another dataset"


def test_hdf5_files_that_refer_to_others_are_read_each_time(tmp_path):
    write_hdf5(tmp_path / "source.h5", data=numbers(20, 4))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(shape=(20, 4), dtype="f4")
        layout[:] = h5py.VirtualSource("source.h5", "data", shape=(20, 4))
        file.create_virtual_dataset("data", layout)
    report = api.scan(tmp_path / "virtual.h5", cache=tmp_path / "cache", thumbnails=False)
    assert report.cache is None
    assert not (tmp_path / "cache").exists()


def test_text_labels_are_numbered_in_all_files(tmp_path):
    files = [tmp_path / "a.h5", tmp_path / "b.h5"]
    write_hdf5(files[0], data=numbers(20, 4), label=np.array([b"cat", b"dog"] * 10))
    write_hdf5(files[1], data=numbers(20, 4) + 1, label=np.array([b"cat", b"dog"] * 10))
    cached = Cached(files, tmp_path / "cache")
    parts, _ = cached.scan()
    with h5py.File(files[1], "r+") as file:
        file["label"][0] = b"ant"
    assert cached.scan() == (parts, 0)


def test_the_tables_of_a_leveldb_are_known_one_by_one(tmp_path, monkeypatch):
    path = tmp_path / "data"
    write_leveldb(path, many_datums(300))
    cached = small(monkeypatch, path, tmp_path / "cache")
    parts, _ = cached.scan()
    assert cached.scan() == (0, parts)
    opened = plyvel.DB(str(path))
    opened.put(b"zzz", b"no datum")
    opened.close()
    read, _ = cached.scan()
    assert read >= 1
    assert cached.scan()[0] == 0


def stored(folder: Path) -> Path:
    (file,) = folder.glob("*.parts")
    return file


def said(path, folder, **options):
    """What a scan says of its cache, and how many parts it has used."""
    lines = []

    class Notes:
        def start(self, plan):
            pass

        def update(self, records, nbytes):
            pass

        def notify(self, text):
            lines.append(text)

        def fail_output(self, error):
            raise error

    chosen = Options.from_keywords(cache=folder, workers=0, **options)
    with ScanSession(path, chosen, progress=Notes()) as session:
        report = session.report(charts=False)
    assert plain(report) == plain(api.scan(path, thumbnails=False, workers=0, **options))
    return lines, report.cache


DAMAGE = {
    "cut": lambda octets: octets[:-5],
    "empty": lambda _: b"",
    "header": lambda octets: b"x" + octets[1:],
    "middle": lambda octets: bytes(o ^ (i == len(octets) // 2) for i, o in enumerate(octets)),
    "longer": lambda octets: octets + b"x" * 100,
    "length": lambda octets: (
        octets[: len(HEADER) + 32 + 40] + b"\xff" * 8 + octets[len(HEADER) + 32 + 48 :]
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_reported_and_replaced(images, damage):
    parts, _ = images.scan()
    file = stored(images.folder)
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    (line,), use = said(images.path, images.folder)
    assert line.startswith(f"the cache is not used: {file} is damaged (")
    assert use.reused == 0
    assert file.stat().st_size == len(whole)
    assert said(images.path, images.folder)[0] == []
    assert images.scan() == (0, parts)


def test_a_file_of_a_newer_format_is_reported_and_replaced(images):
    images.scan()
    file = stored(images.folder)
    file.write_bytes(file.read_bytes().replace(b"datascan cache 1", b"datascan cache 2", 1))
    (line,), use = said(images.path, images.folder)
    assert line == f"the cache is not used: {file} is of another version of datascan"
    assert use.reused == 0


def test_results_for_other_options_are_mentioned(images):
    images.scan()
    (line,), _ = said(images.path, images.folder, num_classes=9)
    assert line == f"the cache has {cached_parts.WORDS}"
    assert said(images.path, images.folder, num_classes=9)[0] == []


@pytest.mark.parametrize("what", ["link", "folder", "pipe"])
def test_nothing_but_a_file_is_read(images, tmp_path, what):
    images.scan()
    file = stored(images.folder)
    mine = tmp_path / "mine"
    file.rename(mine)
    if what == "link":
        file.symlink_to(mine)
    elif what == "folder":
        file.mkdir()
    else:
        os.mkfifo(file)
    before = mine.read_bytes()
    lines, use = said(images.path, images.folder)
    assert lines[0].startswith(f"the cache is not used: {file} cannot be read (")
    assert len(lines) == (2 if what == "folder" else 1)
    assert use.reused == 0
    assert mine.read_bytes() == before


@pytest.mark.parametrize("place", [".", "class_1", "deeper/cache"])
def test_nothing_is_written_into_the_dataset(images, place):
    folder = images.path / place
    before = sorted(images.path.rglob("*"))
    (line,), use = said(images.path, folder)
    assert line == f"the cache is not used: {folder} is inside of {images.path}"
    assert use is None
    assert sorted(images.path.rglob("*")) == before


def test_a_folder_that_cannot_be_created_costs_the_cache(images, tmp_path):
    (tmp_path / "file").write_text("")
    (first, second), use = said(images.path, tmp_path / "file" / "cache")
    assert first.endswith("cannot be read (Not a directory)")
    assert second.startswith(f"the cache keeps nothing of this scan: cannot write to {tmp_path}")
    assert use.reused == 0


def test_old_parts_are_dropped(images):
    images.scan()
    size = stored(images.folder).stat().st_size
    shutil.rmtree(images.path / "class_0")
    images.scan()
    assert stored(images.folder).stat().st_size < size
    assert [file.name for file in images.folder.iterdir()] == [stored(images.folder).name]


def test_a_cache_and_a_checkpoint_together(images, tmp_path):
    parts, _ = images.scan()
    add(images.path)
    file = tmp_path / "resume"
    read, _ = images.scan(resume=file)
    assert 0 < read < parts
    assert file.stat().st_size > 100


def test_the_date_is_that_of_the_oldest_part(images, monkeypatch):
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 86400 * 10**9)
    images.scan()
    monkeypatch.setattr(time, "time_ns", lambda: now + 5 * 86400 * 10**9)
    add(images.path)
    images.scan()
    report = api.scan(images.path, cache=images.folder, workers=0, thumbnails=False)
    expected = time.strftime("%Y-%m-%d", time.gmtime(now // 10**9 + 86400))
    assert report.cache.since[:10] == expected
    total = report.cache.reused
    assert str(report.cache) == (
        f"{total} of {total} parts were not read again since {expected}: "
        "a cache cannot see a disk that rots"
    )
