"""Opening HDF5 files, and describing why that fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py

from datascan.files import open_regular
from datascan.records.block import Fault

HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError)
"""What h5py raises for damaged files; a lack of memory is not damage."""

NO_MEMORY = re.compile(r"allocation failed|(can't|unable to|cannot) alloc", re.IGNORECASE)
"""HDF5 says so in the texts of errors that are not MemoryError."""

LOCKING = (False, None, True, "best-effort")
"""Modes to try: a file that this process already has open needs the same mode again."""

TRUNCATED = re.compile(r"truncated file: eof = \d+, .*stored_eof = (\d+)")
BUILT_IN_FILTERS = frozenset(range(1, 7)) | {32000}
"""Filters of HDF5 and h5py: deflate, shuffle, fletcher32, szip, nbit, scaleoffset, and lzf."""


def register_filters() -> None:
    """Register the compression filters of ``hdf5plugin``, if it is installed."""
    try:
        import hdf5plugin  # noqa: F401, PLC0415  (registers them, and loads many libraries)
    except ImportError:
        return  # the filters that a dataset lacks are reported with it


def load_filters(dataset: Any) -> None:
    """Register more filters if reading ``dataset`` may need one."""
    plist = dataset.id.get_create_plist()
    codes = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    if codes - BUILT_IN_FILTERS or dataset.is_virtual:
        register_filters()


def open_file(path: Path) -> Any:
    """Open a file read-only, without a lock if possible.

    Raises:
        OSError: or another of ``HDF5_ERRORS``, if it is damaged.
    """
    open_regular(path).close()
    for locking in LOCKING:
        try:
            return h5py.File(path, "r", locking=locking)
        except OSError as error:
            if "locking" not in str(error) or locking == LOCKING[-1]:
                raise
    raise AssertionError("the last of LOCKING is final")


def fault_of_opening(path: Path, shown: str, error: Exception) -> Fault:
    """The fault of a file that could not be opened."""
    truncated = TRUNCATED.search(str(error))
    if truncated:
        size, expected = path.stat().st_size, int(truncated[1])
        return Fault(
            None,
            "truncated-store",
            f"{shown} has {size:,} bytes, but its superblock says {expected:,}",
        )
    if "already open for write" in str(error):
        why = "it was not closed by the program that wrote it, or is still being written"
        hint = "clear the flag with h5clear -s"
        return Fault(None, "damaged-store", f"{shown} cannot be opened: {why} ({hint})")
    return Fault(None, "damaged-store", f"{shown} cannot be opened: {reason(error)}")


def reason(error: Exception) -> str:
    """The innermost reason of an error of the HDF5 library: "inflate() failed"."""
    text = str(error)
    inner = re.search(r"\((.*)\)\W*$", text, re.DOTALL)
    return " ".join((inner[1] if inner else text).split()) or type(error).__name__


def raise_if_out_of_memory(error: Exception) -> None:
    """Raise MemoryError if that is the reason of an error of the HDF5 library."""
    if NO_MEMORY.search(str(error)):
        raise MemoryError from error
