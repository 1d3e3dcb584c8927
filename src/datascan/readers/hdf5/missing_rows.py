"""Rows that lie in other files, and cannot be had: of virtual datasets, and of external storage.

HDF5 itself reads fill values, mostly zeros, where the source of a virtual dataset is missing or an
external file is too short, and says nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py

from datascan.readers.hdf5.files import legible
from datascan.readers.hdf5.inventory import Gap
from datascan.readers.hdf5.open_file import HDF5_ERRORS, open_file, reason
from datascan.readers.hdf5.storage import missing_filter, stored_record_bytes
from datascan.readers.hdf5.traversal import open_object

MAX_NESTING = 8
"""Virtual datasets over virtual datasets are followed so deep."""

ENDLESS = 1 << 62
"""Counts of selections without an end are larger than this."""


def find_missing_rows(dataset: Any) -> list[Gap]:
    """Rows that lie in other files which are missing or too short; they may overlap."""
    if dataset.is_virtual:
        return list(virtual_gaps(dataset, 0))
    if dataset.external:
        return list(external_gaps(dataset))
    return []


def external_gaps(dataset: Any) -> Iterator[Gap]:
    """Rows of a dataset with external storage that its raw files do not hold."""
    row_bytes = max(1, stored_record_bytes(dataset))
    total = row_bytes * dataset.shape[0]
    start = 0
    for name, offset, size in dataset.external:
        stop = min(total, start + size)
        path = external_path(dataset, name)
        held = max(0, path.stat().st_size - offset) if path else 0
        if start + held < stop:
            first, last = (start + held) // row_bytes, -(-stop // row_bytes)
            needed = offset + stop - start
            state = f"has {offset + held:,} of {needed:,} bytes" if path else "does not exist"
            yield Gap(first, last, f"the external file {legible(name)} {state}")
        start = stop


def external_path(dataset: Any, name: str) -> Path | None:
    """The raw file of a dataset with external storage, if it exists."""
    folder = Path(dataset.file.filename).parent
    return existing(name, [prefix(folder, "HDF5_EXTFILE_PREFIX"), folder, Path()])


def open_dataset(file: Any, path: bytes) -> Any:
    """A dataset; one with external storage also where its raw files lie beside ``file``.

    HDF5 itself would look for them in the working directory only.
    """
    dataset = open_object(file, path)
    folder = Path(file.filename).parent
    if not dataset.external or prefix(folder, "HDF5_EXTFILE_PREFIX") != Path():
        return dataset
    if all((folder / raw).is_file() or not Path(raw).is_file() for raw, _, _ in dataset.external):
        # The prefix of a dataset counts from its first opening: this one must end before.
        del dataset
        access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
        access.set_efile_prefix(os.fsencode(folder.absolute()))
        return h5py.Dataset(h5py.h5d.open(file.id, path, access))
    return dataset


def prefix(folder: Path, variable: str) -> Path:
    """The folder that an environment variable of HDF5's names; the working directory without."""
    return Path(os.environ.get(variable, "").replace("${ORIGIN}", str(folder)))


def existing(name: str, folders: Sequence[Path]) -> Path | None:
    """The first file called ``name`` in one of ``folders``."""
    return next((place for folder in folders if (place := folder / name).is_file()), None)


def virtual_gaps(dataset: Any, depth: int) -> Iterator[Gap]:
    """Rows of a virtual dataset whose source is missing, where HDF5 reads fill values instead."""
    checked: dict[tuple[str, str], tuple[str, tuple[int, ...]]] = {}
    for source in dataset.virtual_sources():
        if "%b" in source.file_name or "%b" in source.dset_name:
            # HDF5 itself ends such a dataset where its numbered sources end.
            continue
        key = (source.file_name, source.dset_name)
        if key not in checked:
            checked[key] = state_of_source(dataset, *key, depth)
        why, shape = checked[key]
        if why:
            yield from (Gap(*run, why) for run in rows_of(source.vspace, dataset.shape))
        else:
            yield from short_source(source, shape, dataset.shape)


