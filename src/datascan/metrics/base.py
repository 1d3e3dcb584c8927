"""Tallies: partial results whose fields add up exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.native import loops
from datascan.native.fallback import LIMBS
from datascan.records.block import Block
from datascan.records.shard import Plan, join_addresses, split_addresses

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tally:
    """A partial result whose fields all add. Subclass it, list fields, and never write a merge.

    ``+`` must be associative; it need not commute. There is no zero: what has seen
    nothing does not exist.
    """

    def __add__(self, right: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(right, f.name) for f in fields(self)))


def add_all(items: Iterable[T]) -> T | None:
    """Add neighbours, in order, as a balanced tree; ``None`` when there are none.

    At most log2(n) partial sums are alive, and no sum is copied more than log2(n) times.
    """
    stack: list[tuple[int, Any]] = []
    for item in items:
        level, total = 0, item
        while stack and stack[-1][0] == level:
            total = stack.pop()[1] + total
            level += 1
        stack.append((level, total))
    return (
        reduce(lambda right, left: left + right, (t for _, t in reversed(stack))) if stack else None
    )


def count_distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different values of a (n,) array, ascending, and how often each occurs.

    As ``np.unique`` with counts; small whole numbers, as labels are, are counted, not sorted.
    """
    if values.dtype.kind in "iu" and len(values):
        least, most = int(values.min()), int(values.max())
        if most - least < max(1 << 16, 2 * len(values)):
            wide = values if values.dtype.kind == "u" else values.astype(np.int64)
            counts = np.bincount((wide - wide.dtype.type(least)).astype(np.int64))
            used = np.flatnonzero(counts)
            return (used.astype(wide.dtype) + wide.dtype.type(least)).astype(values.dtype), counts[
                used
            ]
    found, counts = np.unique(values, return_counts=True)
    return found, counts


@dataclass(frozen=True, slots=True)
class Lowest:
    """The smallest of some numbers."""

    value: float

    def __add__(self, right: Lowest) -> Lowest:
        return right if right.value < self.value else self


@dataclass(frozen=True, slots=True)
class Highest:
    """The largest of some numbers."""

    value: float

    def __add__(self, right: Highest) -> Highest:
        return right if right.value > self.value else self


@dataclass(frozen=True, slots=True)
class ExactSum:
    """A sum of integers and float64 values without any rounding.

    Held as an integer multiple of 2**-1074, the smallest positive float64, of which every finite
    float64 is a whole multiple. ``units`` is None as soon as a term was not finite.
    """

    units: int | None

    @classmethod
    def of(cls, values: NDArray[Any]) -> ExactSum:
        """The sum of ``values``, shape (n,), of any integer dtype up to 64 bits, or float64."""
        if values.dtype.kind in "iub":
            wide = values.astype(np.uint64 if values.dtype.kind == "u" else np.int64)
            high, low = wide >> 32, wide & 0xFFFFFFFF
            return cls(((int(high.sum()) << 32) + int(low.sum())) << 1074)
        limbs = np.zeros(LIMBS, np.int64)
        if not loops.add_exactly(np.ascontiguousarray(values), limbs):
            return cls(None)
        used = np.flatnonzero(limbs).tolist()
        return cls(sum(int(limbs[i]) << 32 * i for i in used))

    def __add__(self, right: ExactSum) -> ExactSum:
        if self.units is None or right.units is None:
            return ExactSum(None)
        return ExactSum(self.units + right.units)

    @property
    def fraction(self) -> Fraction | None:
        """The exact value."""
        return None if self.units is None else Fraction(self.units, 1 << 1074)


@dataclass(frozen=True, slots=True, eq=False)
class Concatenated:
    """Arrays laid end to end: shape (n, ...); joined late, so adding costs nothing."""

    chunks: tuple[NDArray[Any], ...]

    def __add__(self, right: Concatenated) -> Concatenated:
        return Concatenated(self.chunks + right.chunks)

    @property
    def array(self) -> NDArray[Any]:
        """All pieces as one array; dtypes are promoted to a common one."""
        return self.chunks[0] if len(self.chunks) == 1 else np.concatenate(self.chunks)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Concatenated, ((np.ascontiguousarray(self.array),),))


@dataclass(frozen=True, slots=True, eq=False)
class Flagged(Tally):
    """Records that failed: their addresses, int64 of shape (n,), and one fact about each.

    Facts are an array of shape (n,) or (n, k), of whatever dtype tells most in least space; the
    check that made them turns one into words.
    """

    addresses: Concatenated
    facts: Concatenated

    @classmethod
    def of(cls, addresses: NDArray[np.int64], facts: NDArray[Any]) -> Flagged:
        """Flag ``addresses``, with as many ``facts``."""
        return cls(Concatenated((addresses,)), Concatenated((facts,)))


@dataclass(frozen=True, slots=True)
class TallyMap:
    """Tallies under names, each added to its namesake; order of first appearance."""

    entries: Mapping[Any, Any]

    def __add__(self, right: TallyMap) -> TallyMap:
        merged = dict(self.entries)
        for name, value in right.entries.items():
            merged[name] = merged[name] + value if name in merged else value
        return TallyMap(merged)


Derived = TypeVar("Derived")


def metric_name(measure: Callable[[Block], Any]) -> str:
    """The name under which a measure's tally stands; the same for checks that share it."""
    owner = getattr(measure, "__self__", None)
    qualified = f"{type(owner).__qualname__}.{measure.__name__}" if owner else measure.__qualname__
    return f"{measure.__module__}.{qualified}"


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Records whose content occurs more than once.

    ``indices``, int64 (m,), ascending; ``groups``, int64 (m,): equal for equal content.
    """

    indices: NDArray[np.int64]
    groups: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DatasetSummary:
    """What checks know of the whole dataset when they judge.

    ``counts``, int64 (shards,), are the records of each shard; ``tallies`` are the sums of all
    measures, under the name of the function that measured them.
    """

    plan: Plan
    options: Options
    counts: NDArray[np.int64]
    tallies: Mapping[str, Any]
    duplicates: Duplicates | None = None
    is_complete: bool = True
    derived: dict[Callable[..., Any], Any] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """How many records were scanned."""
        return int(self.counts.sum())

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The index of the first record of every shard."""
        return (np.cumsum(self.counts) - self.counts).astype(np.int64)

    def indices(self, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
        """Record indices, counted from 0 in store order, of addresses."""
        shards, rows = split_addresses(addresses)
        return np.asarray(self.starts[shards] + rows)

    def addresses(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Addresses of record indices."""
        # Empty shards share their start with the next one: the last of them holds the record.
        shards = np.searchsorted(self.starts, indices, side="right") - 1
        return join_addresses(shards, indices - self.starts[shards])

    def tally(self, measure: Callable[..., Any]) -> Any:
        """The sum of what ``measure`` measured; None if it measured nothing."""
        return self.tallies.get(metric_name(measure))

    def derive(self, function: Callable[[DatasetSummary], Derived]) -> Derived:
        """``function(self)``, computed once however many checks ask."""
        if function not in self.derived:
            self.derived[function] = function(self)
        return cast("Derived", self.derived[function])
