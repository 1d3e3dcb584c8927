"""What was not inspected: records, fields and files, by encoding."""

from __future__ import annotations

from dataclasses import dataclass

from datascan.metrics.base import DatasetSummary, Tally, TallyMap
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.records.block import Block, Uninspected

UNKNOWN = "bytes that are neither numbers nor images"


@dataclass(frozen=True, slots=True)
class ContentKind:
    """A kind of content that was not inspected; fields as in ``Uninspected``."""

    what: str
    name: str
    encoding: str


@dataclass(frozen=True, slots=True)
class UninspectedTally(Tally):
    """How many records have content of a kind."""

    records: int


UninspectedMap = TallyMap[ContentKind, UninspectedTally]


def measure_uninspected(block: Block) -> UninspectedMap | None:
    """What was not inspected in the block; None if everything was."""
    found: dict[ContentKind, UninspectedTally] = {}
    for part in block.uninspected:
        kind = ContentKind(part.what, part.name, part.encoding)
        tally = UninspectedTally(part.records)
        found[kind] = found[kind] + tally if kind in found else tally
    if block.is_opaque and not found:
        # Values with a fault, such as empty ones, have that finding.
        faulty = {fault.row for fault in block.faults if fault.row is not None}
        if len(faulty) < block.records:
            unknown = UninspectedTally(block.records - len(faulty))
            found[ContentKind("value", "", UNKNOWN)] = unknown
    return TallyMap(found) if found else None


def find_uninspected(dataset: DatasetSummary) -> list[Uninspected]:
    """Everything that was not inspected, the most frequent first."""
    tally: UninspectedMap | None = dataset.tally(measure_uninspected)
    found = [
        Uninspected(kind.what, kind.name, kind.encoding, part.records)  # type: ignore[arg-type]  # one of the three, from Uninspected
        for kind, part in (tally.entries.items() if tally else ())
    ]
    found += dataset.plan.uninspected
    return sorted(found, key=lambda part: (-part.records, part.what, part.name, part.encoding))


def count_inspected(dataset: DatasetSummary) -> int:
    """How many records have values or pixels that were inspected."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    return 0 if tally is None else int(tally.counts().sum())
