"""The laws of readers, for each of them."""

from __future__ import annotations

import h5py
import numpy as np
import plyvel

from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.readers.laws import ReaderLaws


class TestLmdb(ReaderLaws):
    backend, records = "lmdb", 400

    def build(self, path):
        write_lmdb(path, numbered(random_datums(400, (3, 16, 16))))


class TestLevelDb(ReaderLaws):
    backend, records = "leveldb", 400

    def build(self, path):
        store = plyvel.DB(str(path), create_if_missing=True, write_buffer_size=1 << 16)
        for key, value in numbered(random_datums(400, (3, 16, 16))).items():
            store.put(key, value)
        store.close()


class TestHdf5(ReaderLaws):
    backend, records = "hdf5", 400

    def build(self, path):
        random = np.random.default_rng(0)
        with h5py.File(path, "w") as file:
            file["data"] = random.normal(size=(400, 30)).astype(np.float32)
            file["label"] = np.arange(400) % 3


class TestHdf5Chunked(ReaderLaws):
    backend, records = "hdf5", 400

    def build(self, path):
        random = np.random.default_rng(0)
        with h5py.File(path, "w") as file:
            data = random.normal(size=(400, 30)).astype(np.float32)
            file.create_dataset("data", data=data, chunks=(64, 15), compression="gzip")


class TestImages(ReaderLaws):
    backend, records = "images", 40

    def build(self, path):
        write_tree(path, {f"{'ab'[i % 2]}/{i:02}.jpg": photo(i) for i in range(40)})
