"""Rules whose cases are found by readers and decoders."""

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
from datascan.metrics.base import DatasetSummary, TallyMap
from datascan.metrics.faults import FaultTally, measure_faults
from datascan.text import pluralize


class FaultCheck(Check[TallyMap]):
    """A rule whose cases readers and layouts find: subclass it, and state rule, fix and words.

    ``what`` says what is wrong, for one record and for several: "has ...", "have ...".
    """

    phrases: ClassVar[tuple[str, str]]
    measure = staticmethod(measure_faults)

    def evaluate(self, tally: TallyMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One judgement of all its records, and of the places that hold none."""
        found: FaultTally | None = tally.entries.get(self.rule)
        if found is None:
            return
        count = len(found.records.addresses.array)
        said = []
        if count:
            what = self.phrases[0] if count == 1 else self.phrases[1]
            said.append(f"{count:,} of {dataset.records:,} records {what}")
        if found.locations:
            more = len(found.locations) - 1
            noun = "place" if more == 1 else "places"
            said.append(found.locations[0][0] + (f" and {more:,} more {noun}" if more else ""))
        said += self.reach(tally, dataset)
        lost = sum(records for _, records in found.locations)
        unseen = 0 if lost else self.unreachable_records(tally, dataset)
        yield replace(
            self.record_issue(found.records, "; ".join(said)),
            records=count + lost + unseen,
            details=tuple(detail for detail, _ in found.locations[:MAX_EXAMPLES]),
            locations=(*fault_locations(found.locations), *count_unreachable(unseen)),
        )

    def reach(self, tally: TallyMap, dataset: DatasetSummary) -> list[str]:  # noqa: ARG002
        """What more is to be said of records out of reach: nothing."""
        return []

    def unreachable_records(self, tally: TallyMap, dataset: DatasetSummary) -> int:  # noqa: ARG002
        """How many records no row was seen of, if this rule answers for them: none."""
        return 0


def fault_locations(places: Sequence[tuple[str, int]]) -> Iterator[Location]:
    """The places by what is wrong there and how much it costs; equal ones are numbered.

    More than ``MAX_LOCATIONS`` are one.
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


def count_unreachable(records: int) -> Iterator[Location]:
    """Records that the store claims and that no place accounts for."""
    if records:
        yield Location(f"{pluralize(records, 'record')} out of reach", "", records)


STORE_RULES = ("truncated-store", "damaged-store")
REACH_RULES = (*STORE_RULES, "reader-crash", "missing-file")
"""What tells why records are out of reach."""


class StoreCheck(FaultCheck):
    """A rule about the store itself, which knows how many records are out of reach."""

    def reach(self, tally: TallyMap, dataset: DatasetSummary) -> list[str]:
        """How many records could be reached of how many the store claims."""
        claimed = dataset.plan.store_count
        if claimed is None or not dataset.is_complete:
            return []
        faults = [tally.entries[rule] for rule in STORE_RULES if rule in tally.entries]
        unread = sum(len(fault.records.addresses.array) for fault in faults)
        reached = dataset.records - unread
        return [f"{reached:,} of {claimed:,} records could be reached"]

    def unreachable_records(self, tally: TallyMap, dataset: DatasetSummary) -> int:
        """What the store claims beyond the records seen; the first of the store's rules answers."""
        claimed = dataset.plan.store_count
        first = next(
            (r for r in STORE_RULES if r in tally.entries and tally.entries[r].locations), ""
        )
        if claimed is None or not dataset.is_complete or first != self.rule:
            return 0
        return max(0, claimed - dataset.records)
