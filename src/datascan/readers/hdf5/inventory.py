"""The datasets of an HDF5 file, and which of them can be fields of records."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from msgspec import Struct

from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.traversal import ObjectTraversal
from datascan.records.block import Fault

MAX_TYPE_PARTS, MAX_TYPE_DEPTH = 4096, 32
"""How many types there may be in a type, and how deep they may be nested."""

PYTABLES = "PYTABLES_FORMAT_VERSION"
"""An attribute of the root group of every file that PyTables writes."""

NETCDF_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"
"""How the attribute NAME of a dimension without values begins, in files of netCDF-4."""

MAX_NAME_BYTES = 1 << 12

MAX_BYTES = 1 << 56
"""A dataset that claims to be larger than this is damaged."""

EMPTY = "no values"
SINGLE_VALUE = "a single value"
SINGLE_NUMBER = "a single number"
SINGLE = (SINGLE_VALUE, SINGLE_NUMBER)
"""A scalar describes the file; it is not data."""

STRINGS, REFERENCES, DATES, DURATIONS = "strings", "references", "dates", "durations"
DESCRIPTIVE = (*SINGLE, STRINGS, REFERENCES, DATES, DURATIONS)
"""Types that usually describe records rather than being their data."""

Content = Literal["numbers", "images", "bytes", "text"]


class MissingRows(Struct, frozen=True):
    """Rows ``first`` <= row < ``stop`` of a dataset that cannot be read, and why.

    The range is empty if the number of missing rows is unknown.
    """

    first: int
    stop: int
    why: str


class Place(Struct, frozen=True):
    """Where the values of a contiguous dataset begin: file and offset. ``dtype``: as stored."""

    path: str
    offset: int
    dtype: str


class DatasetInfo(Struct, frozen=True):
    """A dataset whose first axis counts records.

    ``path``: without a leading slash; ``name``: the same as text. ``shape``, ``dtype``: of one
    record as it is read, in native byte order, complex numbers as pairs of floats. Records of
    variable length ("images" and "bytes") have no shape, and ``record_bytes`` is an estimate.
    ``holes``: rows with missing chunks. ``written``: the end of the last written chunk. Both are
    set once the chunk index has been inspected. ``place``: if it can be read without HDF5.
    """

    name: str
    path: bytes
    rows: int
    shape: tuple[int, ...]
    dtype: str
    content: Content
    chunk_rows: int
    record_bytes: int
    holes: tuple[MissingRows, ...] = ()
    written: int = 0
    place: Place | None = None


class Inventory(Struct):
    """All datasets of a file by path.

    ``columns``: numeric datasets and byte strings. ``others``: datasets of unsupported types, with
    a description of the type; ``other_rows``: the length of their first axis, if they have one.
    ``texts``: those of ``others`` that can be text labels. ``lost``: paths of broken links and
    damaged objects, each of which has a fault.
    """

    columns: dict[str, DatasetInfo] = {}
    others: dict[str, str] = {}
    other_rows: dict[str, int] = {}
    texts: dict[str, DatasetInfo] = {}
    lost: set[str] = set()
    faults: list[Fault] = []

    @property
    def names(self) -> list[str]:
        """Sorted paths of all datasets of any type."""
        return sorted([*self.columns, *self.others])

    def describe(self) -> str:
        """The datasets and their types: "ids (strings), meta (compound records)"."""
        texts = [f"{name} ({description})" for name, description in sorted(self.others.items())]
        texts += [f"{name} (numbers)" for name in sorted(self.columns)]
        return join_first(texts) if texts else "no datasets"


def join_first(names: list[str]) -> str:
    """The first ten of ``names``, and how many more there are."""
    more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def take_inventory(root: RootFile, shown: str) -> Inventory:
    """Inspect every dataset of ``root``, which faults call ``shown``."""
    inventory = Inventory()
    traversal = ObjectTraversal(root, shown, inventory.faults)
    has_indexes = PYTABLES in root.file.attrs
    dimensions: list[tuple[bytes, Any]] = []
    for path, item in traversal.objects():
        if is_private(path, has_indexes=has_indexes):
            continue
        if isinstance(item, h5py.Dataset):
            if is_dimension(item):
                dimensions.append((path, item))
            else:
                try_dataset(inventory, path, item, shown)
    inventory.lost.update(map(decode_name, traversal.lost))
    if not inventory.names and not inventory.lost:
        # There is nothing else, so this is what the file was made for.
        for path, item in dimensions:
            try_dataset(inventory, path, item, shown)
    return inventory


def is_dimension(dataset: Any) -> bool:
    """Whether a dataset only gives the length of a dimension, as netCDF-4 writes them."""
    try:
        name = read_text_attribute(dataset, b"NAME")
    except HDF5_ERRORS:
        return False
    return name.startswith(NETCDF_DIMENSION)


def read_text_attribute(dataset: Any, name: bytes) -> bytes:
    """An attribute of fixed length; empty if there is no such attribute."""
    if not h5py.h5a.exists(dataset.id, name):
        return b""
    attribute = h5py.h5a.open(dataset.id, name)
    kind = attribute.get_type()
    is_text = isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str()
    if not is_text or attribute.shape != () or kind.get_size() > MAX_NAME_BYTES:
        return b""
    value = np.empty((), f"S{kind.get_size()}")
    attribute.read(value)
    return bytes(value.item())


def try_dataset(inventory: Inventory, path: bytes, dataset: Any, shown: str) -> None:
    """Add a dataset to the inventory, or a fault if it is damaged."""
    try:
        add_dataset(inventory, path, dataset)
    except HDF5_ERRORS as error:
        inventory.lost.add(decode_name(path))
        why = f"{shown}:{decode_name(path)} cannot be read: {reason(error)}"
        inventory.faults.append(Fault(None, "damaged-store", why))


def is_private(path: bytes, *, has_indexes: bool) -> bool:
    """Whether an object is an index of PyTables or a class of MATLAB, which is not data.

    Indexes are allocated in advance, so rows that were never written would look like damage.
    """
    groups = path.split(b"/")
    return b"#subsystem#" in groups or (
        has_indexes and any(group.startswith(b"_i_") for group in groups)
    )


def add_dataset(inventory: Inventory, path: bytes, dataset: Any) -> None:
    """Add a dataset to the inventory, by its type.

    Raises:
        ValueError: if its type or size is implausible.
    """
    require_simple(dataset.id.get_type())
    name, unsupported = decode_name(path), describe_unsupported(dataset)
    if unsupported is None:
        inventory.columns[name] = read_info(path, dataset)
    else:
        inventory.others[name] = unsupported
        if dataset.shape:
            inventory.other_rows[name] = int(dataset.shape[0])
        if unsupported == STRINGS and math.prod(dataset.shape[1:]) == 1:
            rows, chunk_rows = int(dataset.shape[0]), dataset.chunks[0] if dataset.chunks else 1
            size = int(dataset.id.get_type().get_size())
            info = DatasetInfo(name, path, rows, (), "int64", "text", chunk_rows, size)
            inventory.texts[name] = info


def require_simple(kind: Any) -> None:
    """Raise ValueError if a type is nested too deep, or of too many parts, for h5py.

    h5py takes 2 GB for a type of 60 kB that is 3,000 arrays of arrays.
    """
    parts, deepest = [(kind, 0)], 0
    for count in range(MAX_TYPE_PARTS):
        if not parts:
            return
        part, depth = parts.pop()
        deepest = max(depth, deepest)
        found = part.get_class()
        if found in {h5py.h5t.ARRAY, h5py.h5t.VLEN}:
            parts.append((part.get_super(), depth + 1))
        elif found == h5py.h5t.COMPOUND:
            most = MAX_TYPE_PARTS - count
            members = range(min(part.get_nmembers(), most))
            parts += [(part.get_member_type(i), depth + 1) for i in members]
        if deepest > MAX_TYPE_DEPTH:
            break
    raise ValueError("its type has too many parts, or is nested too deep")


def describe_unsupported(dataset: Any) -> str | None:
    """What a dataset contains if it cannot be read as data of records; None if it can."""
    if dataset.shape is None:
        return EMPTY
    if (foreign := describe_foreign(dataset)) is not None:
        return foreign if dataset.shape else SINGLE_VALUE
    element = dataset.dtype.base
    if is_byte_strings(dataset.dtype):
        is_one_per_row = math.prod(dataset.shape[1:]) == 1
        return None if dataset.shape and is_one_per_row else "variable-length bytes"
    if element.kind not in "biufc":
        return describe_type(element) if dataset.shape else SINGLE_VALUE
    return None if dataset.shape else SINGLE_NUMBER


def describe_foreign(dataset: Any) -> str | None:
    """The type of elements that NumPy and h5py do not have; None if they have it."""
    try:
        dataset.dtype  # noqa: B018  (h5py translates the type)
    except (TypeError, ValueError, NotImplementedError):
        kind = dataset.id.get_type().get_class()
        names = {h5py.h5t.FLOAT: "floats", h5py.h5t.INTEGER: "integers", h5py.h5t.TIME: "times"}
        return f"{names.get(kind, 'values')} of a type that NumPy does not have"
    return None


def is_byte_strings(dtype: Any) -> bool:
    """Whether elements are uint8 sequences of variable length."""
    element = h5py.check_vlen_dtype(dtype)
    return isinstance(element, np.dtype) and element == np.uint8


def describe_type(dtype: Any) -> str:
    """Describe elements that are not numbers."""
    if h5py.check_string_dtype(dtype) is not None or dtype.kind in "SU":
        return STRINGS
    if h5py.check_ref_dtype(dtype) is not None:
        return REFERENCES
    if h5py.check_vlen_dtype(dtype) is not None:
        return "variable-length sequences"
    if dtype.names:
        return "compound records"
    return {"M": DATES, "m": DURATIONS}.get(dtype.kind, "opaque data")


def read_info(path: bytes, dataset: Any) -> DatasetInfo:
    """Read the properties of a dataset.

    Raises:
        ValueError: if its size is implausible.
    """
    rows = int(dataset.shape[0])
    chunk_rows = int(dataset.chunks[0]) if dataset.chunks else 1
    if is_byte_strings(dataset.dtype):
        estimate = max(1, Path(dataset.file.filename).stat().st_size // max(1, rows))
        return DatasetInfo(
            decode_name(path), path, rows, (), "uint8", "bytes", chunk_rows, estimate
        )
    stored = dataset.dtype.base
    dtype = read_dtype(in_components(stored))
    pair = (2,) if stored.kind == "c" else ()
    shape = tuple(map(int, (*dataset.shape[1:], *dataset.dtype.shape, *pair)))
    record_bytes = math.prod(shape) * dtype.itemsize
    if rows * max(1, record_bytes) > MAX_BYTES:
        raise ValueError(f"it claims to have {rows:,} rows of {record_bytes:,} bytes")
    return DatasetInfo(
        decode_name(path), path, rows, shape, dtype.str, "numbers", chunk_rows, record_bytes
    )


def in_components(dtype: Any) -> np.dtype[Any]:
    """The dtype of the real and imaginary parts of complex elements; other dtypes unchanged."""
    own: np.dtype[Any] = dtype
    return np.dtype(f"{dtype.str[0]}f{dtype.itemsize // 2}") if dtype.kind == "c" else own


def read_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype in which values are read: native, bool as uint8, at most 8 bytes."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.itemsize > 8:
        return np.dtype(np.float64)
    plain: np.dtype[Any] = np.dtype(dtype.str)
    return plain.newbyteorder("=")
