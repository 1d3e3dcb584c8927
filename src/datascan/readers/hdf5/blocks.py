"""From rows of a table's columns to blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import ReadOptions
from datascan.decoders.base import Decoder, Tracker, track_among
from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.missing_rows import open_dataset
from datascan.readers.hdf5.rows import (
    OpenDataset,
    RowCursor,
    arrays_of,
    block_rows,
    block_rows_in_file,
    values_of,
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


@dataclass(frozen=True, eq=False)
class OpenTable:
    """A table's columns, opened in this process; ``part_name`` is that of the records' values."""

    data: OpenDataset
    label: OpenDataset | None
    extras: tuple[OpenDataset, ...]
    part_name: str


def open_table(file: Any, table: Table, *, whole: bool) -> OpenTable:
    """Open a table's columns; in a file scanned whole, values go by the path of their dataset."""

    def opened(column: DatasetInfo) -> OpenDataset:
        return OpenDataset(open_dataset(file, column.path), column)

    return OpenTable(
        opened(table.data),
        opened(table.label) if table.label else None,
        tuple(map(opened, table.extras)),
        table.data.name if whole else "data",
    )


@dataclass(frozen=True, eq=False)
class RowLabels:
    """Labels of the rows from ``first`` on, and why some could not be read."""

    first: int
    labels: Labels
    faults: dict[int, str]

    def part(self, first: int, stop: int) -> tuple[Labels, list[Fault]]:
        """The labels of ``first`` <= row < ``stop``, and the faults counted from ``first``."""
        rows = slice(first - self.first, stop - self.first)
        labels = Labels(self.labels.values[rows], self.labels.present[rows])
        faults = [
            Fault(row - first, "damaged-store", self.faults[row])
            for row in (range(first, stop) if self.faults else ())
            if row in self.faults
        ]
        return labels, faults


@dataclass(frozen=True, kw_only=True)
class BlockContext:
    """What every block of a table needs: row 0 of the table has the address ``base``.

    ``track(row, count)`` is called with rows of the table before they are read. ``text_labels``
    gives the numbers of labels that are words.
    """

    base: int
    track: Tracker
    options: ReadOptions
    text_labels: TextLabels
    decode_images: bool = True


def blocks(table: OpenTable, start: BlockContext, first: int, stop: int) -> Iterator[Block]:
    """The records in rows ``first`` <= row < ``stop``."""
    data = RowCursor(table.data, first, stop, start.track)
    extras = [RowCursor(extra, first, stop, start.track) for extra in table.extras]
    labels = read_labels(table.label, start, first, stop) if table.label else None
    in_file = table.data.file_rows is not None
    rows = (block_rows_in_file if in_file else block_rows)(table.data.column)
    at = first
    while at < stop:
        end = min(stop, at + rows, data.unit_end(at))
        if table.data.column.content == "numbers":
            block = number_block(data, table.part_name, start, at, end)
        else:
            block = bytes_block(data, start, at, end)
        for extra in extras:
            block = with_extra(block, extra, at, end)
        if labels is not None:
            chosen, faults = labels.part(at, end)
            block = replace(block, labels=chosen, faults=(*block.faults, *faults))
        yield block
        at = end


def number_block(data: RowCursor, name: str, start: BlockContext, first: int, stop: int) -> Block:
    """A block of records that are arrays."""
    rows, values, faults = values_of(data.take(first, stop), first)
    records = stop - first
    signatures = np.zeros(records, np.uint64)
    parts: tuple[ArrayColumn, ...] = ()
    if values is not None and not data.column.column.record_bytes:
        why = f"the record has the shape {data.column.column.shape}"
        faults += [Fault(row, "empty-record", why) for row in rows.tolist()]
    elif values is not None:
        parts = (ArrayColumn(name, rows, values),)
        signatures[rows] = compute_fingerprints(parts[0])
    return Block(
        start.base + first,
        records,
        records * data.column.column.record_bytes,
        arrays=parts,
        faults=tuple(faults),
        fingerprints=signatures,
        has_exact_fingerprints=False,
        digests=partial(compute_digests, parts, {}),
    )


def bytes_block(data: RowCursor, start: BlockContext, first: int, stop: int) -> Block:
    """A block of records of variable length: encoded images, or bytes of no known meaning."""
    readable, values, faults = arrays_of(data.take(first, stop), first)
    octets = [] if values is None else [one.tobytes() for one in values]
    full = np.array([bool(one) for one in octets], np.bool_)
    rows = readable[full] if octets else readable
    empty = readable[~full].tolist() if octets else []
    faults += [Fault(row, "empty-record", "the record has 0 bytes") for row in empty]
    block = decoder_for(data.column.column.content, start.options).decode(
        start.base + first,
        BytesColumn.of([one for one in octets if one]),
        partial(track_among, start.track, first + rows),
        decode_images=start.decode_images,
    )
    block = scatter(block, rows, stop - first)
    return replace(block, faults=(*faults, *block.faults))


def decoder_for(content: str, options: ReadOptions) -> Decoder:
    """The layout of records of variable length."""
    from datascan.decoders.image.decoder import (  # noqa: PLC0415  (the decoders are heavy)
        ImageDecoder,
    )
    from datascan.decoders.raw import RawDecoder  # noqa: PLC0415

    return ImageDecoder(options) if content == "images" else RawDecoder(options)


def with_extra(block: Block, extra: RowCursor, first: int, stop: int) -> Block:
    """The block with the values of a further column of its records."""
    column = extra.column.column
    if not column.record_bytes:
        return block
    rows, values, faults = values_of(extra.take(first, stop), first)
    parts = () if values is None else (ArrayColumn(column.name, rows, values, primary=False),)
    return replace(
        block,
        nbytes=block.nbytes + (stop - first) * column.record_bytes,
        arrays=(*block.arrays, *parts),
        faults=(*block.faults, *faults),
    )


def read_labels(column: OpenDataset, start: BlockContext, first: int, stop: int) -> RowLabels:
    """The labels of rows ``first`` <= row < ``stop``; those beyond the column's end are missing."""
    end = max(first, min(stop, column.column.rows))
    start.track(first, end - first)
    found, values, faults = arrays_of(list(column.read(first, end)), first)
    reasons = {first + fault.row: fault.detail for fault in faults if fault.row is not None}
    if column.column.content == "text":
        return RowLabels(first, start.text_labels.labels(values, found, stop - first), reasons)
    shape = (stop - first, *flat_shape(column.column.shape))
    whole: NDArray[Any] = np.zeros(shape, column.column.dtype)
    present = np.zeros(stop - first, np.bool_)
    if values is not None:
        whole[found] = values.reshape(len(found), *shape[1:])
        present[found] = True
    return RowLabels(first, Labels(whole, present), reasons)


def flat_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a label: () of a single number, (k,) of several."""
    size = int(np.prod(shape, dtype=np.int64))
    return () if size == 1 else (size,)
