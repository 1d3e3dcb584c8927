"""What readers and layouts could not read, or saw while reading, sorted by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datascan.metrics.base import Concatenated, DatasetSummary, Flagged, Tally, TallyMap
from datascan.records.block import Block, Fault


@dataclass(frozen=True, slots=True, eq=False)
class FaultTally(Tally):
    """The faults of one rule: of records, and of places that hold no record one could name.

    ``places`` are (detail, records lost or 0).
    """

    records: Flagged
    locations: tuple[tuple[str, int], ...]


def measure_faults(block: Block) -> TallyMap | None:
    """The block's faults under their rules; None without any."""
    return tally_faults(block.faults, block.start) if block.faults else None


def tally_faults(faults: Sequence[Fault], start: int) -> TallyMap:
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
        found[rule] = FaultTally(
            Flagged(Concatenated((addresses,)), Concatenated((details,))), places
        )
    return TallyMap(found)


def faults_of(dataset: DatasetSummary, rule: str) -> FaultTally | None:
    """What readers and layouts have to say under ``rule``; None if nothing."""
    faults: TallyMap | None = dataset.tally(measure_faults)
    return faults.entries.get(rule) if faults else None
