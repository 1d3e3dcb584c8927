"""Blocks made by hand, a reader that serves them, and what checks find in them.

For tests of checks: ``findings(MyCheck, block_of([[1.0, 2.0], [nan, 3.0]], labels=[0, 1]))``.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.metrics.base import DatasetSummary
from datascan.readers.base import Reader
from datascan.records.block import (
    ArrayColumn,
    Block,
    Fault,
    ImageColumn,
    KeyNumbers,
    Labels,
    compute_digests,
    compute_fingerprints,
)
from datascan.records.shard import Plan, Shard
from datascan.scanner.scan import scan

T = TypeVar("T")


def block_of(  # noqa: PLR0913  (all but the values by name, and optional)
    values: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    *,
    present: ArrayLike | None = None,
    records: int | None = None,
    extras: dict[str, Any] | None = None,
    images: ImageColumn | None = None,
    faults: Sequence[Fault] = (),
    numbers: Sequence[int] | None = None,
    prefix: str = "",
) -> Block:
    """A block at address 0 whose records are the rows of ``values``.

    Args:
        values: one record a row, shape (n, ...); None for records without an array.
        labels: (n,) or (n, k); ``present``, bool (n,), says which records have one.
        present: see ``labels``; all of them if None.
        records: the number of records, if there are no values.
        extras: further columns by name, each of shape (n, ...).
        images: a column of images, from :func:`images_of`.
        faults: what could not be read.
        numbers: the numbers in the keys of the records, (n,), after ``prefix``.
        prefix: see ``numbers``.
    """
    columns = () if values is None else (column_of(values),)
    count = len(columns[0].rows) if columns else records or 0
    return block_of_columns(
        columns,
        count,
        labels,
        present=present,
        extras=extras,
        images=images,
        faults=faults,
        numbers=numbers,
        prefix=prefix,
    )


def column_of(
    values: ArrayLike, rows: ArrayLike | None = None, name: str = "data", *, primary: bool = True
) -> ArrayColumn:
    """A column of the given rows of a block, by default the first ones."""
    array = np.asarray(values)
    chosen = np.arange(len(array)) if rows is None else np.asarray(rows, np.int64)
    return ArrayColumn(name, chosen, array, primary)


def array_of(column: ArrayColumn) -> NDArray[Any]:
    """All values of a column as one array, (m, ...)."""
    return column.flat.reshape(len(column.rows), *column.shape)


def block_of_columns(  # noqa: PLR0913  (all but the columns by name, and optional)
    columns: Sequence[ArrayColumn],
    records: int,
    labels: ArrayLike | None = None,
    *,
    present: ArrayLike | None = None,
    extras: dict[str, Any] | None = None,
    images: ImageColumn | None = None,
    faults: Sequence[Fault] = (),
    numbers: Sequence[int] | None = None,
    prefix: str = "",
) -> Block:
    """A block at address 0 of ``records`` records whose values are in ``columns`` and ``images``.

    The other arguments are those of :func:`block_of`.
    """
    fingerprints = np.zeros(records, np.uint64)
    for column in columns:
        fingerprints[column.rows] = compute_fingerprints(column)
    encoded: dict[int, bytes | memoryview] = {}
    if images is not None:
        for row, low, high in zip(images.rows, images.low, images.high, strict=True):
            encoded[int(row)] = low.tobytes() + high.tobytes()
            fingerprints[row] = max(1, hash(encoded[int(row)]) & 0xFFFFFFFF)
    chosen = None
    if labels is not None:
        has = np.ones(records, np.bool_) if present is None else np.asarray(present, np.bool_)
        chosen = Labels(np.asarray(labels), has)
    further = tuple(
        column_of(values, name=name, primary=False) for name, values in (extras or {}).items()
    )
    return Block(
        0,
        records,
        sum(array_of(column).nbytes for column in columns),
        arrays=(*columns, *further),
        images=images,
        labels=chosen,
        faults=tuple(faults),
        fingerprints=fingerprints,
        has_exact_fingerprints=not columns,
        digests=partial(compute_digests, tuple(columns), encoded),
        key_numbers=None if numbers is None else KeyNumbers(prefix, np.asarray(numbers, np.int64)),
    )


def images_of(
    *sizes: tuple[int, ...],
    low: Any = 0,
    high: Any = 255,
    rows: ArrayLike | None = None,
    mode: str = "",
) -> ImageColumn:
    """Images of (channels, height, width).

    ``low`` and ``high`` are their extreme values: one number, or a list with one for each channel.
    """
    shapes = np.array(sizes, np.int64).reshape(-1, 3)
    count = len(shapes)
    edges = []
    for edge in (low, high):
        filled = np.full((count, 4), np.nan)
        for i, channels in enumerate(shapes[:, 0].tolist()):
            filled[i, :channels] = edge[i] if isinstance(edge, list) else edge
        edges.append(filled)
    modes = [mode or {1: "L", 3: "RGB", 4: "RGBA"}[c] for c in shapes[:, 0].tolist()]
    return ImageColumn(
        rows=np.arange(count) if rows is None else np.asarray(rows, np.int64),
        height=shapes[:, 1],
        width=shapes[:, 2],
        channels=shapes[:, 0],
        mode=np.array(modes, np.str_),
        format=np.full(count, "PNG"),
        dtype=np.full(count, "uint8"),
        low=edges[0],
        high=edges[1],
        totals=np.zeros(count),
        squares=np.zeros(count),
        counts=shapes.prod(axis=1),
        approximate=np.zeros(count, np.bool_),
    )


def cut(block: Block, at: int) -> tuple[Block, Block]:
    """The block in two: the first ``at`` records with all faults of no record, and the rest."""
    of_records = tuple(fault for fault in block.faults if fault.row is not None)
    return (
        slice_block(block, 0, at),
        slice_block(replace(block, faults=of_records), at, block.records),
    )


def slice_block(block: Block, first: int, last: int) -> Block:
    """The rows ``first`` <= row < ``last`` of a block as a block of their own."""
    columns = []
    for column in block.arrays:
        inside = (column.rows >= first) & (column.rows < last)
        if inside.any():
            values = array_of(column)[inside].astype(column.dtype, copy=False)
            columns.append(replace(column, rows=column.rows[inside] - first, values=values))
    labels, numbers, digests = block.labels, block.key_numbers, block.digests
    return replace(
        block,
        start=block.start + first,
        records=last - first,
        arrays=tuple(columns),
        images=block.images and slice_images(block.images, first, last),
        labels=labels and Labels(labels.values[first:last], labels.present[first:last]),
        faults=tuple(
            fault if fault.row is None else replace(fault, row=fault.row - first)
            for fault in block.faults
            if fault.row is None or first <= fault.row < last
        ),
        fingerprints=None if block.fingerprints is None else block.fingerprints[first:last],
        digests=digests and partial(shifted_digests, digests, first),
        key_numbers=numbers and KeyNumbers(numbers.prefix, numbers.values[first:last]),
    )


def slice_images(images: ImageColumn, first: int, last: int) -> ImageColumn | None:
    """The images of the rows ``first`` <= row < ``last``; None if no row has one."""
    inside = (images.rows >= first) & (images.rows < last)
    columns = {name: column[inside] for name, column in vars(images).items()}
    columns["rows"] = columns["rows"] - first
    return ImageColumn(**columns) if inside.any() else None


def shifted_digests(
    digests: Callable[[NDArray[np.int64]], list[bytes]], first: int, rows: NDArray[np.int64]
) -> list[bytes]:
    """Digests of rows that are counted from ``first``."""
    return digests(rows + first)


class BlockReader(Reader):
    """Serves blocks: a list of them for each shard. ``plan`` holds further fields of the plan."""

    name: ClassVar[str] = "blocks"

    def __init__(
        self, shards: Sequence[Sequence[Block]], plan: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__((Path("blocks"),), Options().replace(**{"workers": 0, **options}))
        self.shards = shards
        self.more = {"layout": "blocks", "nbytes": 0, **(plan or {})}

    @classmethod
    def accepts(cls, path: Path) -> bool:  # noqa: ARG003  (the blocks are in memory)
        """No path: the blocks are in memory."""
        return False

    def plan(self) -> Plan:
        """A shard for each list of blocks."""
        return Plan(shards=tuple(Shard(i, None) for i in range(len(self.shards))), **self.more)

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The blocks of a shard, moved to their addresses."""
        base, row = shard.base, 0
        for block in self.shards[shard.index]:
            yield replace(block, start=base + row)
            row += block.records

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """``shard/row``."""
        return [f"{shard.index}/{row}" for row in rows]


