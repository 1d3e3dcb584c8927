"""Small LMDB environments, and Datums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from datascan.decoders.datum.message import datum_class


def write_lmdb(
    path: Path,
    entries: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]],
    *,
    subdir: bool = True,
    db: str | None = None,
    map_size: int = 1 << 30,
    **flags: Any,
) -> Path:
    """Write an environment with ``entries``; returns its path."""
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    path.parent.mkdir(parents=True, exist_ok=True)
    environment = lmdb.open(str(path), map_size=map_size, subdir=subdir, max_dbs=8)
    database = environment.open_db(db.encode() if db else None, **flags)
    with environment.begin(write=True, db=database) as transaction:
        for key, value in pairs:
            transaction.put(key, value)
    environment.close()
    lock = path / "lock.mdb" if subdir else Path(f"{path}-lock")
    lock.unlink(missing_ok=True)
    return path


def datum(
    values: np.ndarray[Any, Any],
    label: int | None = None,
    *,
    encoded: bytes | None = None,
    flag: bool | None = None,
) -> bytes:
    """A serialized Datum as Caffe writes it: uint8 values as ``data``, others as ``float_data``."""
    message = datum_class()()
    if encoded is not None:
        message.data, message.encoded = encoded, True
    else:
        message.channels, message.height, message.width = values.shape
        if values.dtype == np.uint8:
            message.data = values.tobytes()
        else:
            message.float_data.extend(values.ravel().tolist())
        if flag is not None:
            message.encoded = flag
    if label is not None:
        message.label = label
    return bytes(message.SerializeToString())


def numbered(values: Iterable[bytes]) -> dict[bytes, bytes]:
    """Values under keys as Caffe writes them: 00000000, 00000001, ..."""
    return {b"%08d" % i: value for i, value in enumerate(values)}


def random_datums(
    count: int, shape: tuple[int, int, int] = (3, 4, 4), classes: int = 3, seed: int = 0
) -> list[bytes]:
    """Healthy uint8 Datums with labels 0, 1, 2, 0, 1, 2, ..."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, *shape), np.uint8)
    return [datum(image, i % classes) for i, image in enumerate(images)]
