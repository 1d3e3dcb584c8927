"""One block from the rows of many small tables of one kind, which are read without HDF5."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.hdf5.blocks import (
    BlockContext,
    OpenTable,
    RowLabels,
    RowValues,
    add_values,
    make_block,
    read_labels,
)
from datascan.readers.hdf5.rows import OpenDataset, join_arrays
from datascan.records.block import Block, Fault, Labels


class Piece(Struct, frozen=True):
    """Rows ``first`` <= row < ``stop`` of a table; ``table`` is None if it cannot be opened.

    ``at``: the row of the block at which they begin; ``why``: the reason.
    """

    at: int
    first: int
    stop: int
    table: OpenTable | None
    why: str = ""


def read_pieces(pieces: Iterable[Piece], context: BlockContext) -> Block:
    """The rows of all pieces as one block that begins at address ``context.base``."""
    parts = list(pieces)
    records = sum(piece.stop - piece.first for piece in parts)
    context.track(0, records)
    lost = [
        Fault(piece.at + row, "damaged-store", piece.why)
        for piece in parts
        if piece.table is None
        for row in range(piece.stop - piece.first)
    ]
    readable = [(piece, piece.table) for piece in parts if piece.table is not None]
    if not readable:
        return Block(context.base, records, 0, faults=tuple(lost))
    table = readable[0][1]

    def read_column(choose: Callable[[OpenTable], OpenDataset]) -> RowValues:
        return read_values([(piece, choose(own)) for piece, own in readable], records)

    block = make_block(context.base, table.data.info, table.data_name, read_column(get_data))
    for number, extra in enumerate(table.extras):
        if extra.info.record_bytes:
            found = read_column(lambda own, number=number: own.extras[number])  # type: ignore[misc]  # the stub of lambdas
            block = add_values(block, extra.info, found)
    labels = {
        piece.at: read_labels(own.label, context, piece.first, piece.stop)
        for piece, own in readable
        if own.label is not None
    }
    if labels:
        block = add_labels(block, labels)
    return replace(block, faults=(*lost, *block.faults))


def get_data(table: OpenTable) -> OpenDataset:
    """The data of a table."""
    return table.data


def read_values(pieces: Iterable[tuple[Piece, OpenDataset]], records: int) -> RowValues:
    """The values of a column of all pieces; rows count from the first of the block."""
    rows: list[NDArray[np.int64]] = []
    values: list[NDArray[Any]] = []
    faults: list[Fault] = []
    for piece, dataset in pieces:
        slices = list(dataset.read(piece.first, piece.stop))
        own_rows, own_values, own_faults = join_arrays(slices, piece.first)
        faults += shifted(own_faults, piece.at)
        if own_values is not None:
            rows.append(own_rows + piece.at)
            values.append(own_values)
    if not values:
        return RowValues(records, np.empty(0, np.int64), None, faults)
    return RowValues(records, np.concatenate(rows), np.concatenate(values), faults)


def shifted(faults: Iterable[Fault], by: int) -> Iterator[Fault]:
    """The faults of rows that come later."""
    return (replace(fault, row=fault.row + by) for fault in faults if fault.row is not None)


def add_labels(block: Block, parts: dict[int, RowLabels]) -> Block:
    """The block with labels; ``parts``: those of each piece, by the row at which it begins."""
    first = next(iter(parts.values())).labels.values
    values = np.zeros((block.records, *first.shape[1:]), first.dtype)
    present = np.zeros(block.records, np.bool_)
    faults: list[Fault] = []
    for at, part in parts.items():
        rows = slice(at, at + len(part.labels.present))
        values[rows], present[rows] = part.labels.values, part.labels.present
        faults += [
            Fault(at + row - part.first, "damaged-store", why) for row, why in part.faults.items()
        ]
    return replace(block, labels=Labels(values, present), faults=(*block.faults, *faults))
