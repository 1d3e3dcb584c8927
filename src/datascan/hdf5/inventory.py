"""What an HDF5 file holds: every dataset once, and which of them are columns of records."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from datascan.block import Fault
from datascan.hdf5.files import legible
from datascan.hdf5.opening import HDF5_ERRORS, reason
from datascan.hdf5.walking import Walk

MOST_BYTES = 1 << 56
"""A dataset that claims more than this is damaged."""

Content = Literal["numbers", "images", "bytes"]


@dataclass(frozen=True, slots=True)
class Column:
    """A dataset whose first axis counts records.

    ``shape`` and ``dtype`` are those of one record once it is read, in native byte order;
    ``path`` leads to the dataset, without a leading slash; ``name`` is that as text. Records of
    variable length ("images" and "bytes") have no shape, and ``record_bytes`` is then a guess.
    """

    name: str
    path: bytes
    rows: int
    shape: tuple[int, ...]
    dtype: str
    content: Content
    chunk_rows: int
    record_bytes: int


@dataclass
class Inventory:
    """All columns of a file by path, what else it holds, and links that lead nowhere."""

    columns: dict[str, Column] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Paths of all datasets, of whatever type, sorted."""
        return sorted([*self.columns, *self.others])

    def described(self) -> str:
        """What it holds, in words: "ids (strings), meta (compound records)"."""
        words = [f"{name} ({kind})" for name, kind in sorted(self.others.items())]
        words += [f"{name} (numbers)" for name in sorted(self.columns)]
        return listed(words) if words else "no dataset at all"


def listed(words: list[str]) -> str:
    """The first few of ``words``, and how many more there are."""
    more = f" and {len(words) - 10:,} more" if len(words) > 10 else ""
    return ", ".join(words[:10]) + more


def take_inventory(file: Any, shown: str) -> Inventory:
    """Look at every dataset of ``file``."""
    found = Inventory()
    for path, item in Walk(file, shown, found.faults).objects():
        if isinstance(item, h5py.Dataset):
            try:
                add(found, path, item)
            except HDF5_ERRORS as error:
                why = f"{shown}:{legible(path)} cannot be read: {reason(error)}"
                found.faults.append(Fault(None, "damaged-store", why))
    return found


def add(found: Inventory, path: bytes, dataset: Any) -> None:
    """Put a dataset where it belongs."""
    name, kind = legible(path), other_kind(dataset)
    if kind is None:
        found.columns[name] = column_of(path, dataset)
    else:
        found.others[name] = kind


def other_kind(dataset: Any) -> str | None:
    """What a dataset is if it is no column of records; None for columns."""
    if dataset.shape is None:
        return "empty"
    element = dataset.dtype.base
    if is_octets(dataset.dtype):
        one = math.prod(dataset.shape[1:]) == 1
        return None if dataset.shape and one else "variable-length bytes"
    if element.kind not in "biuf":
        return kind_in_words(element)
    return None if dataset.shape else "a single number"


def is_octets(dtype: Any) -> bool:
    """Whether elements are uint8 sequences of variable length."""
    element = h5py.check_vlen_dtype(dtype)
    return isinstance(element, np.dtype) and element == np.uint8


def kind_in_words(dtype: Any) -> str:
    """What elements that are no numbers are."""
    if h5py.check_string_dtype(dtype) is not None or dtype.kind in "SU":
        return "strings"
    if h5py.check_ref_dtype(dtype) is not None:
        return "references"
    if h5py.check_vlen_dtype(dtype) is not None:
        return "variable-length sequences"
    if dtype.names:
        return "compound records"
    return {"c": "complex numbers", "M": "dates", "m": "durations"}.get(dtype.kind, "opaque data")


def column_of(path: bytes, dataset: Any) -> Column:
    """The dataset as a column.

    Raises:
        ValueError: where its size cannot be true.
    """
    rows = int(dataset.shape[0])
    chunk_rows = int(dataset.chunks[0]) if dataset.chunks else 1
    if is_octets(dataset.dtype):
        guess = max(1, Path(dataset.file.filename).stat().st_size // max(1, rows))
        return Column(legible(path), path, rows, (), "uint8", "bytes", chunk_rows, guess)
    dtype = delivered(dataset.dtype.base)
    shape = tuple(map(int, (*dataset.shape[1:], *dataset.dtype.shape)))
    record_bytes = math.prod(shape) * dtype.itemsize
    if rows * max(1, record_bytes) > MOST_BYTES:
        raise ValueError(f"it claims {rows:,} rows of {record_bytes:,} bytes")
    return Column(legible(path), path, rows, shape, dtype.str, "numbers", chunk_rows, record_bytes)


def delivered(dtype: Any) -> np.dtype[Any]:
    """The dtype in which values are handed on: native, bool as uint8, no longer than 8 bytes."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.itemsize > 8:
        return np.dtype(np.float64)
    plain: np.dtype[Any] = np.dtype(dtype.str)
    return plain.newbyteorder("=")
