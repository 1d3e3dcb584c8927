"""What an HDF5 file holds: every dataset once, and which of them are columns of records."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import hdf5plugin  # registers the compression filters that HDF5 itself does not bring
import numpy as np

from datascan.hdf5.files import legible
from datascan.model import Fault

HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""What h5py raises for damaged files."""

TRUNCATED = re.compile(r"truncated file: eof = \d+, sblock->base_addr = (\d+), stored_eof = (\d+)")
FILTERS_BESIDE_HDF5 = frozenset(hdf5plugin.FILTERS.values())

MOST_BYTES = 1 << 56
"""A dataset that claims more than this is damaged."""

Content = Literal["numbers", "images", "bytes"]


@dataclass(frozen=True, slots=True)
class Column:
    """A dataset whose first axis counts records.

    ``shape`` and ``dtype`` are those of one record once it is read, in native byte order;
    ``name`` is the dataset's path without the leading slash. Records of variable length ("images"
    and "bytes") have no shape, and ``record_bytes`` is then a guess.
    """

    name: str
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


def open_file(path: Path) -> Any:
    """The file, opened read-only and without a lock.

    Raises:
        OSError: and others of ``HDF5_ERRORS``, where it is damaged.
    """
    return h5py.File(path, "r", locking=False)


def fault_of_opening(path: Path, shown: str, error: Exception) -> Fault:
    """Why a file cannot be opened."""
    truncated = TRUNCATED.search(str(error))
    if truncated:
        size, wanted = path.stat().st_size, int(truncated[1]) + int(truncated[2])
        # For files without a user block, the stored end counts from the file's beginning.
        wanted = max(int(truncated[2]), wanted if wanted > size else 0)
        return Fault(
            None,
            "truncated-store",
            f"{shown} has {size:,} bytes, but by its own bookkeeping it has {wanted:,}",
        )
    if "already open for write" in str(error):
        why = "it was not closed by the program that wrote it, or is still being written"
        return Fault(None, "damaged-store", f"{shown} cannot be opened: {why} (h5clear -s helps)")
    return Fault(None, "damaged-store", f"{shown} cannot be opened: {reason(error)}")


def reason(error: Exception) -> str:
    """The heart of an error of the HDF5 library: "inflate() failed"."""
    text = str(error)
    inner = re.search(r"\((.*)\)\W*$", text, re.DOTALL)
    return " ".join((inner[1] if inner else text).split()) or type(error).__name__


def take_inventory(file: Any, shown: str) -> Inventory:
    """Look at every dataset of ``file``, each object once, hard links before others."""
    found = Inventory()
    for name, item in objects(file, shown, found.faults):
        if isinstance(item, h5py.Dataset):
            try:
                add(found, legible(name), item)
            except HDF5_ERRORS as error:
                why = f"{shown}:{legible(name)} cannot be read: {reason(error)}"
                found.faults.append(Fault(None, "damaged-store", why))
    return found


def objects(file: Any, shown: str, faults: list[Fault]) -> Iterator[tuple[str, Any]]:
    """All objects with their paths: depth first by hard links, then what other links lead to."""
    seen: set[tuple[bytes, int]] = {identity(file)}
    links: list[str] = []
    stack: list[tuple[str, Any]] = [("", file)]
    while stack or links:
        path, item = stack.pop() if stack else (links[0], None)
        if item is None:
            item = followed(file, links.pop(0), shown, faults)
            if item is None or identity(item) in seen:
                continue
            seen.add(identity(item))
        yield path, item
        if isinstance(item, h5py.Group):
            stack += reversed(list(members(path, item, seen, links, shown, faults)))


def members(
    path: str,
    group: Any,
    seen: set[tuple[bytes, int]],
    links: list[str],
    shown: str,
    faults: list[Fault],
) -> Iterator[tuple[str, Any]]:
    """What a group holds by hard links and was not seen yet; its other links go to ``links``."""
    try:
        names = sorted(group)
    except HDF5_ERRORS as error:
        why = f"{shown}: group /{legible(path)} cannot be read: {reason(error)}"
        faults.append(Fault(None, "damaged-store", why))
        return
    for name in names:
        inner = f"{path}/{name}" if path else name
        try:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                links.append(inner)
                continue
            item = group[name]
            key = identity(item)
        except HDF5_ERRORS as error:
            why = f"{shown}:{legible(inner)} cannot be read: {reason(error)}"
            faults.append(Fault(None, "damaged-store", why))
            continue
        if key not in seen:
            seen.add(key)
            yield inner, item


def followed(file: Any, name: str, shown: str, faults: list[Fault]) -> Any:
    """What a soft or external link leads to; None, and a fault, if it leads nowhere."""
    try:
        return file[name]
    except HDF5_ERRORS:
        link = file.get(name, getlink=True)
        other = getattr(link, "filename", "")
        to = f"{legible(other)}:{legible(link.path)}" if other else legible(link.path)
        why = f"{shown}:{legible(name)} is a link to {to}, which does not exist or cannot be opened"
        faults.append(Fault(None, "missing-file", why))
        return None


def identity(item: Any) -> tuple[bytes, int]:
    """The same for two names of one object: its file, and its address there."""
    return h5py.h5f.get_name(item.id), h5py.h5o.get_info(item.id).addr


def add(found: Inventory, name: str, dataset: Any) -> None:
    """Put a dataset where it belongs."""
    kind = other_kind(dataset)
    if kind is None:
        found.columns[name] = column_of(name, dataset)
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


def column_of(name: str, dataset: Any) -> Column:
    """The dataset as a column.

    Raises:
        ValueError: where its size cannot be true.
    """
    rows = int(dataset.shape[0])
    chunk_rows = int(dataset.chunks[0]) if dataset.chunks else 1
    if is_octets(dataset.dtype):
        guess = max(1, Path(dataset.file.filename).stat().st_size // max(1, rows))
        return Column(name, rows, (), "uint8", "bytes", chunk_rows, guess)
    dtype = delivered(dataset.dtype.base)
    shape = tuple(map(int, (*dataset.shape[1:], *dataset.dtype.shape)))
    record_bytes = math.prod(shape) * dtype.itemsize
    if rows * max(1, record_bytes) > MOST_BYTES:
        raise ValueError(f"it claims {rows:,} rows of {record_bytes:,} bytes")
    return Column(name, rows, shape, dtype.str, "numbers", chunk_rows, record_bytes)


def delivered(dtype: Any) -> np.dtype[Any]:
    """The dtype in which values are handed on: native, bool as uint8, no longer than 8 bytes."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.itemsize > 8:
        return np.dtype(np.float64)
    return np.dtype(dtype.newbyteorder("="))
