"""Rules whose cases are found by readers and decoders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from datascan.checks.base import EXAMPLES, MOST_SUBJECTS, Check, Judgement, Subject, many
from datascan.metrics.base import ByName, Dataset
from datascan.metrics.faults import FaultTally, measure_faults
from datascan.text import counted


class FaultCheck(Check[ByName]):
    """A rule whose cases readers and layouts find: subclass it, and state rule, fix and words.

    ``what`` says what is wrong, for one record and for several: "has ...", "have ...".
    """

    what: ClassVar[tuple[str, str]]
    measure = staticmethod(measure_faults)

    def judge(self, tally: ByName, dataset: Dataset) -> Iterator[Judgement]:
        """One judgement of all its records, and of the places that hold none."""
        found: FaultTally | None = tally.entries.get(self.rule)
        if found is None:
            return
        count = len(found.records.addresses.array)
        said = []
        if count:
            what = self.what[0] if count == 1 else self.what[1]
            said.append(f"{count:,} of {dataset.records:,} records {what}")
        if found.places:
            more = len(found.places) - 1
            noun = "place" if more == 1 else "places"
            said.append(found.places[0][0] + (f" and {more:,} more {noun}" if more else ""))
        said += self.reach(tally, dataset)
        lost = sum(records for _, records in found.places)
        unseen = 0 if lost else self.unseen(tally, dataset)
        yield replace(
            self.flag(found.records, "; ".join(said)),
            records=count + lost + unseen,
            details=tuple(detail for detail, _ in found.places[:EXAMPLES]),
            subjects=(*subjects_of(found.places), *out_of_reach(unseen)),
        )

    def reach(self, tally: ByName, dataset: Dataset) -> list[str]:  # noqa: ARG002
        """What more is to be said of records out of reach: nothing."""
        return []

    def unseen(self, tally: ByName, dataset: Dataset) -> int:  # noqa: ARG002
        """How many records no row was seen of, if this rule answers for them: none."""
        return 0


def subjects_of(places: Sequence[tuple[str, int]]) -> Iterator[Subject]:
    """The places by what is wrong there and how much it costs; equal ones are numbered.

    More than ``MOST_SUBJECTS`` are one.
    """
    lost = sum(records for _, records in places)
    if len(places) > MOST_SUBJECTS:
        whole = (
            f"{detail}\0{records}".encode("utf-8", "surrogatepass") for detail, records in places
        )
        yield Subject(many(len(places), *whole), "", lost)
        return
    seen: Counter[tuple[str, int]] = Counter()
    for detail, records in places:
        seen[detail, records] += 1
        again = f" (number {seen[detail, records]:,})" if seen[detail, records] > 1 else ""
        cost = f": {counted(records, 'record')} lost" if records else ""
        yield Subject(f"{detail}{cost}{again}", detail, records)


def out_of_reach(records: int) -> Iterator[Subject]:
    """Records that the store claims and that no place accounts for."""
    if records:
        yield Subject(f"{counted(records, 'record')} out of reach", "", records)


STORE_RULES = ("truncated-store", "damaged-store")
REACH_RULES = (*STORE_RULES, "reader-crash", "missing-file")
"""What tells why records are out of reach."""


class StoreCheck(FaultCheck):
    """A rule about the store itself, which knows how many records are out of reach."""

    def reach(self, tally: ByName, dataset: Dataset) -> list[str]:
        """How many records could be reached of how many the store claims."""
        claimed = dataset.plan.claimed
        if claimed is None or not dataset.complete:
            return []
        faults = [tally.entries[rule] for rule in STORE_RULES if rule in tally.entries]
        unread = sum(len(fault.records.addresses.array) for fault in faults)
        reached = dataset.records - unread
        return [f"{reached:,} of {claimed:,} records could be reached"]

    def unseen(self, tally: ByName, dataset: Dataset) -> int:
        """What the store claims beyond the records seen; the first of the store's rules answers."""
        claimed = dataset.plan.claimed
        first = next((r for r in STORE_RULES if r in tally.entries and tally.entries[r].places), "")
        if claimed is None or not dataset.complete or first != self.rule:
            return 0
        return max(0, claimed - dataset.records)
