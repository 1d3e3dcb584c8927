"""Results as they would be if their shard had another index.

What is kept has the addresses of shard 0. A part has another index as soon as there is one more
before it, so its addresses are moved when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from datascan.checks.constant_feature import ConstantFeatures
from datascan.metrics.base import Concatenated, Flagged, TallyMap
from datascan.metrics.duplicates import FingerprintTally
from datascan.metrics.faults import FaultTally
from datascan.metrics.inspection import UninspectedTally
from datascan.metrics.keys import KeyTally
from datascan.metrics.label_vectors import VectorTally
from datascan.metrics.labels import LabelTally
from datascan.metrics.shapes import ShapeTally
from datascan.metrics.values import ValueTally
from datascan.records.shard import ROW_BITS
from datascan.scanner.forms import UnstorableError
from datascan.scanner.guard import GuardedTally
from datascan.scanner.tasks import PartialResult

WITHOUT_ADDRESSES = (
    Concatenated,
    ConstantFeatures,
    FingerprintTally,
    GuardedTally,
    KeyTally,
    UninspectedTally,
    ValueTally,
)
"""Tallies that are the same in every shard. Those of other packages may have addresses anywhere, so
they are used only at the index at which they were measured (``cached_parts``)."""


def move_pieces(pieces: Sequence[PartialResult], old: int, new: int) -> list[PartialResult]:
    """The results of the parts of shard ``old``, as those of shard ``new``.

    Raises:
        UnstorableError: if it is not known which numbers in a tally are addresses.
    """
    offset = (new - old) << ROW_BITS
    return [
        replace(
            piece,
            shards=Concatenated((piece.shards.array + (new - old),)),
            tallies=move_tally(piece.tallies, offset),
        )
        for piece in pieces
    ]


def move_tally(tally: Any, offset: int) -> Any:
    """A tally with ``offset`` added to its addresses.

    Raises:
        UnstorableError: if it is not known which of its numbers are addresses.
    """
    if isinstance(tally, TallyMap):
        return TallyMap({name: move_tally(one, offset) for name, one in tally.entries.items()})
    if isinstance(tally, FaultTally):
        return FaultTally(move_tally(tally.records, offset), tally.locations)
    if isinstance(tally, Flagged | VectorTally):
        return replace(tally, addresses=add(tally.addresses, offset))
    if isinstance(tally, LabelTally):
        return replace(tally, unlabeled=add(tally.unlabeled, offset))
    if isinstance(tally, ShapeTally):
        return ShapeTally(tally.kinds, add(tally.runs, np.array([0, offset, 0])))
    if isinstance(tally, WITHOUT_ADDRESSES):
        return tally
    raise UnstorableError(f"the addresses in {type(tally).__name__} are not known")


def add(numbers: Concatenated, offset: Any) -> Concatenated:
    """All numbers with ``offset`` added."""
    return Concatenated((numbers.array + offset,))
