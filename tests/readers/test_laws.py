"""Every built-in reader obeys the laws."""

from __future__ import annotations

import h5py
import numpy as np

from datascan.readers.hdf5.reader import Hdf5Reader
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.readers.leveldb.reader import LevelDbReader
from datascan.readers.lmdb.reader import LmdbReader
from datascan.testing.reader_laws import ReaderLaws
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb


class TestLmdb(ReaderLaws):
    reader, records = LmdbReader, 400

    def build(self, path):
        write_lmdb(path, numbered(random_datums(400, (3, 16, 16))))


class TestLevelDb(ReaderLaws):
    reader, records = LevelDbReader, 400
    header_sizes = (1, 3, 7, 8, 15, 16, 17)  # an empty log is a log that was just started

    def build(self, path):
        entries = list(numbered(random_datums(400, (3, 16, 16))).items())
        sessions = [dict(entries[first : first + 70]) for first in range(0, 400, 70)]
        write_leveldb(path, *sessions, in_tables=False)


class TestHdf5(ReaderLaws):
    reader, records = Hdf5Reader, 400

    def build(self, path):
        random = np.random.default_rng(0)
        with h5py.File(path, "w") as file:
            file["data"] = random.normal(size=(400, 30)).astype(np.float32)
            file["label"] = np.arange(400) % 3


class TestHdf5Chunked(ReaderLaws):
    reader, records = Hdf5Reader, 400

    def build(self, path):
        random = np.random.default_rng(0)
        with h5py.File(path, "w") as file:
            data = random.normal(size=(400, 30)).astype(np.float32)
            file.create_dataset("data", data=data, chunks=(64, 15), compression="gzip")


class TestImages(ReaderLaws):
    reader, records = ImageFolderReader, 40

    def build(self, path):
        write_tree(path, {f"{'ab'[i % 2]}/{i:02}.jpg": photo(i) for i in range(40)})
