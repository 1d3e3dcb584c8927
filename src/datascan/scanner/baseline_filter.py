"""Compares issues with a baseline: which of them, and which of their records, are accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from datascan.checks.base import MAX_EXAMPLES, Issue, Location
from datascan.config.baseline import Baseline, BaselineEntry, hash_key, merge_entries
from datascan.metrics.base import Flagged
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates


@dataclass(slots=True)
class BaselineFilter:
    """Splits issues by a baseline; ``used`` are the entries that matched something."""

    baseline: Baseline
    used: set[BaselineEntry] = field(default_factory=set)

    @property
    def unused(self) -> list[BaselineEntry]:
        """Active entries that did not match anything."""
        entries = self.baseline.entries
        return [e for e in entries if e.is_active(self.baseline.today) and e not in self.used]

    def apply(self, scanned: ScanResult) -> ScanResult:
        """The scan with its issues split into accepted and not accepted.

        Its reader must be open, because keys are looked up (for rules in the baseline only).
        """
        issues = tuple(part for issue in scanned.issues for part in self.parts(issue, scanned))
        return structs.replace(scanned, issues=issues)

    def parts(self, issue: Issue, scanned: ScanResult | None = None) -> Iterator[Issue]:
        """Split an issue into what is not accepted and what is; either part may be missing.

        It is accepted as a whole only if all its records and all its locations are.
        """
        if issue.rule not in self.baseline.rules:
            yield issue
            return
        active = list(self.baseline.of_rule(issue.rule))
        expired = list(self.baseline.expired(issue.rule))
        parts = IssueParts.of(issue)
        hits = parts.match_entries([*active, *expired], scanned)
        matched = [entry for entry, hit in zip(active, hits, strict=False) if hit.any()]
        self.used.update(matched)
        accepted = np.asarray(hits[: len(active)].any(axis=0))
        expired_hits = zip(expired, hits[len(active) :], strict=True)
        days = [entry.expires for entry, hit in expired_hits if hit[~accepted].any()]
        if not accepted.any():
            yield mark_expired(issue, days)
        elif accepted.all():
            yield replace(issue, accepted=merge_entries(matched))
        else:
            yield mark_expired(parts.select(~accepted, "not accepted", name=True), days)
            yield replace(parts.select(accepted, "accepted"), accepted=merge_entries(matched))


@dataclass(frozen=True, eq=False)
class IssueParts:
    """The parts of an issue: its records, then its locations. There is always at least one."""

    issue: Issue
    records: int
    locations: tuple[Location, ...]

    @classmethod
    def of(cls, issue: Issue) -> IssueParts:
        """The parts of ``issue``."""
        flagged = issue.flagged
        records = len(flagged.addresses.array) if flagged is not None else 0
        return cls(issue, records, find_locations(issue))

    def match_entries(
        self, entries: Sequence[BaselineEntry], scanned: ScanResult | None
    ) -> NDArray[np.bool_]:
        """Whether each entry names each part, bool (entries, parts)."""
        hits = np.zeros((len(entries), self.records + len(self.locations)), np.bool_)
        if self.records and scanned is not None and self.issue.flagged is not None:
            accepted = [entry.key_hashes() for entry in entries]
            addresses = self.issue.flagged.addresses.array
            for places, keys in scanned.iter_keys(addresses):
                hashes = [hash_key(key) for key in keys]
                for row, accepted_hashes in enumerate(accepted):
                    hits[row, places] = [value in accepted_hashes for value in hashes]
        for row, entry in enumerate(entries):
            names = set(entry.about)
            hits[row, self.records :] = [location.name in names for location in self.locations]
        return hits

    def select(self, chosen: NDArray[np.bool_], how: str, *, name: bool = False) -> Issue:
        """The issue limited to the ``chosen`` parts, bool (parts,).

        ``name`` adds the first chosen location to the message, unless all locations are chosen: the
        message then names it already.
        """
        issue, rows = self.issue, chosen[: self.records]
        in_part = zip(self.locations, chosen[self.records :], strict=True)
        kept = [location for location, is_chosen in in_part if is_chosen]
        named = summarize_first(kept) if name and len(kept) < len(self.locations) else ""
        flagged, partners = issue.flagged, issue.partners
        if flagged is not None:
            facts: NDArray[Any] = flagged.facts.array
            flagged = Flagged.of(flagged.addresses.array[rows], facts[rows])
        return replace(
            issue,
            flagged=flagged,
            partners=None if partners is None else partners[rows],
            records=int(rows.sum()) + sum(location.records for location in kept),
            details=select_details(kept, self),
            locations=tuple(kept),
            message=f"{chosen.sum():,} of {len(chosen):,} {how}{named}: {issue.message}",
        )


def select_details(kept: Sequence[Location], parts: IssueParts) -> tuple[str, ...]:
    """The details of some of an issue's locations."""
    if len(kept) == len(parts.locations):
        return parts.issue.details
    return tuple(location.detail for location in kept if location.detail)[:MAX_EXAMPLES]


def summarize_first(kept: Sequence[Location]) -> str:
    """The first location and the number of others, in parentheses; "" without any."""
    if not kept:
        return ""
    more = f" and {len(kept) - 1:,} more" if len(kept) > 1 else ""
    return f" ({kept[0].detail or kept[0].name}{more})"


def find_locations(issue: Issue) -> tuple[Location, ...]:
    """What an issue is about besides records, with names that stay the same for the same fault.

    If the rule gives neither locations nor records, the message is the name, numbers included.
    """
    found = issue.locations
    if not found and not (issue.flagged is not None and len(issue.flagged.addresses.array)):
        names = issue.keys or (issue.about or issue.message,)
        found = tuple(map(Location, names))
    return tuple(replace(location, name=escape_surrogates(location.name)) for location in found)


def mark_expired(issue: Issue, days: Sequence[date | None]) -> Issue:
    """The issue with the date on which its acceptance expired, if it did, in the message."""
    ends = [day for day in days if day is not None]
    if not ends:
        return issue
    text = f"{issue.message} (was accepted until {max(ends).isoformat()})"
    return replace(issue, message=text)


def make_entries(
    issues: Sequence[Issue],
    scanned: ScanResult,
    reason: str,
    expires: date | None,
) -> list[BaselineEntry]:
    """An entry for each rule of ``issues``, which accepts all of them."""
    keys: dict[str, list[str]] = {}
    about: dict[str, list[str]] = {}
    for issue in issues:
        rule_keys = keys.setdefault(issue.rule, [])
        if issue.flagged is not None:
            rule_keys += scanned.lookup_keys(issue.flagged.addresses.array)
        names = about.setdefault(issue.rule, [])
        names += [location.name for location in find_locations(issue)]
    return [BaselineEntry.of(rule, reason, expires, keys[rule], about[rule]) for rule in keys]


def is_acceptable(issue: Issue, rules: Sequence[str], *, infos: bool = False) -> bool:
    """Whether an issue should be accepted: one of ``rules`` or, without them, no mere info.

    With ``infos``, infos are accepted without being named.
    """
    is_selected = issue.rule in rules if rules else infos or issue.severity.rank > 0
    return is_selected and issue.accepted is None
