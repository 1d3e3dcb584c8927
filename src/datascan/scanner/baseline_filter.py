"""Judgements against a baseline: which of them, and which of their records, are accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import MAX_EXAMPLES, Issue, Location
from datascan.config.baseline import Baseline, BaselineEntry, digest, merge_entries
from datascan.metrics.base import Flagged
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates


@dataclass(slots=True)
class BaselineFilter:
    """Cuts judgements by a baseline; ``used`` are the entries that matched anything."""

    baseline: Baseline
    used: set[BaselineEntry] = field(default_factory=set)

    @property
    def unused(self) -> list[BaselineEntry]:
        """Entries that hold, and match nothing any more."""
        entries = self.baseline.entries
        return [e for e in entries if e.is_active(self.baseline.today) and e not in self.used]

    def apply(self, scanned: ScanResult) -> ScanResult:
        """The scan with its judgements cut into what is accepted and what is not.

        Keys are looked up for rules that the baseline names only, so its reader must be open.
        """
        judged = tuple(part for j in scanned.issues for part in self.parts(j, scanned))
        return replace(scanned, issues=judged)

    def parts(self, judgement: Issue, scanned: ScanResult | None = None) -> Iterator[Issue]:
        """A judgement in one or two parts: what is not accepted, and what is.

        It is accepted whole only if all its records and all its subjects are.
        """
        if judgement.rule not in self.baseline.rules:
            yield judgement
            return
        now = list(self.baseline.of_rule(judgement.rule))
        past = list(self.baseline.expired(judgement.rule))
        things = IssueParts.of(judgement)
        hits = things.named_by([*now, *past], scanned)
        matched = [entry for entry, hit in zip(now, hits, strict=False) if hit.any()]
        self.used.update(matched)
        chosen = np.asarray(hits[: len(now)].any(axis=0))
        once = zip(past, hits[len(now) :], strict=True)
        over = [entry.expires for entry, hit in once if hit[~chosen].any()]
        if not chosen.any():
            yield expired(judgement, over)
        elif chosen.all():
            yield replace(judgement, accepted=merge_entries(matched))
        else:
            yield expired(things.among(~chosen, "not accepted", name=True), over)
            yield replace(things.among(chosen, "accepted"), accepted=merge_entries(matched))


@dataclass(frozen=True, eq=False)
class IssueParts:
    """All that a judgement names: its records, then its subjects; there is always one at least."""

    judgement: Issue
    records: int
    subjects: tuple[Location, ...]

    @classmethod
    def of(cls, judgement: Issue) -> IssueParts:
        """What ``judgement`` names."""
        flagged = judgement.flagged
        records = len(flagged.addresses.array) if flagged is not None else 0
        return cls(judgement, records, subjects_of(judgement))

    def named_by(
        self, entries: Sequence[BaselineEntry], scanned: ScanResult | None
    ) -> NDArray[np.bool_]:
        """Whether each entry names each thing, bool (entries, things)."""
        hits = np.zeros((len(entries), self.records + len(self.subjects)), np.bool_)
        if self.records and scanned is not None and self.judgement.flagged is not None:
            known = [entry.key_hashes() for entry in entries]
            addresses = self.judgement.flagged.addresses.array
            for places, keys in scanned.iter_keys(addresses):
                hashes = [digest(key) for key in keys]
                for row, accepted in enumerate(known):
                    hits[row, places] = [one in accepted for one in hashes]
        for row, entry in enumerate(entries):
            names = set(entry.about)
            hits[row, self.records :] = [subject.name in names for subject in self.subjects]
        return hits

    def among(self, chosen: NDArray[np.bool_], how: str, *, name: bool = False) -> Issue:
        """The judgement about some of its things, bool (things,), to be named in its message.

        Where all subjects are among them, the message names the first already.
        """
        judgement, rows = self.judgement, chosen[: self.records]
        kept = [s for s, yes in zip(self.subjects, chosen[self.records :], strict=True) if yes]
        which = first_of(kept) if name and len(kept) < len(self.subjects) else ""
        flagged = judgement.flagged
        if flagged is not None:
            facts: NDArray[Any] = flagged.facts.array
            flagged = Flagged.of(flagged.addresses.array[rows], facts[rows])
        return replace(
            judgement,
            flagged=flagged,
            records=int(rows.sum()) + sum(subject.records for subject in kept),
            details=details_of(kept, self),
            locations=tuple(kept),
            message=f"{chosen.sum():,} of {len(chosen):,} {how}{which}: {judgement.message}",
        )


def details_of(kept: Sequence[Location], things: IssueParts) -> tuple[str, ...]:
    """The details of some of a judgement's subjects."""
    if len(kept) == len(things.subjects):
        return things.judgement.details
    return tuple(subject.detail for subject in kept if subject.detail)[:MAX_EXAMPLES]


def first_of(kept: Sequence[Location]) -> str:
    """The first of some subjects, and how many more there are; nothing of none."""
    if not kept:
        return ""
    more = f" and {len(kept) - 1:,} more" if len(kept) > 1 else ""
    return f" ({kept[0].detail or kept[0].name}{more})"


def subjects_of(judgement: Issue) -> tuple[Location, ...]:
    """What a judgement is about besides records: the same as long as it is the same fault.

    Where a rule does not say, and names no record, it is what the message says, numbers and all.
    """
    found = judgement.locations
    if not found and not (judgement.flagged is not None and len(judgement.flagged.addresses.array)):
        names = judgement.keys or (judgement.about or judgement.message,)
        found = tuple(map(Location, names))
    return tuple(replace(subject, name=escape_surrogates(subject.name)) for subject in found)


def expired(judgement: Issue, days: Sequence[date | None]) -> Issue:
    """The judgement, telling since when its acceptance is over, if it had one."""
    ends = [day for day in days if day is not None]
    if not ends:
        return judgement
    told = f"{judgement.message} (was accepted until {max(ends).isoformat()})"
    return replace(judgement, message=told)


def make_entries(
    judgements: Sequence[Issue],
    scanned: ScanResult,
    rules: Sequence[str],
    reason: str,
    expires: date | None,
) -> list[BaselineEntry]:
    """An entry for every rule with findings that are not accepted yet.

    Without ``rules``, of all warnings and errors.
    """
    keys: dict[str, list[str]] = {}
    about: dict[str, list[str]] = {}
    for judgement in judgements:
        if is_acceptable(judgement, rules):
            mine = keys.setdefault(judgement.rule, [])
            if judgement.flagged is not None:
                mine += scanned.lookup_keys(judgement.flagged.addresses.array)
            others = about.setdefault(judgement.rule, [])
            others += [subject.name for subject in subjects_of(judgement)]
    return [BaselineEntry.of(rule, reason, expires, keys[rule], about[rule]) for rule in keys]


def is_acceptable(judgement: Issue, rules: Sequence[str]) -> bool:
    """Whether a judgement is still to be accepted; without ``rules``, of an info it is not."""
    wanted = judgement.rule in rules if rules else judgement.severity.rank > 0
    return wanted and judgement.accepted is None
