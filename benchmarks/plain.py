"""What a user would write: a loop over the records that tests for NaN, Inf and bad labels.

Run as ``python -m benchmarks.plain FUNCTION PATH``; prints the number of bad records.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

CLASSES = 10


def count_bad_datums(values: Iterable[bytes]) -> int:
    """Parse every Datum with protobuf."""
    from datascan.decoders.datum.message import datum_class

    message, bad = datum_class()(), 0
    for value in values:
        message.ParseFromString(value)
        if message.data:
            array = np.frombuffer(message.data, np.uint8)
        else:
            array = np.array(message.float_data, np.float32)
        wrong = np.isnan(array).any() or np.isinf(array).any()
        bad += bool(wrong or not 0 <= message.label < CLASSES)
    return bad


def lmdb_datums(path: Path) -> int:
    """All values of an LMDB."""
    import lmdb

    with lmdb.open(str(path), readonly=True, lock=False) as store, store.begin() as transaction:
        return count_bad_datums(value for _, value in transaction.cursor())


def lmdb_named(path: Path) -> int:
    """All values of one named database."""
    import lmdb

    with lmdb.open(str(path), readonly=True, lock=False, max_dbs=1) as store:
        database = store.open_db(b"db0500", create=False)
        with store.begin(db=database) as transaction:
            return count_bad_datums(value for _, value in transaction.cursor())


def leveldb_datums(path: Path) -> int:
    """All values of a LevelDB (which this changes, as opening it always does)."""
    import plyvel

    store = plyvel.DB(str(path))
    try:
        return count_bad_datums(value for _, value in store.iterator())
    finally:
        store.close()


def hdf5_rows(path: Path) -> int:
    """Slices of 256 rows."""
    import h5py

    bad = 0
    with h5py.File(path) as file:
        data, labels = file["data"], file["label"]
        for first in range(0, len(data), 256):
            rows = data[first : first + 256]
            wrong = np.isnan(rows).any(axis=1) | np.isinf(rows).any(axis=1)
            label = labels[first : first + 256]
            bad += int((wrong | (label < 0) | (label >= CLASSES)).sum())
    return bad


def image_files(path: Path) -> int:
    """Open and load every file with Pillow."""
    from PIL import Image

    bad = 0
    for file in sorted(path.rglob("*.jpg")):
        try:
            with Image.open(file) as image:
                image.load()
        except OSError:
            bad += 1
    return bad


if __name__ == "__main__":
    print(globals()[sys.argv[1]](Path(sys.argv[2])))
