"""Opening HDF5 files, and what it means when that fails."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py

from datascan.records.block import Fault

HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""What h5py raises for damaged files."""

LOCKING = (False, None, True, "best-effort")
"""A file that this very process has open already can only be opened as it was; no lock is made."""

TRUNCATED = re.compile(r"truncated file: eof = \d+, .*stored_eof = (\d+)")
OWN_FILTERS = frozenset(range(1, 7)) | {32000}
"""Filters that HDF5 and h5py bring themselves: deflate, shuffle, ..., and lzf."""


def extra_filters() -> frozenset[int]:
    """Register the compression filters that HDF5 itself does not bring; their numbers."""
    import hdf5plugin  # noqa: PLC0415  (a dozen libraries, which few files need)

    return frozenset(hdf5plugin.FILTERS.values())


def load_filters(dataset: Any) -> None:
    """Register further filters, if reading ``dataset`` may need one."""
    plist = dataset.id.get_create_plist()
    codes = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    if codes - OWN_FILTERS or dataset.is_virtual:
        extra_filters()


def open_file(path: Path) -> Any:
    """The file, opened read-only and without a lock.

    Raises:
        OSError: and others of ``HDF5_ERRORS``, where it is damaged.
    """
    for locking in LOCKING:
        try:
            return h5py.File(path, "r", locking=locking)
        except OSError as error:
            if "locking" not in str(error) or locking == LOCKING[-1]:
                raise
    raise AssertionError("the last of LOCKING is final")


def fault_of_opening(path: Path, shown: str, error: Exception) -> Fault:
    """Why a file cannot be opened."""
    truncated = TRUNCATED.search(str(error))
    if truncated:
        size, wanted = path.stat().st_size, int(truncated[1])
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
