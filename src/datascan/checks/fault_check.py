"""Rules whose faults are found by readers and decoders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from datascan.checks.base import (
    MAX_EXAMPLES,
    MAX_LOCATIONS,
    Check,
    Issue,
    Location,
    summarize_locations,
)
from datascan.metrics.base import DatasetSummary
from datascan.metrics.faults import FaultMap, FaultTally, measure_faults
from datascan.text import pluralize


class FaultCheck(Check[FaultMap]):
    """A rule whose faults are found by readers and decoders.

    Subclasses set rule, severity, fix and ``phrases``: what is wrong, for one record and for
    several ("has ...", "have ...").
    """

    phrases: ClassVar[tuple[str, str]]
    measure = staticmethod(measure_faults)

    def evaluate(self, tally: FaultMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue for all records and places with the fault."""
        found: FaultTally | None = tally.entries.get(self.rule)
        if found is None:
            return
        count = len(found.records.addresses.array)
        clauses = []
        if count:
            phrase = self.phrases[0] if count == 1 else self.phrases[1]
            clauses.append(f"{count:,} of {dataset.records:,} records {phrase}")
        if found.locations:
            more = len(found.locations) - 1
            noun = "place" if more == 1 else "places"
            clauses.append(found.locations[0][0] + (f" and {more:,} more {noun}" if more else ""))
        clauses += self.describe_reach(tally, dataset)
        lost = sum(records for _, records in found.locations)
        unreachable = 0 if lost else self.count_unreachable(tally, dataset)
        yield replace(
            self.record_issue(found.records, "; ".join(clauses)),
            records=count + lost + unreachable,
            details=tuple(detail for detail, _ in found.locations[:MAX_EXAMPLES]),
            locations=(*locate_faults(found.locations), *locate_unreachable(unreachable)),
        )

    def describe_reach(self, tally: FaultMap, dataset: DatasetSummary) -> list[str]:  # noqa: ARG002  (for subclasses)
        """Clauses for the message on how many records could be reached."""
        return []

    def count_unreachable(self, tally: FaultMap, dataset: DatasetSummary) -> int:  # noqa: ARG002  (for subclasses)
        """How many records could not be reached, if this rule reports them."""
        return 0


def locate_faults(places: Sequence[tuple[str, int]]) -> Iterator[Location]:
    """Locations for (detail, records lost) pairs; equal ones are numbered.

    More than ``MAX_LOCATIONS`` become one.
    """
    lost = sum(records for _, records in places)
    if len(places) > MAX_LOCATIONS:
        whole = (
            f"{detail}\0{records}".encode("utf-8", "surrogatepass") for detail, records in places
        )
        yield Location(summarize_locations(len(places), *whole), "", lost)
        return
    seen: Counter[tuple[str, int]] = Counter()
    for detail, records in places:
        seen[detail, records] += 1
        again = f" (number {seen[detail, records]:,})" if seen[detail, records] > 1 else ""
        cost = f": {pluralize(records, 'record')} lost" if records else ""
        yield Location(f"{detail}{cost}{again}", detail, records)


def locate_unreachable(records: int) -> Iterator[Location]:
    """A location for records that the store declares but that none of the places accounts for."""
    if records:
        yield Location(f"{pluralize(records, 'record')} out of reach", "", records)


STORE_RULES = ("truncated-store", "damaged-store")
REACH_RULES = (*STORE_RULES, "reader-crash", "missing-file")
"""The rules that explain why records could not be reached."""


class StoreCheck(FaultCheck):
    """A rule about the store itself, which declares how many records it holds."""

    def describe_reach(self, tally: FaultMap, dataset: DatasetSummary) -> list[str]:
        """How many of the declared records could be reached."""
        declared = dataset.plan.store_count
        if declared is None or not dataset.is_complete:
            return []
        faults = [tally.entries[rule] for rule in STORE_RULES if rule in tally.entries]
        unread = sum(len(fault.records.addresses.array) for fault in faults)
        reached = dataset.records - unread
        return [f"{reached:,} of {declared:,} records could be reached"]

    def count_unreachable(self, tally: FaultMap, dataset: DatasetSummary) -> int:
        """Declared records that were not read; the first store rule with a place counts them."""
        declared = dataset.plan.store_count
        first = next(
            (r for r in STORE_RULES if r in tally.entries and tally.entries[r].locations), ""
        )
        if declared is None or not dataset.is_complete or first != self.rule:
            return 0
        return max(0, declared - dataset.records)