@dataclass(frozen=True)
class PlainIssue:
    """An issue in plain values that compare equal.

    ``named`` holds details by record index, with the index of the record's partner, if it has one.
    """

    rule: str
    severity: str
    message: str
    fix: str
    records: int
    named: dict[int, str]
    details: tuple[str, ...]


def plain_issue(issue: Issue, dataset: DatasetSummary) -> PlainIssue:
    """An issue of ``dataset`` in plain values."""
    named: dict[int, str] = {}
    if issue.flagged is not None:
        addresses = issue.flagged.addresses.array
        facts = issue.flagged.facts.array
        assert len(addresses) == len(facts) == len(np.unique(addresses))
        indices = dataset.indices(addresses).tolist()
        named = {i: issue.describe(fact) for i, fact in zip(indices, facts, strict=True)}
        if issue.partners is not None:
            partners = dataset.indices(issue.partners).tolist()
            pairs = zip(named.items(), partners, strict=True)
            named = {i: f"{detail} #{partner}" for (i, detail), partner in pairs}
    return PlainIssue(
        issue.rule,
        issue.severity.value,
        issue.message,
        issue.fix,
        issue.records,
        named,
        issue.details,
    )


def pickled(value: T) -> T:
    """What another process gets if ``value`` is sent to it."""
    copy: T = pickle.loads(pickle.dumps(value))
    return copy


def findings(
    check: type[Check[Any]], *blocks: Block, plan: dict[str, Any] | None = None, **options: Any
) -> list[PlainIssue]:
    """What a check finds in a dataset of which every block is a shard."""
    reader = BlockReader([[block] for block in blocks], plan, **options)
    scanned = scan(reader, [check().configure(reader.options.check)])
    return [plain_issue(issue, scanned.summary) for issue in scanned.issues]


def finding(check: type[Check[Any]], *blocks: Block, **options: Any) -> PlainIssue:
    """The one issue that a check finds."""
    (only,) = findings(check, *blocks, **options)
    assert only.rule == check.rule
    return only