def state_of_source(
    dataset: Any, file_name: str, name: str, depth: int
) -> tuple[str, tuple[int, ...]]:
    """What is wrong with a source of a virtual dataset ("" if nothing), and its shape."""
    shown = f"{legible(file_name)}:{legible(name.lstrip('/'))}"
    if file_name == ".":
        return state_of_dataset(dataset.file, name, f"its source {legible(name)}", depth)
    folder = Path(dataset.file.filename).parent
    folders = [prefix(folder, "HDF5_VDS_PREFIX"), folder, Path()]
    path = existing(file_name, folders) or existing(Path(file_name).name, folders)
    if path is None:
        return f"its source {shown} is missing: there is no such file", ()
    try:
        with open_file(path) as file:
            return state_of_dataset(file, name, f"its source {shown}", depth)
    except HDF5_ERRORS as error:
        return f"its source {shown} cannot be opened: {reason(error)}", ()


def state_of_dataset(file: Any, name: str, shown: str, depth: int) -> tuple[str, tuple[int, ...]]:
    """What is wrong with the dataset ``name`` of an open file, and its shape."""
    try:
        dataset = file[name]
    except HDF5_ERRORS:
        return f"{shown} is missing: there is no such dataset", ()
    why = missing_filter(dataset)
    if why:
        return f"{shown} {why}", ()
    nested: tuple[Gap, ...] = ()
    if depth < MAX_NESTING and (dataset.is_virtual or dataset.external):
        found = virtual_gaps(dataset, depth + 1) if dataset.is_virtual else external_gaps(dataset)
        nested = tuple(found)
    return (f"{shown} has gaps: {nested[0].why}" if nested else ""), dataset.shape


def short_source(source: Any, shape: tuple[int, ...], target: tuple[int, ...]) -> Iterator[Gap]:
    """Rows that are mapped to a source which is smaller than the mapping says."""
    space = source.src_space
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        short = points(source.vspace, target) > math.prod(shape)
    else:
        ends = extent_ends(space)
        short = len(ends) != len(shape) or any(map(int.__gt__, ends, shape))
    if short:
        shown = f"{legible(source.file_name)}:{legible(source.dset_name.lstrip('/'))}"
        why = f"its source {shown} has the shape {shape}, and more than that is mapped"
        yield from (Gap(*run, why) for run in rows_of(source.vspace, target))


def points(space: Any, shape: tuple[int, ...]) -> int:
    """How many elements a selection of a dataset of ``shape`` has; 0 where it has no end."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return math.prod(shape)
    return 0 if is_endless(space) else int(space.get_select_npoints())


def is_endless(space: Any) -> bool:
    """Whether a selection grows with its dataset."""
    if not space.is_regular_hyperslab():
        return False
    _, _, count, block = space.get_regular_hyperslab()
    return bool(max(*count, *block) >= ENDLESS)


def extent_ends(space: Any) -> list[int]:
    """Where a selection ends, on each axis; where it has no end, where it begins."""
    if is_endless(space):
        return [int(start) for start in space.get_regular_hyperslab()[0]]
    return [int(last) + 1 for last in space.get_select_bounds()[1]]


def rows_of(space: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Runs of rows, from first to stop, that a selection of a dataset of ``shape`` touches."""
    rows = shape[0]
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return [(0, rows)]
    if not space.is_regular_hyperslab():
        blocks = space.get_select_hyper_blocklist()[:, :, 0]
        return sorted({(int(first), int(last) + 1) for first, last in blocks})
    start, stride, count, block = (int(part[0]) for part in space.get_regular_hyperslab())
    if block >= ENDLESS:
        return [(start, rows)]
    stop = rows if count >= ENDLESS else min(rows, start + stride * count)
    runs = [(first, min(first + block, rows)) for first in range(start, stop, max(1, stride))]
    # A selection that grows with a source which is missing has no rows at all: it is told as such.
    return runs or [(start, start)]
