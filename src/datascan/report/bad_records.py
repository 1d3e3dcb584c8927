"""Every bad record, not a sample: JSON Lines, one object per record and rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.scanner.result import ScanResult
from datascan.text import escape_in_json, escape_surrogates


def iter_bad_records(scanned: ScanResult) -> Iterator[str]:
    """The lines, by index, then errors first, then by rule.

    The keys of one shard at most are in memory.
    """
    named = BadRecordIndex.of(
        [one for one in sorted(scanned.issues, key=rule_order) if one.flagged]
    )
    if named is None:
        return
    for positions, keys in scanned.iter_keys(named.addresses):
        indices = scanned.summary.indices(named.addresses[positions])
        for position, index, key in zip(positions.tolist(), indices.tolist(), keys, strict=True):
            yield named.line(position, index, key)


def with_source(lines: Iterable[str], path: str, phase: str) -> Iterator[str]:
    """Lines of one source of a net, each with the path and phase of the source first."""
    first = json_line({"source": escape_surrogates(path), "phase": phase})[:-1]
    return (f"{first}, {line[1:]}" for line in lines)


def json_line(members: Mapping[str, Any]) -> str:
    """An object in one line, with escapes for what is not safe to print."""
    return escape_in_json(json.dumps(members, ensure_ascii=False))


def rule_order(issue: Issue) -> tuple[int, str]:
    """Errors first, then by rule."""
    return -issue.severity.rank, issue.rule


@dataclass(frozen=True, eq=False)
class BadRecordIndex:
    """All pairs of record and rule, in the order of the lines, (n,) each.

    ``source`` is an index into ``issues``, ``place`` one into ``facts[source]``.
    """

    issues: list[Issue]
    facts: list[NDArray[Any]]
    addresses: NDArray[np.int64]
    source: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, issues: list[Issue]) -> BadRecordIndex | None:
        """Index the records of ``issues``, which are sorted by rule; None without records."""
        flagged = [issue.flagged for issue in issues if issue.flagged is not None]
        if not flagged:
            return None
        addresses = [found.addresses.array for found in flagged]
        numbers: dict[str, int] = {}
        rules = [numbers.setdefault(issue.rule, len(numbers)) for issue in issues]
        sizes = [len(part) for part in addresses]
        address = np.concatenate(addresses)
        source = np.repeat(np.arange(len(issues)), sizes)
        place = np.concatenate([np.arange(size) for size in sizes])
        rule = np.repeat(rules, sizes)
        # A record and rule named by two issues counts once, for the worse issue.
        order = np.lexsort((source, rule, address))
        again = (np.diff(address[order]) == 0) & (np.diff(rule[order]) == 0)
        order = np.delete(order, np.flatnonzero(again) + 1)
        order = order[np.lexsort((source[order], address[order]))]
        facts = [found.facts.array for found in flagged]
        return cls(issues, facts, address[order], source[order], place[order])

    def line(self, position: int, index: int, key: str) -> str:
        """The line of one pair: the record's index and key, and what the rule says of it."""
        source = int(self.source[position])
        issue = self.issues[source]
        fact = self.facts[source][int(self.place[position])]
        line: dict[str, Any] = {
            "index": index,
            "key": escape_surrogates(key),
            "rule": issue.rule,
            "severity": issue.severity.value,
            "detail": escape_surrogates(issue.describe(fact)),
        }
        if issue.accepted is not None:
            line["accepted"] = True
        return json_line(line) + "\n"
