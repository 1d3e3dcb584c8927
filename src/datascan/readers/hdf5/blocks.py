"""Blocks from the rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.config.options import ReadOptions
from datascan.decoders.base import Decoder, Tracker, track_among
from datascan.readers.hdf5.direct_read import RowsInFile
from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.rows import (
    OpenDataset,
    RowCursor,
    block_rows,
    direct_block_rows,
    join_arrays,
    join_values,
)
from datascan.readers.hdf5.selection import Table
from datascan.readers.hdf5.text_labels import TextLabels
from datascan.records.block import (
    ArrayColumn,
    Block,
    Fault,
    Labels,
    compute_digests,
    compute_fingerprints,
    scatter,
)
from datascan.records.buffers import BytesColumn

MAX_LABELS_BYTES = 64 << 20
"""Larger labels are read a block at a time, not a shard."""


class OpenTable(Struct, frozen=True, eq=False):
    """A table's datasets, opened in this process. ``data_name``: the column name of the data."""

    data: OpenDataset
    label: OpenDataset | None
    extras: tuple[OpenDataset, ...]
    data_name: str


def open_table(
    table: Table,
    *,
    use_paths: bool,
    root: Callable[[], RootFile],
    label_root: Callable[[], RootFile],
) -> OpenTable:
    """Open a table's datasets. With ``use_paths``, the data's column is named by its path.

    ``root`` opens the file of the data, if HDF5 is needed, ``label_root`` that of the label.
    """
    return OpenTable(
        OpenDataset.of(root, table.data),
        OpenDataset.of(label_root, table.label) if table.label else None,
        tuple(OpenDataset.of(root, extra) for extra in table.extras),
        table.data.name if use_paths else "data",
    )


class RowLabels(Struct, frozen=True, eq=False):
    """Labels of consecutive rows from ``first``; ``faults``: reasons by row of the table."""

    first: int
    labels: Labels
    faults: dict[int, str]

    def slice(self, first: int, stop: int) -> tuple[Labels, list[Fault]]:
        """Labels of ``first`` <= row < ``stop``, and faults with rows relative to ``first``."""
        rows = slice(first - self.first, stop - self.first)
        labels = Labels(self.labels.values[rows], self.labels.present[rows])
        faults = [
            Fault(row - first, "damaged-store", self.faults[row])
            for row in (range(first, stop) if self.faults else ())
            if row in self.faults
        ]
        return labels, faults


class BlockContext(Struct, frozen=True, kw_only=True):
    """What all blocks of a table share.

    ``base``: the address of row 0 of the table. ``track(row, count)`` is called with rows of the
    table before they are read. ``text_labels``: the class numbers of text labels.
    """

    base: int
    track: Tracker
    options: ReadOptions
    text_labels: TextLabels
    decode_images: bool = True


def read_blocks(table: OpenTable, context: BlockContext, first: int, stop: int) -> Iterator[Block]:
    """Read rows ``first`` <= row < ``stop`` as blocks."""
    data = RowCursor(table.data, first, stop, context.track)
    extras = [RowCursor(extra, first, stop, context.track) for extra in table.extras]
    labels = read_labels_at_once(table.label, context, first, stop)
    is_direct = table.data.direct_reader is not None
    rows = (direct_block_rows if is_direct else block_rows)(table.data.info)
    for other in filter(None, (table.label, *table.extras)):
        rows = min(rows, direct_block_rows(other.info))
    start = first
    while start < stop:
        end = min(stop, start + rows, data.unit_end(start))
        block = read_block(table, (data, *extras), context, start, end)
        if table.label is not None:
            now = labels or read_labels(table.label, context, start, end)
            block_labels, faults = now.slice(start, end)
            block = replace(block, labels=block_labels, faults=(*block.faults, *faults))
        yield block
        start = end


def read_block(
    table: OpenTable, cursors: Sequence[RowCursor], context: BlockContext, start: int, end: int
) -> Block:
    """Read a block of records without their labels; ``cursors``: of the data and the extras."""
    data, *extras = cursors
    if table.data.info.content == "numbers":
        block = read_number_block(data, table.data_name, context, start, end)
    else:
        block = read_bytes_block(data, context, start, end)
    for extra in extras:
        block = add_extra(block, extra, start, end)
    return block


def read_labels_at_once(
    label: OpenDataset | None, context: BlockContext, first: int, stop: int
) -> RowLabels | None:
    """The labels of all rows of a shard; None without a label, or if they are too large."""
    if label is None or label.info.record_bytes * (stop - first) > MAX_LABELS_BYTES:
        return None
    return read_labels(label, context, first, stop)


def read_number_block(
    data: RowCursor, name: str, context: BlockContext, first: int, stop: int
) -> Block:
    """Read a block of numeric records."""
    found = RowValues(stop - first, *join_values(data.take(first, stop), first))
    return make_block(context.base + first, data.source.info, name, found)


