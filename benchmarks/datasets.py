"""The datasets of the benchmarks: built once, kept in a folder, and equal on all machines."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import h5py
import lmdb
import numpy as np
from PIL import Image

SEED = 2025


@dataclass(frozen=True)
class Case:
    """A dataset, the function that builds it, and what reads it.

    ``plain`` names a function of ``benchmarks.plain``, ``command`` a command of datascan, which
    also gets ``arguments``.
    """

    name: str
    records: int
    build: Callable[[Path, int], None]
    command: str
    plain: str
    arguments: tuple[str, ...] = ()

    def path(self, home: Path, scale: float) -> Path:
        """The path of the dataset, which is built if it does not exist yet."""
        count = max(1000, int(self.records * scale))
        path = home / f"{self.name}-{count}"
        if not path.exists():
            unfinished = home / f"{self.name}.unfinished"
            if unfinished.is_dir():
                shutil.rmtree(unfinished)
            unfinished.unlink(missing_ok=True)
            self.build(unfinished, count)
            unfinished.rename(path)
        return path


def uint8_datums(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Distinct Datums of 3x32x32, as convert_imageset writes them."""
    random = np.random.default_rng(SEED)
    noise = random.integers(0, 256, 1 << 21, np.uint8).tobytes()
    starts = random.integers(0, (1 << 21) - 3072, count).tolist()
    for i, start in enumerate(starts):
        pixels = i.to_bytes(8, "little") + noise[start + 8 : start + 3072]
        value = b"\x08\x03\x10\x20\x18\x20\x22\x80\x18" + pixels + bytes([0x28, i * 7919 % 10])
        yield b"%08d" % i, value + b"\x38\x00"


