"""Healthy datasets of each kind, damage at random, and what may come of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.leveldb import open_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.fuzz.judge import Outcome

STORE_RULES = {
    "truncated-store",
    "damaged-store",
    "reader-crash",
    "key-gap",
    "record-count-mismatch",
    "missing-file",
    "empty-dataset",
    "never-written",
    "not-inspected",
}
"""Rules that report unreachable records."""


def build_lmdb(path: Path) -> None:
    write_lmdb(path, numbered(random_datums(200, (3, 16, 16))), map_size=1 << 24)


def build_lmdb_small(path: Path) -> None:
    pairs = list(numbered(random_datums(1500)).items())
    for first in range(0, len(pairs), 300):
        write_lmdb(path, pairs[first : first + 300], map_size=1 << 24)


def build_leveldb(path: Path) -> None:
    store = open_leveldb(path, create_if_missing=True, write_buffer_size=1 << 17)
    for key, value in numbered(random_datums(400, (3, 16, 16))).items():
        store.put(key, value)
    store.close()


def build_leveldb_log(path: Path) -> None:
    store = open_leveldb(path, create_if_missing=True)
    for key, value in numbered(random_datums(200, (3, 16, 16))).items():
        store.put(key, value)
    store.close()


def build_hdf5(path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(400, 40)).astype(np.float32)
    with h5py.File(path, "w") as file:
        packing = {"chunks": (50, 40), "compression": "gzip", "fletcher32": True}
        file.create_dataset("data", data=values, **packing)
        file["label"] = np.arange(400) % 4


def build_hdf5_gzip(path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (400, 60), np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(32, 60), compression="gzip")
        file["label"] = np.arange(400) % 4


HDF5_KINDS: dict[str, dict[str, Any]] = {
    "btree": {"chunks": (20, 8)},
    "btree2": {"chunks": (20, 8), "maxshape": (None, None), "libver": "latest"},
    "fixed-array": {"chunks": (20, 8), "libver": "latest", "compression": "gzip"},
    "extensible-array": {"chunks": (20, 8), "maxshape": (None, 40), "libver": "latest"},
    "extensible-array-2": {"chunks": (20, 8), "maxshape": (400, None), "libver": "latest"},
    "implicit": {"chunks": (20, 8), "libver": "latest", "alloc": h5py.h5d.ALLOC_TIME_EARLY},
    "single-chunk": {"chunks": (200, 24), "libver": "latest", "compression": "gzip"},
    "compact": {"layout": h5py.h5d.COMPACT},
    "contiguous": {},
    "lzf": {"chunks": (20, 24), "compression": "lzf"},
    "shuffle": {"chunks": (20, 24), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "scaleoffset": {"chunks": (20, 24), "scaleoffset": 0, "dtype": "i4"},
    "szip": {"chunks": (20, 24), "compression": "szip"},
}
"""How a dataset is stored: each kind of chunk index, each layout, and filters."""


def build_hdf5_kind(path: Path, kind: str) -> None:
    """A file of one kind of storage, with labels and a field of variable length."""
    options = dict(HDF5_KINDS[kind])
    values = np.random.default_rng(0).integers(0, 9, (200, 24)).astype(options.pop("dtype", "f4"))
    layout, alloc = options.pop("layout", None), options.pop("alloc", None)
    with h5py.File(path, "w", libver=options.pop("libver", "earliest")) as file:
        if layout is None and alloc is None:
            file.create_dataset("data", data=values, **options)
        else:
            plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            if alloc is None:
                plist.set_layout(layout)
            else:
                plist.set_chunk(options["chunks"])
                plist.set_alloc_time(alloc)
            kind_of_values = h5py.h5t.py_create(values.dtype)
            space = h5py.h5s.create_simple(values.shape)
            created = h5py.h5d.create(file.id, b"data", kind_of_values, space, plist)
            created.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
        file["label"] = np.arange(200) % 4


def build_hdf5_vlen(path: Path) -> None:
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (30,), h5py.vlen_dtype(np.uint8))
        for i in range(30):
            images[i] = np.frombuffer(photo(i), np.uint8)
        file["label"] = np.arange(30) % 4
        file["names"] = [f"name {i}" for i in range(30)]


def build_hdf5_groups(path: Path) -> None:
    with h5py.File(path, "w", libver="latest") as file:
        for i in range(12):
            group = file.create_group(f"data/demo_{i}")
            group["actions"] = np.random.default_rng(i).normal(size=(20, 3))
            group.attrs["num_samples"] = 20
        file["again"] = h5py.SoftLink("/data/demo_3")


def build_images(path: Path) -> None:
    files = {f"{'ab'[i % 2]}/{i:02}.jpg": photo(i) for i in range(24)}
    files |= {f"c/{i}.png": encode(pixels(i), "PNG") for i in range(6)}
    files |= {"c/8.gif": encode(pixels(8), "GIF"), "c/9.webp": encode(pixels(9), "WEBP")}
    files |= {"c/10.tif": encode(pixels(7), "TIFF", compression="tiff_lzw")}
    write_tree(path, files)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "lmdb": build_lmdb,
    "lmdb-small": build_lmdb_small,
    "leveldb": build_leveldb,
    "leveldb-log": build_leveldb_log,
    "hdf5-fletcher": build_hdf5,
    "hdf5-gzip": build_hdf5_gzip,
    "hdf5-vlen": build_hdf5_vlen,
    "hdf5-groups": build_hdf5_groups,
    **{f"hdf5-{kind}": partial(build_hdf5_kind, kind=kind) for kind in HDF5_KINDS},
    "images": build_images,
}


def damage(content: bytes, chance: random.Random) -> bytes:  # noqa: PLR0911  (one a kind)
    """The content after random damage."""
    if not content:
        return chance.randbytes(chance.randrange(1, 100))
    at = chance.randrange(len(content))
    length = min(chance.choice([1, 4, 64, 512, 4096, 20_000]), len(content) - at)
    kind = chance.randrange(8)
    if kind == 0:
        flipped = bytes(octet ^ chance.randrange(1, 256) for octet in content[at : at + 64])
        return content[:at] + flipped + content[at + len(flipped) :]
    if kind == 1:
        return content[:at] + bytes(length) + content[at + length :]
    if kind == 2:
        return content[:at] + chance.randbytes(length) + content[at + length :]
    if kind == 3:
        return content[:at]
    if kind > 5:
        return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
    if kind == 4:
        return content[:at] + content[at + length :]
    other = chance.randrange(len(content))
    swapped = bytearray(content)
    swapped[at : at + length] = content[other : other + length].ljust(length, b"\0")
    return bytes(swapped)


def damage_some(path: Path, chance: random.Random) -> set[str]:
    """Damage one to three files of a dataset; returns their names."""
    files = sorted(p for p in [path, *path.rglob("*")] if p.is_file())
    touched = set()
    for _ in range(chance.choice([1, 1, 2, 3])):
        file = chance.choice(files)
        touched.add(file.relative_to(path).as_posix() if file != path else path.name)
        if path.is_dir() and chance.randrange(12) == 0:
            file.unlink(missing_ok=True)
        elif file.exists():
            file.write_bytes(damage(file.read_bytes(), chance))
    return touched


def find_failures(
    outcome: Outcome, records: int, touched: set[str], *, exact: bool
) -> Iterator[str]:
    """What is wrong with the report; ``exact`` if each of the ``records`` is a separate file."""
    if outcome.errors and (outcome.status != 2 or len(outcome.errors.splitlines()) != 1):
        yield f"standard error: {outcome.errors!r}"
    if outcome.report is None:
        return
    report = outcome.report
    lost = records - report["dataset"]["records"]
    rules = {finding["rule"] for finding in report["findings"]}
    newest_log_gone = (
        any(name.endswith(".log") for name in touched) and "leveldb" in report["dataset"]["backend"]
    )
    if lost > 0 and newest_log_gone and not rules & STORE_RULES:
        # A log that was deleted, or cut at the end of a record, leaves no trace.
        return
    if lost > 0 and not exact and not (rules & STORE_RULES and outcome.status == 1):
        yield f"{lost} records lost without a finding"
    if not report["complete"]:
        yield "incomplete"
    for line in outcome.bad if exact else ():
        if line["rule"] in {"corrupt-image", "not-an-image"} and line["key"] not in touched:
            yield f"undamaged, but reported: {line}"
