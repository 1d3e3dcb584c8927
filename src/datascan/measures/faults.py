"""What readers and layouts could not read, or saw while reading, sorted by rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from datascan.model import Block, Check, Dataset, Fault, Judgement
from datascan.tally import ByName, Flagged, Joined, Tally


@dataclass(frozen=True, slots=True, eq=False)
class FaultTally(Tally):
    """The faults of one rule: of records, and of places that hold no record one could name.

    ``places`` are (detail, records lost or 0).
    """

    records: Flagged
    places: tuple[tuple[str, int], ...]


def measure_faults(block: Block) -> ByName | None:
    """The block's faults under their rules; None without any."""
    return tally_faults(block.faults, block.start) if block.faults else None


def tally_faults(faults: Sequence[Fault], start: int) -> ByName:
    """Faults under their rules; a fault's row is counted from the address ``start`` on."""
    found: dict[str, FaultTally] = {}
    for rule in dict.fromkeys(fault.rule for fault in faults):
        chosen = [fault for fault in faults if fault.rule == rule]
        of_records: dict[int, list[str]] = {}
        for fault in chosen:
            if fault.row is not None:
                of_records.setdefault(fault.row, []).append(fault.detail)
        rows = sorted(of_records)
        details = np.empty(len(rows), object)
        details[:] = ["; ".join(dict.fromkeys(of_records[row])) for row in rows]
        addresses = start + np.array(rows, np.int64)
        places = tuple((fault.detail, fault.lost) for fault in chosen if fault.row is None)
        found[rule] = FaultTally(Flagged(Joined((addresses,)), Joined((details,))), places)
    return ByName(found)


class FaultCheck(Check[ByName]):
    """A rule whose cases readers and layouts find: subclass it, and state rule, fix and words.

    ``what`` says what is wrong, for one record and for several.
    """

    what: ClassVar[tuple[str, str]]
    measure = staticmethod(measure_faults)

    def judge(self, tally: ByName, dataset: Dataset) -> Iterator[Judgement]:
        """One judgement of all its records, and one for each place that holds none."""
        found: FaultTally | None = tally.entries.get(self.rule)
        if found is None:
            return
        count = len(found.records.addresses.array)
        if count:
            what = self.what[0] if count == 1 else self.what[1]
            yield self.flag(found.records, f"{count:,} of {dataset.records:,} records: {what}")
        if found.places:
            lost = sum(records for _, records in found.places)
            details = [detail for detail, _ in found.places]
            message = details[0] if len(details) == 1 else f"{len(details):,} places: {details[0]}"
            yield self.dataset_wide(message, records=lost, details=details)
