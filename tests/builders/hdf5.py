"""Small HDF5 files, ways to damage them, and what a scan finds in them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from datascan.config.options import Options
from datascan.readers.hdf5.reader import Hdf5Reader
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan
from datascan.testing.blocks import array_of
from datascan.testing.reader_laws import untracked

try:
    import hdf5plugin
except ImportError:  # an extra
    hdf5plugin = None

GZIP = {"compression": "gzip"}
STORAGE: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": True},
    "gzip": {"compression": "gzip", "shuffle": True},
    "lzf": {"compression": "lzf"},
    "fletcher32": {"fletcher32": True},
}
if hdf5plugin is not None:
    STORAGE |= {
        "blosc": dict(hdf5plugin.Blosc()),
        "zstd": dict(hdf5plugin.Zstd()),
        "bitshuffle": dict(hdf5plugin.Bitshuffle()),
    }


def write_hdf5(path: Path, userblock_size: int = 0, **datasets: Any) -> Path:
    """A file of ``datasets``: arrays, or pairs of an array and how to store it."""
    with h5py.File(path, "w", userblock_size=userblock_size) as file:
        for name, given in datasets.items():
            values, storage = given if isinstance(given, tuple) else (given, {})
            file.create_dataset(name.replace("__", "/"), data=values, **storage)
    return path


def numbers(rows: int, *shape: int, dtype: Any = "f4", seed: int = 0) -> np.ndarray[Any, Any]:
    """Random values in distinct rows."""
    random = np.random.default_rng(seed)
    return random.integers(0, 100, (rows, *shape)).astype(dtype)


def damage_chunk(path: Path, name: str, number: int) -> tuple[int, ...]:
    """Change bytes in the middle of a chunk of a dataset; returns the offset of the chunk."""
    with h5py.File(path, "r") as file:
        chunk = file[name].id.get_chunk_info(number)
    content = bytearray(path.read_bytes())
    middle = chunk.byte_offset + chunk.size // 2
    content[middle : middle + 8] = bytes(byte ^ 0x5A for byte in content[middle : middle + 8])
    path.write_bytes(content)
    return tuple(chunk.chunk_offset)


def needs_filter(path: Path, code: int, rows: int = 20) -> Path:
    """A file with ``label``, and ``data`` that is compressed by a filter that does not exist."""
    with h5py.File(path, "w") as file:
        file["label"] = np.arange(rows) % 2
        space = h5py.h5s.create_simple((rows, 3))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((rows, 3))
        plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL)
        created = h5py.h5d.create(file.id, b"data", h5py.h5t.IEEE_F32LE, space, plist)
        created.write_direct_chunk((0, 0), b"no one knows", 0)
    return path


def reader_of(*paths: Path, **options: Any) -> Hdf5Reader:
    """A reader of HDF5 files, in this process unless ``workers`` is given."""
    return Hdf5Reader(paths, Options().replace(**{"workers": 0, **options}))


def scanned(*paths: Path, checks: Any = (), **options: Any) -> ScanResult:
    """The result of a scan of the files; its reader is closed."""
    with closing(reader_of(*paths, **options)) as reader:
        return scan(reader, checks)


def row_faults(result: ScanResult, rule: str) -> dict[int, str]:
    """Details of the records with faults of ``rule``, by index."""
    found = fault_tally(result, rule)
    if found is None:
        return {}
    indices = result.summary.indices(found.records.addresses.array)
    return dict(zip(indices.tolist(), found.records.facts.array.tolist(), strict=True))


def place_faults(result: ScanResult, rule: str) -> list[tuple[str, int]]:
    """Details of the faults of ``rule`` without a record, with the number of lost records."""
    found = fault_tally(result, rule)
    return [] if found is None else list(found.locations)


def fault_tally(result: ScanResult, rule: str) -> Any:
    """The tally of all faults of a rule."""
    tally = result.summary.tallies.get("datascan.metrics.faults.measure_faults")
    return tally.entries.get(rule) if tally else None


def rules(result: ScanResult) -> set[str]:
    """All rules with faults."""
    tally = result.summary.tallies.get("datascan.metrics.faults.measure_faults")
    return set(tally.entries) if tally else set()


def gathered(reader: Hdf5Reader) -> tuple[np.ndarray[Any, Any], list[str], list[Any]]:
    """All values of the primary columns, all keys, and all labels (None if missing)."""
    values: list[Any] = []
    keys: list[str] = []
    labels: list[Any] = []
    for shard in reader.plan().shards:
        count = 0
        for block in reader.read(shard, untracked):
            values += [row for part in block.arrays if part.primary for row in array_of(part)]
            count += block.records
            if block.labels is not None:
                pairs = zip(block.labels.values.tolist(), block.labels.present, strict=True)
                labels += [value if present else None for value, present in pairs]
        keys += reader.keys(shard, range(count))
    reader.close()
    return np.array(values), keys, labels
