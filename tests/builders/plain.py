"""A dataset in memory: rows of numbers, some of which crash or hang the process that reads them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.readers.base import Reader
from datascan.records.block import ArrayColumn, Block, Labels, compute_digests, compute_fingerprints
from datascan.records.shard import Plan, Shard

ROWS_A_BLOCK = 8


class PlainReader(Reader):
    """``values`` (n, k) with ``labels`` (n,), in shards of ``rows`` records.

    Reading a row in ``deadly`` kills the process with SIGSEGV, a row in ``endless`` hangs. With
    ``blockwise``, a whole block is marked at once. With ``kill_once``, reading row 5 of a shard
    kills the process the first time; a file in that folder marks the shard.
    """

    name: ClassVar[str] = "plain"

    def __init__(
        self, values, labels, *, rows=10, deadly=(), endless=(), blockwise=False, **options
    ):
        super().__init__((Path("plain"),), Options().replace(**options))
        self.values, self.labels, self.rows = values, labels, rows
        self.deadly, self.endless, self.blockwise = deadly, endless, blockwise
        self.kill_once: Path | None = None

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return False

    def plan(self) -> Plan:
        shards = tuple(
            Shard(i, (first, min(first + self.rows, len(self.values))))
            for i, first in enumerate(range(0, len(self.values), self.rows))
        )
        return Plan(shards=shards, layout="plain", nbytes=self.values.nbytes)

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        first, stop = shard.span
        low = first + shard.first
        high = stop if shard.last is None else min(stop, first + shard.last)
        for at in range(low, high, ROWS_A_BLOCK):
            end = min(at + ROWS_A_BLOCK, high)
            if self.blockwise:
                track(at - first, end - at)
            for row in range(at, end):
                if not self.blockwise:
                    track(row - first, 1)
                self.touch(row, row - first, shard.index)
            yield self.block(shard.base + at - first, at, end)

    def touch(self, row: int, own: int, shard: int) -> None:
        if row in self.deadly:
            os.kill(os.getpid(), signal.SIGSEGV)
        if row in self.endless:
            time.sleep(60)
        if self.kill_once is not None and own == 5:
            done = self.kill_once / str(shard)
            if not done.exists():
                done.touch()
                os.kill(os.getpid(), signal.SIGKILL)

    def block(self, start: int, at: int, end: int) -> Block:
        part = ArrayColumn("data", np.arange(end - at), self.values[at:end])
        return Block(
            start,
            end - at,
            part.values.nbytes,
            arrays=(part,),
            labels=Labels(self.labels[at:end], np.ones(end - at, np.bool_)),
            fingerprints=compute_fingerprints(part),
            has_exact_fingerprints=False,
            digests=lambda rows: compute_digests((part,), {}, rows),
        )

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        first, stop = shard.span
        return stop - first

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        return [f"row {shard.span[0] + row}" for row in rows]
