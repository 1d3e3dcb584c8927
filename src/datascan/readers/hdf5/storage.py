"""How a dataset is stored: where in its file, and compressed by what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.open_file import HDF5_ERRORS, extra_filters

FILTER_NAMES = {305: "lzo", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4"} | {
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32024: "sz3",
    32026: "blosc2",
}


def missing_filter(dataset: Any) -> str | None:
    """The compression that keeps all of a dataset from being read, in words; None if none does."""
    plist = dataset.id.get_create_plist()
    for i in range(plist.get_nfilters()):
        code, _, _, name = plist.get_filter(i)
        if not h5py.h5z.filter_avail(code) and not is_first_row_readable(dataset):
            known = FILTER_NAMES.get(code) or name.decode("utf-8", "replace").split("\0")[0]
            called = f"{code} ({known})" if known else str(code)
            remedy = "pip install hdf5plugin"
            if code not in extra_filters():
                remedy = "point HDF5_PLUGIN_PATH to a folder that has it"
            return f"is compressed with filter {called}, which is not installed: {remedy}"
    return None


def is_first_row_readable(dataset: Any) -> bool:
    """Whether the filter is needed at all: chunks may have been written without it."""
    try:
        dataset[:1]
    except HDF5_ERRORS:
        return False
    return True


def rows_on_disk(dataset: Any, column: DatasetInfo) -> int:
    """How many rows lie inside the file; fewer than all where a contiguous dataset is cut off."""
    offset = contiguous_offset(dataset)
    if offset is None or not column.record_bytes:
        return column.rows
    stored = stored_record_bytes(dataset)
    return min(column.rows, int(max(0, file_size(dataset) - offset) // stored))


def contiguous_offset(dataset: Any) -> int | None:
    """Where in the file a contiguous dataset begins; None for any other, or without storage."""
    if dataset.chunks is not None or dataset.is_virtual or dataset.external:
        return None
    plist = dataset.id.get_create_plist()
    if plist.get_layout() != h5py.h5d.CONTIGUOUS or not dataset.id.get_storage_size():
        return None
    offset = dataset.id.get_offset()
    return None if offset is None else int(offset)


def stored_record_bytes(dataset: Any) -> int:
    """The bytes of one row as they are stored, without compression."""
    per_value = int(dataset.id.get_type().get_size())
    return per_value * int(math.prod(dataset.shape[1:]))


def file_size(dataset: Any) -> int:
    """The size of the file that a dataset is in, in bytes."""
    return Path(dataset.file.filename).stat().st_size
