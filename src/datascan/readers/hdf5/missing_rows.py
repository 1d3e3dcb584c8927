"""Missing rows of datasets whose values are in other files: virtual datasets, external storage.

HDF5 returns fill values (usually zeros) without an error if the source of a virtual dataset is
missing or an external file is too short.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import h5py

from datascan.readers.hdf5.chunks import require_sizes
from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.inventory import MissingRows
from datascan.readers.hdf5.limits import Budget
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.references import (
    MAX_NESTING,
    RootFile,
    fill_number,
    object_identity,
    read_prefix,
)
from datascan.readers.hdf5.storage import MissingFilterError, require_filters, stored_record_bytes

SMALL_BYTES = 64 << 20
"""All chunks of sources in files of at most this size are decompressed once more, with a limit."""

MAX_RUNS = 1 << 18
"""More runs of missing rows than this count as one."""

MAX_PIECES = 1 << 25
"""How many pieces of virtual datasets HDF5 may have to search, over all reads."""

READ_ROWS, READ_BYTES = 1 << 12, 1 << 22
"""How much is read at once, about."""

UNLIMITED = 1 << 62
"""Counts above this mean a selection without an end (H5S_UNLIMITED)."""


def find_missing_rows(root: RootFile, dataset: Any) -> list[MissingRows]:
    """Rows in other files that are missing or too short. The runs may overlap.

    Raises:
        ValueError: if there are too many pieces to read them.
    """
    if not dataset.is_virtual:
        return list(find_external(dataset)) if dataset.external else []
    pieces = count_pieces(root, dataset, {})
    found = list(islice(find_virtual(root, dataset, 0), MAX_RUNS)) if pieces <= MAX_PIECES else []
    rows = dataset.shape[0]  # HDF5 may open the sources now, with another prefix
    reads = 1 + rows // READ_ROWS + rows * stored_record_bytes(dataset) // READ_BYTES
    if pieces * reads > MAX_PIECES:
        raise ValueError(f"it has {pieces:,} pieces, which would be searched {reads:,} times")
    if len(found) < MAX_RUNS:
        return found
    return [MissingRows(0, dataset.shape[0], f"{found[0].why}, as are {MAX_RUNS:,} more pieces")]


def count_pieces(root: RootFile, dataset: Any, known: dict[tuple[bytes, int], int]) -> int:
    """The number of mappings of a virtual dataset, each with those of its source.

    ``known``: the numbers of datasets that were counted before.
    """
    key = object_identity(dataset)
    if key not in known:
        known[key] = 0
        sources = Counter((one.file_name, one.dset_name) for one in dataset.virtual_sources())
        for (file_name, name), count in sources.items():
            known[key] += count
            try:
                source = root.open_source(dataset, fill_number(file_name, 0), fill_number(name, 0))
            except HDF5_ERRORS:
                continue  # reported by find_virtual
            if isinstance(source, h5py.Dataset) and source.is_virtual:
                known[key] += count * count_pieces(root, source, known)
    return known[key]


def find_external(dataset: Any) -> Iterator[MissingRows]:
    """Rows of a dataset with external storage that are not in its raw files."""
    row_bytes = max(1, stored_record_bytes(dataset))
    total = row_bytes * dataset.shape[0]
    start = 0
    for name, offset, size in dataset.external:
        stop = min(total, start + size)
        path = find_external_file(dataset, name)
        available = max(0, path.stat().st_size - offset) if path else 0
        if start + available < stop:
            first, last = (start + available) // row_bytes, -(-stop // row_bytes)
            needed = offset + stop - start
            state = f"has {offset + available:,} of {needed:,} bytes" if path else "does not exist"
            yield MissingRows(first, last, f"external file {decode_name(name)} {state}")
        start = stop


def find_external_file(dataset: Any, name: str) -> Path | None:
    """The raw file of a dataset with external storage, if it exists."""
    folder = Path(dataset.file.filename).parent
    folders = (read_prefix(folder, "HDF5_EXTFILE_PREFIX"), folder, Path())
    return next((path for place in folders if (path := place / name).is_file()), None)


def find_virtual(root: RootFile, dataset: Any, depth: int) -> Iterator[MissingRows]:
    """Rows of a virtual dataset whose source is missing or too small."""
    inspected: dict[tuple[str, str], tuple[str, tuple[int, ...]]] = {}
    for source in dataset.virtual_sources():
        if "%b" in source.file_name or "%b" in source.dset_name:
            # HDF5 ends such a dataset at its last numbered source.
            continue
        key = (source.file_name, source.dset_name)
        if key not in inspected:
            inspected[key] = inspect_source(root, dataset, *key, depth)
        why, shape = inspected[key]
        if why:
            runs = selected_rows(source.vspace, dataset.shape)
            yield from (MissingRows(*run, why) for run in runs)
        else:
            yield from find_short_source(source, shape, dataset.shape)


def inspect_source(
    root: RootFile, dataset: Any, file_name: str, name: str, depth: int
) -> tuple[str, tuple[int, ...]]:
    """What is wrong with a source of a virtual dataset ("" if nothing), and its shape."""
    file_name, name = fill_number(file_name, 0), fill_number(name, 0)
    shown = f"source {decode_name(file_name)}:{decode_name(name.lstrip('/'))}"
    if file_name == ".":
        shown = f"source {decode_name(name)}"
    try:
        source = root.open_source(dataset, file_name, name)
        if isinstance(source, h5py.Dataset):
            return inspect_dataset(root, source, shown, depth)
    except MissingFilterError as error:
        raise MissingFilterError(f"mapped to {shown}, {error.encoding}", error.remedy) from error
    except FileNotFoundError:
        return f"{shown} is missing: no such file", ()
    except KeyError:
        return f"{shown} is missing: no such dataset", ()
    except HDF5_ERRORS as error:
        return f"{shown} cannot be opened: {reason(error)}", ()
    return f"{shown} is missing: no such dataset", ()


def inspect_dataset(
    root: RootFile, dataset: Any, shown: str, depth: int
) -> tuple[str, tuple[int, ...]]:
    """What is wrong with an open source ("" if nothing), and its shape."""
    # HDF5 reads its chunks as part of the virtual dataset.
    why = Budget.of(root).find_excess(dataset, "extra")
    if why is None:
        require_filters(dataset)
        require_sizes(dataset, is_small=root.available <= SMALL_BYTES)
    if why:
        return f"{shown} {why}", ()
    nested: list[MissingRows] = []
    if depth < MAX_NESTING and dataset.is_virtual:
        nested = list(find_virtual(root, dataset, depth + 1))
    elif dataset.external:
        nested = list(find_external(dataset))
    return (f"{shown} has missing rows: {nested[0].why}" if nested else ""), dataset.shape


def find_short_source(
    source: Any, shape: tuple[int, ...], target: tuple[int, ...]
) -> Iterator[MissingRows]:
    """Rows mapped to a source of ``shape`` that is too small for the mapping."""
    space = source.src_space
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        is_short = count_points(source.vspace, target) > math.prod(shape)
    else:
        ends = find_ends(space)
        is_short = len(ends) != len(shape) or any(map(int.__gt__, ends, shape))
    if is_short:
        shown = f"{decode_name(source.file_name)}:{decode_name(source.dset_name.lstrip('/'))}"
        why = f"source {shown} has shape {shape}, but more than that is mapped"
        yield from (MissingRows(*run, why) for run in selected_rows(source.vspace, target))


def count_points(space: Any, shape: tuple[int, ...]) -> int:
    """The number of elements that a selection in ``shape`` has; 0 if it is unlimited."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return math.prod(shape)
    return 0 if is_unlimited(space) else int(space.get_select_npoints())


