"""Every bad record, not a sample: JSON Lines, one object per record and rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates


def iter_bad_records(scanned: ScanResult) -> Iterator[str]:
    """The lines, by index, then errors first, then by rule.

    The keys of one shard at most are in memory.
    """
    named = BadRecordIndex.of([j for j in sorted(scanned.issues, key=rule_order) if j.flagged])
    if named is None:
        return
    for positions, keys in scanned.iter_keys(named.addresses):
        indices = scanned.summary.indices(named.addresses[positions])
        for position, index, key in zip(positions.tolist(), indices.tolist(), keys, strict=True):
            yield named.line(position, index, key)


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

    def line(self, position: int, index: int, key: str) -> str:
        """The line of one pair: the record's index and key, and what the rule says of it."""
        source = int(self.source[position])
        judgement = self.judged[source]
        fact = self.facts[source][int(self.place[position])]
        line: dict[str, Any] = {
            "index": index,
            "key": escape_surrogates(key),
            "rule": judgement.rule,
            "severity": judgement.severity.value,
            "detail": escape_surrogates(judgement.describe(fact)),
        }
        if judgement.accepted is not None:
            line["accepted"] = True
        return json.dumps(line, ensure_ascii=False) + "\n"
