"""The faults that readers and decoders report, by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datascan.metrics.base import DatasetSummary, Flagged, Tally, TallyMap
from datascan.records.block import Block, Fault


@dataclass(frozen=True, slots=True, eq=False)
class FaultTally(Tally):
    """The faults of one rule: those of records, and those of places without a record to name.

    ``locations`` are (detail, records lost or 0).
    """

    records: Flagged
    locations: tuple[tuple[str, int], ...]


FaultMap = TallyMap[str, FaultTally]
"""Faults by rule."""


def measure_faults(block: Block) -> FaultMap | None:
    """The block's faults by rule; None if there are no faults."""
    return tally_faults(block.faults, block.start) if block.faults else None


def tally_faults(faults: Sequence[Fault], start: int) -> FaultMap:
    """Tally faults by rule; their rows are relative to the address ``start``."""
    found: dict[str, FaultTally] = {}
    for rule in dict.fromkeys(fault.rule for fault in faults):
        chosen = [fault for fault in faults if fault.rule == rule]
        details_by_row: dict[int, list[str]] = {}
        for fault in chosen:
            if fault.row is not None:
                details_by_row.setdefault(fault.row, []).append(fault.detail)
        rows = sorted(details_by_row)
        details = np.empty(len(rows), object)
        details[:] = ["; ".join(dict.fromkeys(details_by_row[row])) for row in rows]
        addresses = start + np.array(rows, np.int64)
        locations = tuple((fault.detail, fault.lost) for fault in chosen if fault.row is None)
        found[rule] = FaultTally(Flagged.of(addresses, details), locations)
    return TallyMap(found)


def find_faults(dataset: DatasetSummary, rule: str) -> FaultTally | None:
    """The faults that readers and decoders report under ``rule``, or None."""
    faults: FaultMap | None = dataset.tally(measure_faults)
    return faults.entries.get(rule) if faults else None