def float_datums(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Datums of 1024x1x1 with unpacked float_data, as extract_features writes them."""
    random = np.random.default_rng(SEED)
    head = b"\x08\x80\x08\x10\x01\x18\x01\x28"
    octets = np.empty((1024, 5), np.uint8)
    octets[:, 0] = 0x35
    for i in range(count):
        octets[:, 1:] = random.standard_normal(1024, np.float32).view(np.uint8).reshape(-1, 4)
        yield b"%010d" % i, head + bytes([i % 10]) + octets.tobytes()


def mixed_datums(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Datums that share little: four shapes, bytes and floats, odd orders and unknown fields."""
    random = np.random.default_rng(SEED)
    noise = random.integers(0, 256, 1 << 21, np.uint8).tobytes()
    floats = random.standard_normal(1 << 16, np.float32)
    octets = np.empty((1 << 16, 5), np.uint8)
    octets[:, 0], octets[:, 1:] = 0x35, floats.view(np.uint8).reshape(-1, 4)
    for i, kind in enumerate(random.integers(0, 4, count).tolist()):
        start, label = int(i * 2654435761 % (1 << 15)), bytes([0x28, i * 7919 % 10])
        if kind == 0:
            pixels = i.to_bytes(8, "little") + noise[start : start + 3064]
            value = b"\x08\x03\x10\x20\x18\x20\x22\x80\x18" + pixels + label
        elif kind == 1:  # the label first, and a field that Caffe does not know
            pixels = i.to_bytes(8, "little") + noise[start : start + 776]
            value = label + b"\x08\x01\x10\x1c\x18\x1c\x78\x07\x22\x90\x06" + pixels
        elif kind == 2:  # of many lengths
            width = 100 + i % 100
            head = b"\x08" + bytes([width & 0x7F | 0x80, width >> 7] if width > 127 else [width])
            value = head + b"\x10\x01\x18\x01" + octets[start : start + width].tobytes() + label
        else:  # a grey image that is as wide as no other
            width = 20 + i % 40
            pixels = i.to_bytes(8, "little") + noise[start : start + 10 * width - 8]
            length = bytes([10 * width & 0x7F | 0x80, 10 * width >> 7])
            value = bytes([8, 1, 0x10, 10, 0x18, width, 0x22]) + length + pixels + label
        yield b"%08d" % i, value


NAMED = 1000
"""Databases in one file."""


def build_named(path: Path, count: int) -> None:
    """An LMDB of 1,000 named databases, which share the records."""
    with lmdb.open(str(path), map_size=1 << 40, max_dbs=NAMED) as store:
        datums = uint8_datums(count)
        for number in range(NAMED):
            database = store.open_db(b"db%04d" % number)
            with store.begin(write=True, db=database) as transaction:
                for key, value in islice(datums, count // NAMED):
                    transaction.put(key, value, append=True)


def build_narrow(path: Path, count: int) -> None:
    """An HDF5 file of rows of four floats."""
    random = np.random.default_rng(SEED)
    with h5py.File(path, "w") as file:
        file["data"] = random.standard_normal((count, 4), np.float32)
        file["label"] = (np.arange(count) * 7919 % 10).astype(np.float32)


def build_lmdb(
    entries: Callable[[int], Iterator[tuple[bytes, bytes]]],
) -> Callable[[Path, int], None]:
    """A function that writes ``entries`` into an LMDB."""

    def build(path: Path, count: int) -> None:
        with (
            lmdb.open(str(path), map_size=1 << 40) as store,
            store.begin(write=True) as transaction,
        ):
            for key, value in entries(count):
                transaction.put(key, value, append=True)

    return build


def build_leveldb(path: Path, count: int) -> None:
    """A LevelDB of uint8 Datums."""
    import plyvel  # not on every system

    store = plyvel.DB(str(path), create_if_missing=True)
    for key, value in uint8_datums(count):
        store.put(key, value)
    store.compact_range()
    store.close()


def build_contiguous(path: Path, count: int) -> None:
    """An HDF5 file with contiguous float32 rows of 1,024 values."""
    random = np.random.default_rng(SEED)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", (count, 1024), np.float32)
        for first in range(0, count, 4096):
            rows = min(4096, count - first)
            data[first : first + rows] = random.standard_normal((rows, 1024), np.float32)
        file["label"] = (np.arange(count) * 7919 % 10).astype(np.float32)


def build_gzip(path: Path, count: int) -> None:
    """An HDF5 file with float32 rows of 1,024 values in gzip-1 chunks of 64 rows."""
    random = np.random.default_rng(SEED)
    with h5py.File(path, "w") as file:
        shape = (count, 1024)
        packing = {"chunks": (64, 1024), "compression": "gzip", "compression_opts": 1}
        data = file.create_dataset("data", shape, np.float32, **packing)
        for first in range(0, count, 4096):
            rows = min(4096, count - first)
            data[first : first + rows] = random.integers(0, 1000, (rows, 1024)) / np.float32(8)
        file["label"] = (np.arange(count) * 7919 % 10).astype(np.int64)


def build_jpegs(path: Path, count: int) -> None:
    """A flat folder of JPEGs of 500x375, quality 88: smooth shapes with a little noise."""
    random = np.random.default_rng(SEED)
    path.mkdir()
    for i in range(count):
        small = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8))
        soft = np.asarray(small.resize((500, 375), Image.Resampling.BICUBIC), np.int16)
        noise = random.integers(-12, 13, (375, 500, 1), np.int16)
        picture = Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=88)
        (path / f"{i:06}.jpg").write_bytes(stream.getvalue())


CASES = (
    Case("lmdb-uint8", 600_000, build_lmdb(uint8_datums), "lmdb", "lmdb_datums"),
    Case("lmdb-float", 200_000, build_lmdb(float_datums), "lmdb", "lmdb_datums"),
    Case("leveldb-uint8", 400_000, build_leveldb, "leveldb", "leveldb_datums"),
    Case("hdf5-contiguous", 1_200_000, build_contiguous, "hdf5", "hdf5_rows"),
    Case("hdf5-gzip", 150_000, build_gzip, "hdf5", "hdf5_rows"),
    Case("hdf5-narrow", 10_000_000, build_narrow, "hdf5", "hdf5_rows"),
    Case("lmdb-mixed", 400_000, build_lmdb(mixed_datums), "lmdb", "lmdb_datums"),
    Case("lmdb-named", 400_000, build_named, "lmdb", "lmdb_named", ("--db", "db0500")),
    Case("jpeg", 6_000, build_jpegs, "images", "image_files"),
)