def is_unlimited(space: Any) -> bool:
    """Whether a selection grows with its dataset."""
    if not space.is_regular_hyperslab():
        return False
    _, _, count, block = space.get_regular_hyperslab()
    return bool(max(*count, *block) >= UNLIMITED)


def find_ends(space: Any) -> list[int]:
    """The end of a selection on each axis, or its start if it is unlimited."""
    if is_unlimited(space):
        return [int(start) for start in space.get_regular_hyperslab()[0]]
    return [int(last) + 1 for last in space.get_select_bounds()[1]]


def selected_rows(space: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs of rows, (first, stop), that a selection in ``shape`` covers."""
    rows = shape[0]
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return [(0, rows)]
    if not space.is_regular_hyperslab():
        blocks = space.get_select_hyper_blocklist()[:, :, 0]
        return sorted({(int(first), int(last) + 1) for first, last in blocks})
    start, stride, count, block = (int(axes[0]) for axes in space.get_regular_hyperslab())
    if block >= UNLIMITED:
        return [(start, rows)]
    stop = rows if count >= UNLIMITED else min(rows, start + stride * count)
    starts = range(start, stop, max(1, stride))
    if len(starts) > MAX_RUNS:
        return [(start, stop)]
    runs = [(first, min(first + block, rows)) for first in starts]
    # An unlimited selection of a missing source has no rows; an empty run still reports it.
    return runs or [(start, start)]
