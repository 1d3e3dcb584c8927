"""Scan results made by hand: issues, and a reader that only knows keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datascan.checks.base import Issue
from datascan.config.options import Options, Severity
from datascan.decoders.base import Tracker
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.readers.base import Reader
from datascan.records.block import Block
from datascan.records.shard import Plan, Shard
from datascan.scanner.result import ScanResult


class KeyReader(Reader):
    """Knows the keys of its records, and records the requests for them."""

    name: ClassVar[str] = "keys"

    def __init__(self, keys: Sequence[Sequence[str]], paths: Sequence[str], **options: Any) -> None:
        super().__init__(tuple(Path(path) for path in paths), Options().replace(**options))
        self.known = keys
        self.asked: list[tuple[int, list[int]]] = []

    @classmethod
    def accepts(cls, path: Path) -> bool:
        return False

    def plan(self) -> Plan:
        shards = tuple(Shard(i, None) for i in range(len(self.known)))
        return Plan(shards=shards, layout="by hand", nbytes=0)

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        raise NotImplementedError

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        assert list(rows) == sorted(set(rows))
        self.asked.append((shard.index, list(rows)))
        return [self.known[shard.index][row] for row in rows]


def address(shard: int, row: int) -> int:
    """The address of a row in a shard."""
    return Shard(shard, None).base | row


def judgement(rule: str, severity: str, *places: tuple[int, int], **more: Any) -> Issue:
    """An issue about the records at (shard, row), with facts "rule at shard/row"."""
    addresses = np.array([address(*place) for place in places], np.int64)
    facts = np.array([f"{rule} at {shard}/{row}" for shard, row in places], object)
    return Issue(
        rule,
        Severity(severity),
        more.pop("message", f"{rule} message"),
        more.pop("fix", f"{rule} fix"),
        **{
            "records": len(places),
            "flagged": Flagged.of(addresses, facts) if places else None,
            **more,
        },
    )


def scanned_of(
    *judgements: Issue,
    keys: Sequence[Sequence[str]] = (("a", "b", "c"), (), ("d", "e")),
    paths: Sequence[str] = ("by", "hand"),
    tallies: dict[str, Any] | None = None,
    complete: bool = True,
    plan: dict[str, Any] | None = None,
    **options: Any,
) -> ScanResult:
    """A scan with these issues, of a dataset with these keys in its shards."""
    reader = KeyReader(keys, paths, **options)
    shards = reader.plan().shards
    dataset = DatasetSummary(
        Plan(shards=shards, layout="by hand", nbytes=0, **(plan or {})),
        reader.options,
        np.array([len(shard) for shard in keys], np.int64),
        tallies or {},
        is_complete=complete,
    )
    return ScanResult(
        reader=reader, summary=dataset, issues=judgements, nbytes=4_321, seconds=1.23456
    )
