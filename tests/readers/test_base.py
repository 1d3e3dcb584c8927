"""The reader interface: what a dataset is called in a baseline."""

from pathlib import Path

import numpy as np
import pytest

import datascan
from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options
from datascan.errors import DatasetError, UsageError
from datascan.readers.base import GuardedReader, Reader, open_reader
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.readers.lmdb.reader import LmdbReader
from datascan.testing.reader_laws import untracked
from tests.builders.hdf5 import write_hdf5
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.builders.plain import PlainReader


def identity(**options: object) -> DatasetIdentity:
    return ImageFolderReader((Path("images"),), Options().replace(**options)).identity


def test_a_dataset_is_identified_by_its_path():
    assert identity() == DatasetIdentity((Path("images"),))


def test_a_part_of_a_store_is_identified_by_its_name():
    assert identity(data_key="/train/data").part == "train/data"
    assert identity(db="train").part == "train"


def test_images_in_a_list_are_identified_by_the_list():
    assert identity(list_file=Path("train.txt")).paths == (Path("train.txt"),)


@pytest.fixture
def store(tmp_path):
    return write_lmdb(tmp_path / "store", numbered(random_datums(20)))


def test_the_reader_is_detected_or_named(store):
    for backend in (None, "lmdb"):
        reader = open_reader([store], Options(), backend)
        assert (reader.name, reader.paths, reader.path) == ("lmdb", (store,), store)


def test_what_cannot_be_opened(store, tmp_path):
    with pytest.raises(UsageError, match="no path was given"):
        open_reader([], Options(), None)
    with pytest.raises(DatasetError, match=r"no such path: .*absent"):
        open_reader([store, tmp_path / "absent"], Options(), None)
    with pytest.raises(UsageError, match="no such backend: zip; there are hdf5, images, "):
        open_reader([store], Options(), "zip")
    with pytest.raises(UsageError, match="datascan lmdb scans one path at a time, not 2"):
        open_reader([store, store], Options(), None)
    (tmp_path / "text").write_text("no dataset")
    with pytest.raises(DatasetError, match="text is not a dataset that datascan can read"):
        open_reader([tmp_path / "text"], Options(), None)


def test_a_link_to_nothing_exists(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(DatasetError, match="is not a dataset"):
        open_reader([tmp_path / "link"], Options(), None)


def test_several_paths_of_one_dataset(tmp_path):
    paths = [write_hdf5(tmp_path / f"{i}.h5", data=np.ones((3, 2))) for i in range(2)]
    assert open_reader(paths, Options(), None).paths == tuple(paths)


def test_defaults_of_readers():
    reader = PlainReader(np.zeros((30, 2)), np.zeros(30), rows=20)
    shards = reader.plan().shards
    assert [reader.describe_start(shard) for shard in shards] == ["part 1", "part 2"]
    assert Reader.count_rows(reader, shards[0].slice(5, 7), untracked) == 20
    assert list(reader.find_missing(3)) == []


def test_a_guard_is_never_detected(store):
    assert LmdbReader.accepts(store)
    assert not GuardedReader.accepts(store)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


@pytest.mark.parametrize("backend", [None, "hdf5"])
def test_a_file_that_is_a_pointer(tmp_path, backend):
    (tmp_path / "a.h5").write_bytes(POINTER)
    with pytest.raises(DatasetError, match=r"a\.h5 is a Git LFS pointer: the data is not here"):
        open_reader([tmp_path / "a.h5"], Options(), backend)


@pytest.mark.parametrize(("backend", "name"), [("lmdb", "data.mdb"), ("leveldb", "CURRENT")])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_store_whose_files_are_pointers(tmp_path, backend, name, is_named):
    (tmp_path / name).write_bytes(POINTER)
    why = rf"{name} is a Git LFS pointer: the data is not here \(git lfs pull\)"
    with pytest.raises(DatasetError, match=why):
        open_reader([tmp_path], Options(), backend if is_named else None)


def test_one_of_several_files_that_is_a_pointer(tmp_path):
    write_hdf5(tmp_path / "a.h5", data=np.random.default_rng(0).random((20, 3)))
    (tmp_path / "b.h5").write_bytes(POINTER)
    report = datascan.scan([tmp_path / "a.h5", tmp_path / "b.h5"], workers=0)
    (found,) = (one for one in report.findings if one.severity == "error")
    assert "b.h5 is a Git LFS pointer: the data is not here (git lfs pull)" in found.message


def test_a_pointer_of_dvc(tmp_path):
    (tmp_path / "train.lmdb.dvc").write_text("outs:\n- path: train.lmdb\n")
    with pytest.raises(DatasetError, match=r"train\.lmdb\.dvc is a pointer of DVC: .*\(dvc pull\)"):
        datascan.scan(tmp_path / "train.lmdb.dvc")
    with pytest.raises(DatasetError, match=r"has train\.lmdb\.dvc, but not its data \(dvc pull\)"):
        datascan.scan(tmp_path)
    (tmp_path / "train.lmdb").mkdir()
    with pytest.raises(DatasetError, match=r"is a pointer of DVC, its data is .*train\.lmdb$"):
        datascan.scan(tmp_path / "train.lmdb.dvc")
    with pytest.raises(DatasetError, match="is not a dataset that datascan can read"):
        datascan.scan(tmp_path)


def test_pointers_say_that_the_data_is_not_here(tmp_path):
    pointer = POINTER
    (tmp_path / "a.h5").write_bytes(pointer)
    with pytest.raises(DatasetError, match=r"a\.h5 is a Git LFS pointer: the data is not here"):
        datascan.scan(tmp_path / "a.h5")
    (tmp_path / "train.dvc").write_text("outs:\n- path: train\n")
    with pytest.raises(DatasetError, match=r"no such path: .*train; train\.dvc is there"):
        datascan.scan(tmp_path / "train")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").write_bytes(pointer)
    report = datascan.scan(tmp_path / "images", workers=0)
    (found,) = (one for one in report.findings if one.rule == "not-an-image")
    assert found.examples[0].detail.startswith("a Git LFS pointer: the image is not here")
