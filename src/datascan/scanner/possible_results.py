"""Whether results from a checkpoint are possible, so that evaluating them cannot fail.

Types are right already (``forms``). Here numbers are compared with one another: addresses with
their shard, lengths with the number of records, places with shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from math import isnan, prod
from typing import Any

import numpy as np

from datascan.checks.constant_feature import ConstantFeatures, FeatureGroup
from datascan.metrics.base import Concatenated, Flagged, TallyMap
from datascan.metrics.duplicates import FingerprintTally
from datascan.metrics.faults import FaultTally
from datascan.metrics.inspection import UninspectedTally
from datascan.metrics.label_vectors import VectorTally
from datascan.metrics.labels import LabelTally
from datascan.metrics.shapes import ShapeTally
from datascan.metrics.values import ValueTally
from datascan.records.shard import join_addresses
from datascan.scanner.forms import MAX_DIMENSIONS, DamagedError
from datascan.scanner.guard import GuardedTally
from datascan.scanner.tasks import PartialResult

MAX_RECORDS = 1 << 32
"""A shard has fewer records, since their addresses have 32 bits for the row."""

MAX_COUNT = 1 << 53
"""More values than this do not fit on any disk."""

MAX_SUM_BITS = 2 * 1024 + 1074 + 64
"""The bits of a sum of float64 squares, in multiples of 2**-1074."""


def demand(holds: bool, why: str) -> None:  # noqa: FBT001  (a condition, not a switch)
    """Raise :class:`DamagedError` unless a condition holds."""
    if not holds:
        raise DamagedError(why)


def check_pieces(shard: int, pieces: Sequence[PartialResult]) -> None:
    """Raise :class:`DamagedError` if tallies contradict the numbers of records."""
    total = sum(int(piece.records.array.sum()) for piece in pieces)
    start = int(join_addresses(np.array([shard]), np.array([0]))[0])
    check_address = partial(check_addresses, start, start + total)
    for piece in pieces:
        records = int(piece.records.array.sum())
        for name, tally in iter_tallies(piece.tallies.entries):
            check_tally(tally, records, check_address)
            check_named(name, tally)


def iter_tallies(entries: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """All tallies by name, also those in maps; other packages' are guarded when they are used."""
    for name, tally in entries.items():
        if isinstance(tally, GuardedTally):
            continue
        if isinstance(tally, TallyMap):
            yield from iter_tallies(tally.entries)
        else:
            yield name, tally


def check_addresses(start: int, stop: int, addresses: Concatenated) -> None:
    """Raise :class:`DamagedError` unless all addresses are those of records of a shard."""
    array = addresses.array
    demand(array.ndim == 1 and array.dtype == np.int64, "addresses are not numbers")
    inside = bool(((array >= start) & (array < stop)).all())
    demand(inside, "an address is not in its shard")


def check_tally(tally: Any, records: int, check: Callable[[Concatenated], None]) -> None:
    """Raise :class:`DamagedError` if a tally contradicts the number of records of its part."""
    if isinstance(tally, UninspectedTally):
        demand(0 <= tally.records <= records, "more was not inspected than there is")
    elif isinstance(tally, FaultTally):
        check_tally(tally.records, records, check)
        demand(tally.records.facts.array.dtype == object, "a fault has no text")
    elif isinstance(tally, Flagged):
        check(tally.addresses)
        demand(len(tally.facts.array) == len(tally.addresses.array), "facts do not match")
    elif isinstance(tally, LabelTally):
        check(tally.unlabeled)
        values, present = tally.values.array, tally.present.array
        demand(values.shape == present.shape == (records,), "labels do not match the records")
        demand(values.dtype != object and present.dtype == bool, "labels are not numbers")
    elif isinstance(tally, VectorTally):
        check(tally.addresses)
        hot = tally.hot.array
        demand(hot.dtype == np.int32, "classes of labels are not numbers")
        demand(len(tally.addresses.array) == len(hot), "labels do not match the records")
    elif isinstance(tally, FingerprintTally):
        prints = tally.fingerprints.array
        demand(
            prints.shape == (records,) and prints.dtype == np.uint64, "fingerprints do not match"
        )
    elif isinstance(tally, ShapeTally):
        check_runs(tally, check)
    elif isinstance(tally, ValueTally):
        check_values(tally)


def check_values(tally: ValueTally) -> None:
    """Raise :class:`DamagedError` if figures about values are impossible."""
    counts = (tally.count, tally.nan, tally.inf, tally.approximate)
    demand(all(0 <= count < MAX_COUNT for count in counts), "a number of values is impossible")
    demand(0 <= tally.longest.value < MAX_COUNT, "the length of a record is impossible")
    units = (tally.total.units or 0, tally.squares.units or 0)
    demand(all(number.bit_length() < MAX_SUM_BITS for number in units), "a sum is impossible")
    demand(units[1] >= 0, "a sum of squares is negative")
    demand(not isnan(tally.low.value) and not isnan(tally.high.value), "a range is impossible")


def check_named(name: Any, tally: Any) -> None:
    """Raise :class:`DamagedError` if a tally contradicts its name in its map."""
    if isinstance(tally, Flagged) and isinstance(name, tuple):
        size, facts = count_values(name[1]), tally.facts.array
        demand(facts.shape[1:] == (3,) and facts.dtype == np.int64, "a value has no place")
        counts, first = facts[:, 0], facts[:, 1]
        inside = (counts > 0) & (counts <= size) & (first >= 0) & (first < size)
        demand(bool(inside.all()), "a value is not in its record")
    elif isinstance(tally, Concatenated):
        runs = tally.array
        demand(runs.shape[1:] == (2,) and runs.dtype == np.int64, "keys have no numbers")
        demand(bool((runs[:, 0] >= 0).all()), "a key has no number")
    elif isinstance(tally, ConstantFeatures):
        check_features(name, tally)


def check_features(group: FeatureGroup, tally: ConstantFeatures) -> None:
    """Raise :class:`DamagedError` if constant features do not belong to their group."""
    count_values(group.shape)
    demand(group.axis is None or 0 <= group.axis < len(group.shape), "a group has no channels")
    demand(0 < tally.records < MAX_RECORDS, "a group has no records")
    features, values = tally.features, tally.values
    demand(features.ndim == 1 and features.dtype == np.int64, "features have no numbers")
    demand(values.shape == features.shape and values.dtype != object, "features do not match")
    inside = bool(((features >= 0) & (features < group.features)).all())
    demand(inside and bool((np.diff(features) > 0).all()), "a feature does not exist")


def count_values(shape: tuple[int, ...]) -> int:
    """The number of values in a record.

    Raises:
        DamagedError: if no record can have this shape.
    """
    possible = len(shape) <= MAX_DIMENSIONS and all(0 < length < MAX_COUNT for length in shape)
    demand(possible and prod(shape) < MAX_COUNT, "a shape is impossible")
    return prod(shape)


def check_runs(tally: ShapeTally, check: Callable[[Concatenated], None]) -> None:
    """Raise :class:`DamagedError` if runs of records are not in their shard."""
    runs = tally.runs.array
    demand(runs.ndim == 2 and runs.shape[1:] == (3,) and runs.dtype == np.int64, "no runs")
    kinds, first, lengths = runs.T
    demand(bool(((kinds >= 0) & (kinds < len(tally.kinds))).all()), "a run has no kind")
    demand(bool(((lengths > 0) & (lengths < MAX_RECORDS)).all()), "a run has no records")
    check(Concatenated((first,)))
    check(Concatenated((first + lengths - 1,)))
