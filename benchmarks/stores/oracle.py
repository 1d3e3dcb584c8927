"""Whether the library of a format reads a store to its end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import lmdb
import plyvel

MAX_BYTES = 1 << 31
"""A larger dataset is not read."""


def read_hdf5(path: Path) -> str:
    """Read every dataset of a file; why that failed, "" if it did not."""
    why: list[str] = []

    def read(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            try:
                if item.size and item.size * item.dtype.itemsize > MAX_BYTES:
                    why.append(f"{name} is too large")
                else:
                    item[()]
            except Exception as error:  # noqa: BLE001  (h5py may raise any)
                why.append(f"{name}: {error}")

    try:
        with h5py.File(path, "r", locking=False) as file:
            file.visititems(read)
    except Exception as error:  # noqa: BLE001  (h5py may raise any)
        why.append(str(error))
    return why[0] if why else ""


def read_lmdb(path: Path) -> str:
    """Read every entry of an LMDB; why that failed, "" if it did not."""
    try:
        with (
            lmdb.open(str(path), readonly=True, lock=False, subdir=path.is_dir()) as store,
            store.begin() as transaction,
        ):
            for _ in transaction.cursor():
                pass
    except lmdb.Error as error:
        return str(error)
    return ""


def read_leveldb(path: Path) -> str:
    """Read every entry of a copy of a LevelDB; why that failed, "" if it did not."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(path, Path(folder) / "copy")
        try:
            with plyvel.DB(str(copy), paranoid_checks=True) as store:
                for _ in store.iterator(verify_checksums=True):
                    pass
        except plyvel.Error as error:
            return str(error)
    return ""


ORACLES: dict[str, Callable[[Path], str]] = {
    "hdf5": read_hdf5,
    "lmdb": read_lmdb,
    "leveldb": read_leveldb,
}
