"""How a dataset is stored: its offset in the file, and its compression filters.

Source of the filter numbers: The HDF Group, "Registered Filter Plugins".
"""

from __future__ import annotations

import math
import os
from typing import Any

import h5py

from datascan.readers.hdf5.filters import ChunkGuard
from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.open_file import HDF5_ERRORS

FILTER_NAMES = {305: "lzo", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4"} | {
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32024: "sz3",
    32026: "blosc2",
    32028: "sperr",
    32033: "htj2k",
}
PLUGIN_FILTERS = FILTER_NAMES.keys() - {305, 32000}
"""The filters of ``hdf5plugin``."""

REMEDY = 'install the filters: pip install "datascan[hdf5-filters]"'
OTHER_REMEDY = "set HDF5_PLUGIN_PATH to the folder of the plugin that has this filter"


class MissingFilterError(Exception):
    """A dataset cannot be read because a compression filter is not installed.

    ``encoding`` describes its values, ``remedy`` says how to read them.
    """

    def __init__(self, encoding: str, remedy: str) -> None:
        super().__init__(f"{encoding}: {remedy}")
        self.encoding, self.remedy = encoding, remedy


def require_filters(dataset: Any) -> None:
    """Raise :class:`MissingFilterError` if a filter of the dataset's chunks is not installed."""
    plist = dataset.id.get_create_plist()
    for i in range(plist.get_nfilters()):
        code, _, _, name = plist.get_filter(i)
        if not h5py.h5z.filter_avail(code) and is_filter_used(dataset, i):
            filter_name = FILTER_NAMES.get(code) or name.decode("utf-8", "replace").split("\0")[0]
            shown = f"{code} ({filter_name})" if filter_name else str(code)
            encoding = f"compressed with filter {shown}, which is not installed"
            raise MissingFilterError(encoding, REMEDY if code in PLUGIN_FILTERS else OTHER_REMEDY)


def is_filter_used(dataset: Any, number: int) -> bool:
    """Whether a chunk was written with the filter; chunks may do without an optional one."""
    try:
        if guard := ChunkGuard.of(dataset):
            guard.require(0, 1)
        dataset[:1]
        used = dataset.id.chunk_iter(lambda chunk: not chunk.filter_mask >> number & 1 or None)
    except HDF5_ERRORS:
        return True
    return used is not None


def rows_on_disk(dataset: Any, info: DatasetInfo) -> int:
    """The number of rows in the file; less than all rows if a contiguous dataset is truncated."""
    offset = contiguous_offset(dataset)
    if offset is None or not info.record_bytes:
        return info.rows
    record_bytes = stored_record_bytes(dataset)
    return min(info.rows, int(max(0, file_size(dataset) - offset) // record_bytes))


def contiguous_offset(dataset: Any) -> int | None:
    """The offset of a contiguous dataset in its file; None for other or unallocated datasets."""
    if dataset.chunks is not None or dataset.is_virtual or dataset.external:
        return None
    plist = dataset.id.get_create_plist()
    if plist.get_layout() != h5py.h5d.CONTIGUOUS or not dataset.id.get_storage_size():
        return None
    offset = dataset.id.get_offset()
    return None if offset is None else int(offset)


def stored_record_bytes(dataset: Any) -> int:
    """The stored size of one row in bytes, before compression."""
    per_value = int(dataset.id.get_type().get_size())
    return per_value * int(math.prod(dataset.shape[1:]))


def file_size(dataset: Any) -> int:
    """The size in bytes of the dataset's file."""
    return os.stat(file_name(dataset)).st_size  # noqa: PTH116  (much faster, and called often)


def file_name(item: Any) -> str:
    """The path of the file in which an object is, as it was opened."""
    return os.fsdecode(h5py.h5f.get_name(item.id))
