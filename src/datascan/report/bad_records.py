"""Every bad record, not a sample: JSON Lines, one object per record and rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.records.shard import ROW_BITS
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates


def iter_bad_records(scanned: ScanResult) -> Iterator[str]:
    """The lines, by index, then errors first, then by rule.

    Keys are looked up shard by shard, so that no more than one shard's keys are held.
    """
    named = BadRecordIndex.of([j for j in sorted(scanned.issues, key=rule_order) if j.flagged])
    if named is None:
        return
    shards = named.addresses >> ROW_BITS
    edges = np.flatnonzero(np.diff(shards, prepend=-1, append=-1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield from shard_lines(scanned, named, slice(start, end))


def with_source(lines: Iterable[str], path: str, phase: str) -> Iterator[str]:
    """Lines of one source of a net, with the source's path and phase before everything else."""
    first = json.dumps({"source": escape_surrogates(path), "phase": phase}, ensure_ascii=False)[:-1]
    return (f"{first}, {line[1:]}" for line in lines)


def rule_order(judgement: Issue) -> tuple[int, str]:
    """Errors first, then by rule."""
    return -judgement.severity.rank, judgement.rule


@dataclass(frozen=True, eq=False)
class BadRecordIndex:
    """All pairs of record and rule, in the order of the lines, (n,) each.

    ``source`` is a number in ``judged``, ``place`` the row of ``facts[source]``.
    """

    judged: list[Issue]
    facts: list[NDArray[Any]]
    addresses: NDArray[np.int64]
    source: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, judged: list[Issue]) -> BadRecordIndex | None:
        """Sort what ``judged``, in the order of rules, names; None if that is nothing."""
        flagged = [judgement.flagged for judgement in judged if judgement.flagged is not None]
        if not flagged:
            return None
        addresses = [found.addresses.array for found in flagged]
        numbers: dict[str, int] = {}
        rules = [numbers.setdefault(judgement.rule, len(numbers)) for judgement in judged]
        sizes = [len(part) for part in addresses]
        address = np.concatenate(addresses)
        source = np.repeat(np.arange(len(judged)), sizes)
        place = np.concatenate([np.arange(size) for size in sizes])
        rule = np.repeat(rules, sizes)
        # A pair that two judgements name counts once, as the worse of them has it.
        order = np.lexsort((source, rule, address))
        again = (np.diff(address[order]) == 0) & (np.diff(rule[order]) == 0)
        order = np.delete(order, np.flatnonzero(again) + 1)
        order = order[np.lexsort((source[order], address[order]))]
        facts = [found.facts.array for found in flagged]
        return cls(judged, facts, address[order], source[order], place[order])


def shard_lines(scanned: ScanResult, named: BadRecordIndex, chosen: slice) -> Iterator[str]:
    """The lines of one shard's records."""
    unique, which = np.unique(named.addresses[chosen], return_inverse=True)
    shard = scanned.summary.plan.shards[int(unique[0]) >> ROW_BITS]
    keys = scanned.reader.keys(shard, (unique & ((1 << ROW_BITS) - 1)).tolist())
    indices = scanned.summary.indices(unique).tolist()
    columns = (which, named.source[chosen], named.place[chosen])
    for at, source, place in zip(*(column.tolist() for column in columns), strict=True):
        judgement = named.judged[source]
        line = {
            "index": indices[at],
            "key": escape_surrogates(keys[at]),
            "rule": judgement.rule,
            "severity": judgement.severity.value,
            "detail": escape_surrogates(judgement.describe(named.facts[source][place])),
        }
        if judgement.accepted is not None:
            line["accepted"] = True
        yield json.dumps(line, ensure_ascii=False) + "\n"