class RowValues(Struct, frozen=True, eq=False):
    """Those of ``records`` rows that could be read, their values, and faults of the others."""

    records: int
    rows: NDArray[np.int64]
    values: NDArray[Any] | RowsInFile | None
    faults: list[Fault]


def make_block(start: int, info: DatasetInfo, name: str, found: RowValues) -> Block:
    """A block of numeric records; ``name``: of its column."""
    rows, records = found.rows, found.records
    faults = found.faults
    fingerprints = np.zeros(records, np.uint64)  # not touched if all are replaced
    columns: tuple[ArrayColumn, ...] = ()
    if found.values is not None and not info.record_bytes:
        why = f"the record has shape {info.shape}"
        faults = faults + [Fault(row, "empty-record", why) for row in rows.tolist()]
    elif found.values is not None:
        columns = (ArrayColumn(name, rows, found.values),)
        found_fingerprints = compute_fingerprints(columns[0])
        if len(rows) == records:
            fingerprints = found_fingerprints
        else:
            fingerprints[rows] = found_fingerprints
    return Block(
        start,
        records,
        records * info.record_bytes,
        arrays=columns,
        faults=tuple(faults),
        fingerprints=fingerprints,
        has_exact_fingerprints=False,
        digests=partial(compute_digests, columns, {}),
    )


def read_bytes_block(data: RowCursor, context: BlockContext, first: int, stop: int) -> Block:
    """Read a block of records of variable length: encoded images, or opaque bytes."""
    readable, values, faults = join_arrays(data.take(first, stop), first)
    strings = [] if values is None else [one.tobytes() for one in values]
    has_bytes = np.array([bool(one) for one in strings], np.bool_)
    rows = readable[has_bytes] if strings else readable
    empty = readable[~has_bytes].tolist() if strings else []
    faults += [Fault(row, "empty-record", "the record has 0 bytes") for row in empty]
    block = make_decoder(data.source.info.content, context.options).decode(
        context.base + first,
        BytesColumn.of([one for one in strings if one]),
        partial(track_among, context.track, first + rows),
        decode_images=context.decode_images,
    )
    block = scatter(block, rows, stop - first)
    return replace(block, faults=(*faults, *block.faults))


def make_decoder(content: str, options: ReadOptions) -> Decoder:
    """The decoder of records of variable length."""
    from datascan.decoders.image.decoder import ImageDecoder  # noqa: PLC0415  (numbers need no decoder)
    from datascan.decoders.raw import RawDecoder  # noqa: PLC0415  (numbers need no decoder)

    return ImageDecoder(options) if content == "images" else RawDecoder(options)


def add_extra(block: Block, extra: RowCursor, first: int, stop: int) -> Block:
    """Add the values of an additional dataset to a block."""
    info = extra.source.info
    if not info.record_bytes:
        return block
    found = RowValues(stop - first, *join_values(extra.take(first, stop), first))
    return add_values(block, info, found)


def add_values(block: Block, info: DatasetInfo, found: RowValues) -> Block:
    """Add the values of an additional dataset that have been read."""
    columns: tuple[ArrayColumn, ...] = ()
    if found.values is not None:
        columns = (ArrayColumn(info.name, found.rows, found.values, primary=False),)
    return replace(
        block,
        nbytes=block.nbytes + found.records * info.record_bytes,
        arrays=(*block.arrays, *columns),
        faults=(*block.faults, *found.faults),
    )


def read_labels(label: OpenDataset, context: BlockContext, first: int, stop: int) -> RowLabels:
    """Read the labels of rows ``first`` <= row < ``stop``; missing beyond the dataset's end."""
    end = max(first, min(stop, label.info.rows))
    context.track(first, end - first)
    rows, values, faults = join_arrays(list(label.read(first, end)), first)
    reasons = {first + fault.row: fault.detail for fault in faults if fault.row is not None}
    if label.info.content == "text":
        labels = context.text_labels.make_labels(values, rows, stop - first)
        return RowLabels(first, labels, reasons)
    shape = (stop - first, *flatten_shape(label.info.shape))
    if values is not None and len(rows) == stop - first and values.dtype == label.info.dtype:
        labels = Labels(values.reshape(shape), np.ones(stop - first, np.bool_))
        return RowLabels(first, labels, reasons)
    all_values: NDArray[Any] = np.zeros(shape, label.info.dtype)
    present = np.zeros(stop - first, np.bool_)
    if values is not None:
        all_values[rows] = values.reshape(len(rows), *shape[1:])
        present[rows] = True
    return RowLabels(first, Labels(all_values, present), reasons)


def flatten_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a label: () for a single number, (k,) for several."""
    size = int(np.prod(shape, dtype=np.int64))
    return () if size == 1 else (size,)
