"""Healthy HDF5 files with every layout, chunk index, filter, growth and version of the format."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

VERSIONS = [
    ("earliest", "earliest"),
    ("earliest", "latest"),
    ("v110", "v110"),
    ("latest", "latest"),
]
FILTERS: dict[str, dict[str, Any]] = {
    "none": {},
    "gzip": {"compression": "gzip"},
    "shuffle": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf": {"compression": "lzf"},
    "szip": {"compression": "szip"},
    "scaleoffset": {"scaleoffset": 0},
    "zstd": dict(hdf5plugin.Zstd()),
}
SHAPES = [((40, 6), (8, 3)), ((37, 5, 4), (5, 2, 3)), ((30,), (30,)), ((9,), (4,))]
GROWTH = (0, None, 3)
"""An axis is fixed, unlimited, or may grow to three times its length."""


def values_of(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Values without zeros, so that none looks like a fill value."""
    return 1 + np.random.default_rng(0).integers(0, 100, shape).astype("i4")


def write(path: Path, **options: Any) -> None:
    """A file with data and labels."""
    versions = options.pop("libver")
    values = options.pop("values")
    with h5py.File(path, "w", libver=versions) as file:
        file.create_dataset("data", data=values, **options)
        file["label"] = np.arange(len(values)) % 3


def grown(shape: tuple[int, ...], growth: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """The shape to which a dataset may grow."""
    return tuple(
        how if how is None else n * max(1, how) for n, how in zip(shape, growth, strict=True)
    )


def write_all(folder: Path) -> Iterator[Path]:
    """Write the files to ``folder``."""
    number = 0
    for versions, (name, packing), (shape, chunks) in itertools.product(
        VERSIONS, FILTERS.items(), SHAPES
    ):
        for growth in itertools.product(GROWTH, repeat=len(shape)):
            path = folder / f"{number:05}-{'-'.join(versions)}-{name}.h5"
            number += 1
            try:
                write(
                    path,
                    libver=versions,
                    values=values_of(shape),
                    chunks=chunks,
                    maxshape=grown(shape, growth),
                    **packing,
                )
            except ValueError:  # szip needs chunks of a certain size
                path.unlink(missing_ok=True)
                continue
            yield path
