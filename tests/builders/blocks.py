"""Blocks made by hand, a reader that serves them, and what a check has to say about them."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datascan.config.options import Options
from datascan.decoders.base import Tracker
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


def block_of(
    values: Any = None,
    labels: Any = None,
    *,
    present: Any = None,
    records: int | None = None,
    extras: dict[str, Any] | None = None,
    pictures: ImageColumn | None = None,
    faults: Sequence[Fault] = (),
    numbers: Sequence[int] | None = None,
    prefix: str = "",
) -> Block:
    """A block at address 0 whose records are the rows of ``values``, or ``records`` without any."""
    parts: tuple[ArrayColumn, ...] = ()
    if values is not None:
        parts = (part_of(values),)
    return block_of_parts(
        parts,
        len(values) if values is not None else records or 0,
        labels,
        present=present,
        extras=extras,
        pictures=pictures,
        faults=faults,
        numbers=numbers,
        prefix=prefix,
    )


def part_of(
    values: Any, rows: Any = None, name: str = "data", *, primary: bool = True
) -> ArrayColumn:
    """A part for ``rows``, by default the first ones."""
    values = np.asarray(values)
    chosen = np.arange(len(values)) if rows is None else np.asarray(rows, np.int64)
    return ArrayColumn(name, chosen, values, primary)


def array_of(part: ArrayColumn) -> Any:
    """All values of a part, (m, ...), wherever they lie."""
    return part.flat.reshape(len(part.rows), *part.shape)


def block_of_parts(
    parts: Sequence[ArrayColumn],
    records: int,
    labels: Any = None,
    *,
    present: Any = None,
    extras: dict[str, Any] | None = None,
    pictures: ImageColumn | None = None,
    faults: Sequence[Fault] = (),
    numbers: Sequence[int] | None = None,
    prefix: str = "",
) -> Block:
    """A block at address 0 of ``records`` whose values are ``parts`` and ``pictures``."""
    signatures = np.zeros(records, np.uint64)
    for part in parts:
        signatures[part.rows] = compute_fingerprints(part)
    encoded = {}
    if pictures is not None:
        for row, low, high in zip(pictures.rows, pictures.low, pictures.high, strict=True):
            encoded[int(row)] = low.tobytes() + high.tobytes()
            signatures[row] = max(1, hash(encoded[int(row)]) & 0xFFFFFFFF)
    chosen = None
    if labels is not None:
        has = np.ones(records, np.bool_) if present is None else np.asarray(present, np.bool_)
        chosen = Labels(np.asarray(labels), has)
    further = tuple(
        part_of(values, name=name, primary=False) for name, values in (extras or {}).items()
    )
    return Block(
        0,
        records,
        sum(part.values.nbytes for part in parts),
        arrays=(*parts, *further),
        images=pictures,
        labels=chosen,
        faults=tuple(faults),
        fingerprints=signatures,
        has_exact_fingerprints=not parts,
        digests=partial(compute_digests, tuple(parts), encoded),
        key_numbers=None if numbers is None else KeyNumbers(prefix, np.asarray(numbers, np.int64)),
    )


def pictures_of(
    *sizes: tuple[int, ...], low: Any = 0, high: Any = 255, rows: Any = None, mode: str = ""
) -> ImageColumn:
    """Pictures of (channels, height, width); ``low`` and ``high`` for all, or for each channel."""
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
    """The block in two: ``at`` records, and the rest; faults of no record stay on the left."""
    return (
        rows_of(block, 0, at),
        rows_of(
            replace(block, faults=tuple(f for f in block.faults if f.row is not None)),
            at,
            block.records,
        ),
    )


def rows_of(block: Block, first: int, last: int) -> Block:
    """The rows ``first`` <= row < ``last`` of a block, as a block of their own."""
    parts = []
    for part in block.arrays:
        inside = (part.rows >= first) & (part.rows < last)
        if inside.any():
            parts.append(replace(part, rows=part.rows[inside] - first, values=part.values[inside]))
    pictures = block.images
    if pictures is not None:
        inside = (pictures.rows >= first) & (pictures.rows < last)
        columns = {name: column[inside] for name, column in vars(pictures).items()}
        columns["rows"] = columns["rows"] - first
        pictures = ImageColumn(**columns) if inside.any() else None
    labels, numbers = block.labels, block.key_numbers
    narrow = block.digests
    return replace(
        block,
        start=block.start + first,
        records=last - first,
        arrays=tuple(parts),
        images=pictures,
        labels=labels and Labels(labels.values[first:last], labels.present[first:last]),
        faults=tuple(
            f if f.row is None else replace(f, row=f.row - first)
            for f in block.faults
            if f.row is None or first <= f.row < last
        ),
        fingerprints=None if block.fingerprints is None else block.fingerprints[first:last],
        digests=narrow and partial(shifted, narrow, first),
        key_numbers=numbers and KeyNumbers(numbers.prefix, numbers.values[first:last]),
    )


def shifted(narrow: Any, first: int, rows: Any) -> Any:
    """Digests of rows that are counted from ``first``."""
    return narrow(rows + first)


class BlockReader(Reader):
    """Serves blocks: a list of them for each shard. ``plan`` holds more fields of the plan."""

    name: ClassVar[str] = "blocks"

    def __init__(
        self, shards: Sequence[Sequence[Block]], plan: dict[str, Any] | None = None, **options: Any
    ) -> None:
        super().__init__((Path("blocks"),), Options().replace(**{"workers": 0, **options}))
        self.shards = shards
        self.more = {"layout": "blocks", "nbytes": 0, **(plan or {})}

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return False

    def plan(self) -> Plan:
        return Plan(shards=tuple(Shard(i, None) for i in range(len(self.shards))), **self.more)

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Any:
        base, row = shard.base, 0
        for block in self.shards[shard.index]:
            yield replace(block, start=base + row)
            row += block.records

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        return [f"{shard.index}/{row}" for row in rows]


@dataclass(frozen=True)
class Said:
    """A judgement in plain values: ``named`` are details by record index."""

    rule: str
    severity: str
    message: str
    fix: str
    records: int
    named: dict[int, str]
    details: tuple[str, ...]


def said(judgement: Any, dataset: Any) -> Said:
    """The judgement in plain values."""
    named: dict[int, str] = {}
    if judgement.flagged is not None:
        addresses = judgement.flagged.addresses.array
        facts = judgement.flagged.facts.array
        assert len(addresses) == len(facts) == len(np.unique(addresses))
        indices = dataset.indices(addresses).tolist()
        named = {i: judgement.describe(fact) for i, fact in zip(indices, facts, strict=True)}
    return Said(
        judgement.rule,
        judgement.severity.value,
        judgement.message,
        judgement.fix,
        judgement.records,
        named,
        judgement.details,
    )


def travelled(value: Any) -> Any:
    """What arrives when ``value`` goes to another process."""
    return pickle.loads(pickle.dumps(value))


def findings(
    check: Any, *blocks: Block, plan: dict[str, Any] | None = None, **options: Any
) -> list[Said]:
    """What ``check``, a class, says of a dataset in which every block is a shard."""
    scanned = scan(BlockReader([[block] for block in blocks], plan, **options), [check()])
    return [said(judgement, scanned.summary) for judgement in scanned.issues]


def finding(check: Any, *blocks: Block, **options: Any) -> Said:
    """The one thing that ``check`` says."""
    (only,) = findings(check, *blocks, **options)
    assert only.rule == check.rule
    return only
