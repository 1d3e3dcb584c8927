"""Every bad record, not a sample: JSON Lines, one object per record and rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.metrics.base import sorted_distinct
from datascan.report.figures import Related
from datascan.report.related import describe_related, find_related
from datascan.scanner.result import ScanResult
from datascan.text import escape_in_json, escape_surrogates


def find_bad_records(issues: Iterable[Issue], severity: Severity) -> NDArray[np.int64]:
    """Addresses, ascending, of the records with an issue at or above ``severity``.

    Accepted issues do not count.
    """
    found = [
        issue.flagged.addresses.array
        for issue in issues
        if issue.flagged is not None
        and issue.accepted is None
        and issue.severity.rank >= severity.rank
    ]
    return sorted_distinct(np.concatenate(found)) if found else np.empty(0, np.int64)


def iter_bad_records(scanned: ScanResult) -> Iterator[str]:
    """The lines, by index, then errors first, then by rule.

    Only issues at or above the severity that the user asked for are included. The keys of one
    shard at most are in memory, besides those of partners.
    """
    lowest = Severity(scanned.summary.options.verdict.bad_records_severity).rank
    issues = [one for one in scanned.issues if one.flagged and one.severity.rank >= lowest]
    named = BadRecordIndex.of(sorted(issues, key=rule_order))
    if named is None:
        return
    for positions, keys in scanned.iter_keys(named.addresses):
        indices = scanned.summary.indices(named.addresses[positions]).tolist()
        details = named.describe(positions, scanned)
        rows = zip(positions.tolist(), indices, keys, details, strict=True)
        for position, index, key, (detail, partner) in rows:
            yield named.line(position, index, key, detail, partner)


def with_source(lines: Iterable[str], path: str, phase: str) -> Iterator[str]:
    """Lines of one source of a net, each with the path and phase of the source first."""
    first = json_line({"source": escape_surrogates(path), "phase": phase})[:-1]
    return (f"{first}, {line[1:]}" for line in lines)


def with_dataset(lines: Iterable[str], path: str) -> Iterator[str]:
    """Lines of one of several datasets, each with its path first."""
    first = json_line({"dataset": escape_surrogates(path)})[:-1]
    return (f"{first}, {line[1:]}" for line in lines)


def json_line(members: Mapping[str, Any]) -> str:
    """An object in one line, with escapes for what is not safe to print."""
    import json  # noqa: PLC0415  (most scans do not write these lines)

    return escape_in_json(json.dumps(members, ensure_ascii=False))


def rule_order(issue: Issue) -> tuple[int, str]:
    """Errors first, then by rule."""
    return -issue.severity.rank, issue.rule


class BadRecordIndex(Struct, frozen=True, eq=False):
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

    def describe(
        self, positions: NDArray[np.int64], scanned: ScanResult
    ) -> list[tuple[str, Related | None]]:
        """What the rule says of each pair, and the record that it was compared with, if any."""
        described: list[tuple[str, Related | None]] = [("", None)] * len(positions)
        for source in sorted_distinct(self.source[positions]).tolist():
            issue, chosen = self.issues[source], np.flatnonzero(self.source[positions] == source)
            places = self.place[positions[chosen]]
            partners = find_related(issue, places, scanned)
            for at, place, partner in zip(chosen.tolist(), places.tolist(), partners, strict=True):
                detail = issue.describe(self.facts[source][place])
                described[at] = describe_related(detail, partner, scanned), partner
        return described

    def line(
        self, position: int, index: int, key: str, detail: str, partner: Related | None
    ) -> str:
        """The line of one pair: the record's index and key, and what the rule says of it."""
        issue = self.issues[int(self.source[position])]
        line: dict[str, Any] = {
            "index": index,
            "key": escape_surrogates(key),
            "rule": issue.rule,
            "severity": issue.severity.value,
            "detail": escape_surrogates(detail),
        }
        if partner is not None:
            line["related"] = [msgspec.to_builtins(partner)]
        if issue.accepted is not None:
            line["accepted"] = True
        if issue.tolerated is not None:
            line["tolerated"] = True
        return json_line(line) + "\n"
