"""What an HDF5 file holds: every dataset once, and which of them are columns of records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from datascan.readers.hdf5.files import legible
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.traversal import ObjectTraversal
from datascan.records.block import Fault

MAX_BYTES = 1 << 56
"""A dataset that claims more than this is damaged."""

EMPTY = "no values at all"
SINGLE_VALUE = "a single value"
SINGLE_NUMBER = "a single number"
SINGLE = (SINGLE_VALUE, SINGLE_NUMBER)
"""What holds one value is no records: it tells of the file."""

STRINGS, REFERENCES, DATES, DURATIONS = "strings", "references", "dates", "durations"
BESIDES = (*SINGLE, STRINGS, REFERENCES, DATES, DURATIONS)
"""What names and dates records more often than it is records."""

Content = Literal["numbers", "images", "bytes", "text"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows ``first`` <= row < ``stop`` of a dataset that cannot be read, and why."""

    first: int
    stop: int
    why: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A dataset whose first axis counts records.

    ``shape`` and ``dtype`` are those of one record once it is read, in native byte order, complex
    numbers as pairs of floats;
    ``path`` leads to the dataset, without a leading slash; ``name`` is that as text. Records of
    variable length ("images" and "bytes") have no shape, and ``record_bytes`` is then a guess.
    ``holes`` are rows of which a chunk is missing, and ``written`` is the row behind the last
    chunk; both are known once the index was looked at.
    """

    name: str
    path: bytes
    rows: int
    shape: tuple[int, ...]
    dtype: str
    content: Content
    chunk_rows: int
    record_bytes: int
    holes: tuple[Gap, ...] = ()
    written: int = 0


@dataclass
class Inventory:
    """All columns of a file by path, what else it holds, and what in it cannot be reached.

    ``others`` are datasets of types that are not read, with those types in words; those that could
    be labels in words are in ``texts`` too. ``lost`` are
    paths of links that lead nowhere and of damaged objects, each of which has a fault.
    """

    columns: dict[str, DatasetInfo] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    texts: dict[str, DatasetInfo] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Paths of all datasets, of whatever type, sorted."""
        return sorted([*self.columns, *self.others])

    def described(self) -> str:
        """What it holds, in words: "ids (strings), meta (compound records)"."""
        words = [f"{name} ({kind})" for name, kind in sorted(self.others.items())]
        words += [f"{name} (numbers)" for name in sorted(self.columns)]
        return join_first(words) if words else "no dataset at all"


def join_first(words: list[str]) -> str:
    """The first few of ``words``, and how many more there are."""
    more = f" and {len(words) - 10:,} more" if len(words) > 10 else ""
    return ", ".join(words[:10]) + more


def take_inventory(file: Any, shown: str) -> Inventory:
    """Look at every dataset of ``file``."""
    found = Inventory()
    walk = ObjectTraversal(file, shown, found.faults)
    for path, item in walk.objects():
        if isinstance(item, h5py.Dataset):
            try:
                add(found, path, item)
            except HDF5_ERRORS as error:
                found.lost.add(legible(path))
                why = f"{shown}:{legible(path)} cannot be read: {reason(error)}"
                found.faults.append(Fault(None, "damaged-store", why))
    found.lost.update(map(legible, walk.lost))
    return found


def add(found: Inventory, path: bytes, dataset: Any) -> None:
    """Put a dataset where it belongs."""
    name, kind = legible(path), other_kind(dataset)
    if kind is None:
        found.columns[name] = column_of(path, dataset)
    else:
        found.others[name] = kind
        if kind == STRINGS and math.prod(dataset.shape[1:]) == 1:
            rows, chunk_rows = int(dataset.shape[0]), dataset.chunks[0] if dataset.chunks else 1
            size = int(dataset.id.get_type().get_size())
            found.texts[name] = DatasetInfo(name, path, rows, (), "int64", "text", chunk_rows, size)


def other_kind(dataset: Any) -> str | None:
    """What a dataset is if it is no column of records; None for columns."""
    if dataset.shape is None:
        return EMPTY
    element = dataset.dtype.base
    if is_octets(dataset.dtype):
        one = math.prod(dataset.shape[1:]) == 1
        return None if dataset.shape and one else "variable-length bytes"
    if element.kind not in "biufc":
        return kind_in_words(element) if dataset.shape else SINGLE_VALUE
    return None if dataset.shape else SINGLE_NUMBER


def is_octets(dtype: Any) -> bool:
    """Whether elements are uint8 sequences of variable length."""
    element = h5py.check_vlen_dtype(dtype)
    return isinstance(element, np.dtype) and element == np.uint8


def kind_in_words(dtype: Any) -> str:
    """What elements that are no numbers are."""
    if h5py.check_string_dtype(dtype) is not None or dtype.kind in "SU":
        return STRINGS
    if h5py.check_ref_dtype(dtype) is not None:
        return REFERENCES
    if h5py.check_vlen_dtype(dtype) is not None:
        return "variable-length sequences"
    if dtype.names:
        return "compound records"
    return {"M": DATES, "m": DURATIONS}.get(dtype.kind, "opaque data")


def column_of(path: bytes, dataset: Any) -> DatasetInfo:
    """The dataset as a column.

    Raises:
        ValueError: where its size cannot be true.
    """
    rows = int(dataset.shape[0])
    chunk_rows = int(dataset.chunks[0]) if dataset.chunks else 1
    if is_octets(dataset.dtype):
        guess = max(1, Path(dataset.file.filename).stat().st_size // max(1, rows))
        return DatasetInfo(legible(path), path, rows, (), "uint8", "bytes", chunk_rows, guess)
    stored = dataset.dtype.base
    dtype = read_dtype(in_components(stored))
    pair = (2,) if stored.kind == "c" else ()
    shape = tuple(map(int, (*dataset.shape[1:], *dataset.dtype.shape, *pair)))
    record_bytes = math.prod(shape) * dtype.itemsize
    if rows * max(1, record_bytes) > MAX_BYTES:
        raise ValueError(f"it claims {rows:,} rows of {record_bytes:,} bytes")
    return DatasetInfo(
        legible(path), path, rows, shape, dtype.str, "numbers", chunk_rows, record_bytes
    )


def in_components(dtype: Any) -> np.dtype[Any]:
    """The dtype of the real and the imaginary part of complex elements; of others, their own."""
    own: np.dtype[Any] = dtype
    return np.dtype(f"{dtype.str[0]}f{dtype.itemsize // 2}") if dtype.kind == "c" else own


def read_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype in which values are handed on: native, bool as uint8, no longer than 8 bytes."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.itemsize > 8:
        return np.dtype(np.float64)
    plain: np.dtype[Any] = np.dtype(dtype.str)
    return plain.newbyteorder("=")
