"""HDF5 files that refer to other files, or claim to be large."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from tests.fuzz.case import WORD, Place
from tests.fuzz.hostile.common import NAMES, put_special, scan_words

KEYS = ("data", "label")
SECRET_TYPES = ("u1", "<i4", "<i8", "<f8", "S8", "S64")


def outside_file(place: Place) -> str:
    """The name of an HDF5 file outside that holds the secret."""
    path = place.outside / "other.h5"
    with h5py.File(path, "w") as file:
        for kind in SECRET_TYPES:
            size = np.dtype(kind).itemsize
            file[kind.strip("<")] = np.frombuffer(
                (WORD * 64)[: 64 * size][: 512 // size * size], kind
            )
    return place.chance.choice([str(path), os.path.relpath(path, place.work)])


def references(place: Place) -> list[str]:
    """External storage, external links and virtual sources that lead out of the folder."""
    chance = place.chance
    other, kind = outside_file(place), chance.choice(SECRET_TYPES)
    name, rows = kind.strip("<"), 512 // np.dtype(kind).itemsize
    raw = chance.choice(
        [str(place.outside / "key"), "../outside/key", "/proc/self/environ", "/dev/zero"]
    )
    (place.work / "link").symlink_to(place.outside)
    raw = chance.choice([raw, "link/key"])
    with h5py.File(place.work / "f.h5", "w") as file:
        file["own"] = np.arange(rows * 3, dtype="f4").reshape(rows, 3)
        for key in KEYS:
            way = chance.randrange(5)
            if way == 0:
                file.create_dataset(
                    key, (rows,), kind, external=[(raw, 0, rows * np.dtype(kind).itemsize)]
                )
            elif way == 1:
                file[key] = h5py.ExternalLink(chance.choice([other, "link/other.h5"]), name)
            elif way == 2:
                layout = h5py.VirtualLayout((rows,), kind)
                layout[:] = h5py.VirtualSource(
                    chance.choice([other, "link/other.h5"]), name, (rows,)
                )
                file.create_virtual_dataset(key, layout)
            elif way == 3:
                file[key] = h5py.SoftLink(chance.choice([f"/{key}", "/own", "/x/../own", "/"]))
            else:
                file[key] = np.arange(rows, dtype="i8") % 3
    return scan_words(place, chance.choice(["hdf5", "scan"]), "f.h5")


def links_to_each_other(place: Place) -> list[str]:
    """Files and groups whose links form circles."""
    chance = place.chance
    for i in range(4):
        with h5py.File(place.work / f"{i}.h5", "w") as file:
            for j in range(12):
                group = file.create_group(f"g{j}")
                for k in range(12):
                    group[f"h{k}"] = chance.choice([h5py.SoftLink(f"/g{k}"), file["/"]])
                group["x"] = h5py.ExternalLink(
                    f"{chance.randrange(4)}.h5", f"/g{chance.randrange(12)}"
                )
            file["data"] = h5py.ExternalLink(f"{(i + 1) % 4}.h5", "/data")
    return scan_words(place, "hdf5", *(f"{i}.h5" for i in range(4)))


def large(shape: tuple[int, ...], kind: Any, **options: Any) -> Callable[[h5py.File, str], None]:
    def create(file: h5py.File, key: str) -> None:
        file.create_dataset(key, shape, kind, **options)

    return create


def filled(rows: int, width: int, **options: Any) -> Callable[[h5py.File, str], None]:
    """A dataset of which one chunk of zeros is stored, compressed."""

    def create(file: h5py.File, key: str) -> None:
        made = file.create_dataset(key, (rows, width), "u1", **options)
        made[: made.chunks[0], : made.chunks[1]] = 0

    return create


def variable(file: h5py.File, key: str) -> None:
    """Rows of variable length that are all the same bytes in the file."""
    made = file.create_dataset(key, (3000,), h5py.vlen_dtype("f8"))
    made[0] = np.zeros(100_000)
    descriptor = made.id.get_offset()
    file.flush()
    with open(file.filename, "rb+") as raw:
        raw.seek(descriptor)
        first = raw.read(16)
        raw.seek(descriptor)
        raw.write(first * 3000)


def nested(file: h5py.File, key: str) -> None:
    """A type within a type, many times."""
    kind: Any = np.dtype("f4")
    for i in range(30):
        kind = np.dtype([(f"f{i}", kind)])
    file.create_dataset(key, (10,), kind)


def many(file: h5py.File, key: str) -> None:
    """Thousands of datasets."""
    for i in range(3000):
        file.create_dataset(f"{key}{i}" if i else key, (3,), "i4")


LARGE = (
    large((1 << 40,), "f4"),
    large((1 << 62,), "u1", chunks=(1 << 20,)),
    large((1 << 20, 1 << 20), "f8", chunks=(1, 1 << 20)),
    large((1 << 30, 4), "f4", chunks=(1 << 26, 1), compression="gzip"),
    large((10,), "S2000000000", chunks=(1,)),
    large((100,), np.dtype(("f4", (10_000, 10_000))), chunks=(1,)),
    large((1 << 40,), h5py.string_dtype(), chunks=(1 << 16,)),
    large((0, 1 << 40), "f4", maxshape=(None, None), chunks=(1, 1 << 10)),
    large((1 << 20, 0), "f4"),
    filled(4, 1 << 28, chunks=(1, 1 << 28), compression="gzip"),
    filled(1 << 34, 4, chunks=(1 << 24, 4), compression="gzip", shuffle=True),
    variable,
    nested,
    many,
)


def claims(place: Place) -> list[str]:
    """Datasets that are much larger than their file."""
    chance = place.chance
    with h5py.File(place.work / "f.h5", "w") as file:
        for key in KEYS:
            # Not every pair can be written.
            with contextlib.suppress(ValueError, OSError, TypeError):
                chance.choice(LARGE)(file, key)
        for name in chance.sample(NAMES, k=3):
            with contextlib.suppress(ValueError, OSError, UnicodeEncodeError):
                file[name] = np.arange(3)
    return scan_words(place, chance.choice(["hdf5", "scan"]), "f.h5")


def lists(place: Place) -> list[str]:
    """A list of files that are links, pipes, or named often."""
    chance = place.chance
    outside_file(place)
    with h5py.File(place.work / "f.h5", "w") as file:
        file["data"], file["label"] = np.zeros((20, 3)), np.arange(20) % 2
    put_special(place.work / "s.h5", place)
    names = ["f.h5", "s.h5", "/dev/zero", "../outside/lines", "../outside/other.h5", *NAMES[:4]]
    lines = chance.choices(names, k=chance.choice([3, 300])) + ["f.h5"] * chance.choice([1, 1000])
    text = "\n".join(lines) + "\n"
    (place.work / "list.txt").write_bytes(text.encode("utf-8", "surrogateescape"))
    return scan_words(place, "hdf5", "list.txt")


TRICKS = (references, links_to_each_other, claims, lists)
