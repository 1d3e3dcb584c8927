"""Judgements against a baseline: which of them, and which of their records, are accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.baseline import Baseline, Entry, digest, merged
from datascan.model import ROW_BITS, Judgement
from datascan.scanning import Scanned
from datascan.tally import Flagged


@dataclass(slots=True)
class Accepting:
    """Cuts judgements by a baseline; ``used`` are the entries that matched anything."""

    baseline: Baseline
    used: set[Entry] = field(default_factory=set)

    @property
    def unused(self) -> list[Entry]:
        """Entries that hold, and match nothing any more."""
        entries = self.baseline.entries
        return [e for e in entries if e.holds(self.baseline.today) and e not in self.used]

    def scan(self, scanned: Scanned) -> Scanned:
        """The scan with its judgements cut into what is accepted and what is not.

        Keys are looked up for rules that the baseline names only, so its reader must be open.
        """
        judged = tuple(part for j in scanned.judgements for part in self.parts(j, scanned))
        return replace(scanned, judgements=judged)

    def parts(self, judgement: Judgement, scanned: Scanned | None = None) -> Iterator[Judgement]:
        """A judgement in one or two parts: what is not accepted, and what is."""
        if judgement.rule not in self.baseline.rules:
            yield judgement
        elif judgement.flagged is not None and scanned is not None:
            yield from self._cut(judgement, judgement.flagged, scanned)
        else:
            yield self._whole(judgement)

    def _whole(self, judgement: Judgement) -> Judgement:
        """A judgement about no records: accepted if all that it is about is."""
        subjects = set(subjects_of(judgement))
        named = [e for e in self._entries(judgement.rule) if subjects & set(e.about)]
        if subjects <= {about for entry in named for about in entry.about}:
            self.used.update(named)
            return replace(judgement, accepted=merged(named))
        over = [e.expires for e in self.baseline.expired(judgement.rule) if subjects & set(e.about)]
        return expired(judgement, over)

    def _cut(self, judgement: Judgement, flagged: Flagged, scanned: Scanned) -> Iterator[Judgement]:
        """The records of a judgement by whether their keys are accepted."""
        entries = self._entries(judgement.rule)
        past = list(self.baseline.expired(judgement.rule))
        hits = np.zeros((len(entries) + len(past), len(flagged.addresses.array)), np.bool_)
        known = [entry.known() for entry in (*entries, *past)]
        for places, keys in keys_by_shard(flagged, scanned):
            hashes = [digest(key) for key in keys]
            for row, accepted in enumerate(known):
                hits[row, places] = [one in accepted for one in hashes]
        matched = [entry for entry, hit in zip(entries, hits, strict=False) if hit.any()]
        self.used.update(matched)
        chosen = np.asarray(hits[: len(entries)].any(axis=0))
        over = [e.expires for e, hit in zip(past, hits[len(entries) :], strict=True) if hit.any()]
        if not chosen.any():
            yield expired(judgement, over)
            return
        reason = merged(matched)
        if chosen.all():
            yield replace(judgement, accepted=reason)
            return
        yield expired(among(judgement, flagged, ~chosen, "not accepted"), over)
        yield replace(among(judgement, flagged, chosen, "accepted"), accepted=reason)

    def _entries(self, rule: str) -> list[Entry]:
        return list(self.baseline.of_rule(rule))


def subjects_of(judgement: Judgement) -> tuple[str, ...]:
    """What a judgement about no records is about: the same as long as it is the same fault."""
    if judgement.keys:
        return judgement.keys
    return (judgement.about,) if judgement.about else judgement.details or ("",)


def expired(judgement: Judgement, days: Sequence[date | None]) -> Judgement:
    """The judgement, telling since when its acceptance is over, if it had one."""
    ends = [day for day in days if day is not None]
    if not ends:
        return judgement
    told = f"{judgement.message} (was accepted until {max(ends).isoformat()})"
    return replace(judgement, message=told)


def among(judgement: Judgement, flagged: Flagged, rows: NDArray[np.bool_], how: str) -> Judgement:
    """The judgement about some of its records."""
    count = int(rows.sum())
    facts: NDArray[Any] = flagged.facts.array
    return replace(
        judgement,
        flagged=Flagged.of(flagged.addresses.array[rows], facts[rows]),
        records=count,
        message=f"{count:,} of {len(rows):,} {how}: {judgement.message}",
    )


def keys_by_shard(
    flagged: Flagged, scanned: Scanned
) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Places among the flagged records and their keys, one shard's at a time."""
    addresses = flagged.addresses.array
    order = np.argsort(addresses, kind="stable")
    owners = addresses[order] >> ROW_BITS
    edges = np.flatnonzero(np.diff(owners, prepend=-1, append=-1)).tolist() if len(order) else []
    for start, end in pairwise(edges):
        places = order[start:end]
        shard = scanned.dataset.plan.shards[int(owners[start])]
        rows, which = np.unique(addresses[places] & ((1 << ROW_BITS) - 1), return_inverse=True)
        keys = scanned.reader.keys(shard, rows.tolist())
        yield places, [keys[i] for i in which.tolist()]


def entries_for(
    judgements: Sequence[Judgement],
    scanned: Scanned | None,
    rules: Sequence[str],
    reason: str,
    expires: date | None,
) -> list[Entry]:
    """An entry for every rule with findings that are not accepted yet.

    Without ``rules``, of all warnings and errors.
    """
    keys: dict[str, list[str]] = {}
    about: dict[str, list[str]] = {}
    for judgement in judgements:
        wanted = judgement.rule in rules if rules else judgement.severity.rank > 0
        if judgement.accepted is not None or not wanted:
            continue
        mine = keys.setdefault(judgement.rule, [])
        others = about.setdefault(judgement.rule, [])
        if judgement.flagged is not None and scanned is not None:
            for _, found in keys_by_shard(judgement.flagged, scanned):
                mine += found
        else:
            others += subjects_of(judgement)
    return [Entry.of(rule, reason, expires, keys[rule], about[rule]) for rule in keys]
