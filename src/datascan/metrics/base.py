"""Tallies: partial results that add up exactly, and what checks see of the whole dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.native import loops
from datascan.native.fallback import LIMBS
from datascan.records.block import Block
from datascan.records.shard import Plan, join_addresses, split_addresses
from datascan.records.writer import Writer

T = TypeVar("T")
NameT = TypeVar("NameT")
EntryT = TypeVar("EntryT")
Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Tally:
    """A partial result whose fields all add. Subclasses only list their fields.

    ``+`` must be associative; it need not be commutative. A tally of nothing does not exist, so
    there is no zero.
    """

    def __add__(self, right: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(right, f.name) for f in fields(self)))


def add_all(items: Iterable[T]) -> T | None:
    """Add items in order, as a balanced tree; ``None`` if there are no items.

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
    """The distinct values of an (n,) array, ascending, and how often each occurs.

    Equivalent to ``np.unique`` with counts, but whole numbers in a small range, such as labels, are
    counted instead of sorted.
    """
    if values.dtype.kind == "f" and is_small_and_whole(values):
        distinct, counts = count_distinct(values.astype(np.int32))
        return distinct.astype(values.dtype), counts
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < max(1 << 16, 2 * len(values)):
            wide = np.dtype(np.uint64 if values.dtype.kind == "u" else np.int64)
            counts = np.zeros(high - low + 1, np.int64)
            # In parts, or the temporary arrays are many times as large as the values.
            step = max(1 << 18, len(counts))
            for first in range(0, len(values), step):
                above = values[first : first + step].astype(wide) - wide.type(low)
                counts += np.bincount(above.astype(np.int64), minlength=len(counts))
            used = np.flatnonzero(counts)
            distinct = used.astype(wide) + wide.type(low)
            return distinct.astype(values.dtype), counts[used]
    distinct, counts = np.unique(values, return_counts=True)
    return distinct, counts


def is_small_and_whole(values: NDArray[Any]) -> bool:
    """Whether all of the floats, (n,), are whole numbers that fit in int16; False for n = 0."""
    if not len(values) or not (values.min() >= -(1 << 15) and values.max() < 1 << 15):
        return False  # also for NaN
    return bool((values == np.trunc(values)).all())


def sorted_distinct(values: NDArray[Number]) -> NDArray[Number]:
    """The distinct ones of (n,) values, in ascending order.

    ``np.unique`` imports ``numpy.ma`` for that, which takes longer than a small scan.
    """
    ordered = np.sort(values)
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


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

    ``units`` counts multiples of 2**-1074, the smallest positive float64: every finite float64 is
    an integer multiple of it. It is None once a term was not finite.
    """

    units: int | None

    @classmethod
    def of(cls, values: NDArray[Any]) -> ExactSum:
        """The sum of ``values``, shape (n,), of any integer dtype, bool or float64."""
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
        """The exact value; None if a term was not finite."""
        return None if self.units is None else Fraction(self.units, 1 << 1074)


@dataclass(frozen=True, slots=True, eq=False)
class Concatenated:
    """Arrays of shape (n, ...), concatenated on demand, so that adding is cheap.

    ``dtype`` is that of ``array`` if the chunks have the same numbers in a smaller one. Chunks of
    one value that is repeated (:func:`repeat`) do not take memory.
    """

    chunks: tuple[NDArray[Any], ...]
    dtype: np.dtype[Any] | None = None

    def __add__(self, right: Concatenated) -> Concatenated:
        if self.dtype is None and right.dtype is None:
            return Concatenated(self.chunks + right.chunks)
        dtype = np.promote_types(self._full_dtype, right._full_dtype)
        return Concatenated(self.chunks + right.chunks, dtype)

    @property
    def _full_dtype(self) -> np.dtype[Any]:
        return np.result_type(*self.chunks) if self.dtype is None else self.dtype

    @property
    def compact(self) -> NDArray[Any]:
        """All chunks as one array, possibly in a smaller dtype than ``array``."""
        if len(self.chunks) != 1:
            # The chunks are not needed any more, and as large as the array.
            object.__setattr__(self, "chunks", (join(self.chunks),))
        return self.chunks[0]

    @property
    def array(self) -> NDArray[Any]:
        """All chunks as one array; dtypes are promoted to a common one."""
        return self.compact if self.dtype is None else self.compact.astype(self.dtype, copy=False)

    def release(self) -> None:
        """Let go of all numbers: ``array`` is empty from now on."""
        object.__setattr__(self, "chunks", (self.chunks[0][:0].copy(),))

    def __reduce__(self) -> tuple[Any, ...]:
        whole = self.compact
        if is_repeated(whole):
            return (make_repeated, (whole[:1].copy(), len(whole), self.dtype))
        return (Concatenated, ((np.ascontiguousarray(whole),), self.dtype))


def make_repeated(
    value: NDArray[Any], count: int, dtype: np.dtype[Any] | None = None
) -> Concatenated:
    """``count`` times the only item of ``value``, shape (1,)."""
    return Concatenated((repeat(value[0], count),), dtype)


def repeat(value: np.generic, count: int) -> NDArray[Any]:
    """An array of (count,) times ``value`` that cannot be written to, in the memory of one."""
    return np.broadcast_to(value, (count,))


def is_repeated(array: NDArray[Any]) -> bool:
    """Whether an array is of :func:`repeat`, and not empty."""
    return array.strides == (0,) and len(array) > 0


def join(chunks: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    """The chunks as one array, which is of :func:`repeat` if they all are, of the same value."""
    filled = [chunk for chunk in chunks if len(chunk)]
    if filled and all(map(is_repeated, filled)):
        first = filled[0][0]
        # A dtype may be that of an empty chunk.
        same_dtype = np.result_type(*chunks) == filled[0].dtype
        if same_dtype and all(chunk[0].tobytes() == first.tobytes() for chunk in filled):
            return repeat(first, sum(map(len, filled)))
    return np.concatenate(chunks)


@dataclass(frozen=True, slots=True, eq=False)
class Flagged(Tally):
    """Flagged records: their addresses, int64 of shape (n,), and one fact about each.

    Facts are a compact array of shape (n,) or (n, k), of a dtype that the check chooses; the check
    also formats a fact as text.
    """

    addresses: Concatenated
    facts: Concatenated

    @classmethod
    def of(cls, addresses: NDArray[np.int64], facts: NDArray[Any]) -> Flagged:
        """Flag ``addresses`` with ``facts``, one for each."""
        return cls(Concatenated((addresses,)), Concatenated((facts,)))


@dataclass(frozen=True, slots=True)
class TallyMap(Generic[NameT, EntryT]):
    """Tallies by name, in order of first appearance; tallies with the same name are added."""

    entries: Mapping[NameT, EntryT]

    def __add__(self, right: TallyMap[NameT, EntryT]) -> TallyMap[NameT, EntryT]:
        merged: dict[NameT, Any] = dict(self.entries)
        for name, value in right.entries.items():
            merged[name] = merged[name] + value if name in merged else value
        return TallyMap(merged)


Derived = TypeVar("Derived")


def metric_name(measure: Callable[[Block], Any]) -> str:
    """The name of a metric in ``DatasetSummary.tallies``; checks that share it get the same."""
    owner = getattr(measure, "__self__", None)
    qualified = f"{type(owner).__qualname__}.{measure.__name__}" if owner else measure.__qualname__
    return f"{measure.__module__}.{qualified}"


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Records whose content occurs more than once.

    ``indices``, int64 (m,), ascending; ``groups``, int64 (m,): equal for equal content. ``ranks``,
    int8 (m,): lower for records that there were before; None if that is unknown.
    """

    indices: NDArray[np.int64]
    groups: NDArray[np.int64]
    ranks: NDArray[np.int8] | None = None

    @property
    def originals(self) -> NDArray[np.int64]:
        """The index of the original of each record's content, int64 (m,).

        That is the first in store order among those of the lowest rank.
        """
        ranks = np.zeros(len(self.groups), np.int8) if self.ranks is None else self.ranks
        order = np.lexsort((self.indices, ranks, self.groups))
        groups, first = np.unique(self.groups[order], return_index=True)
        return np.asarray(self.indices[order][first][np.searchsorted(groups, self.groups)])


@dataclass(frozen=True, eq=False)
class DatasetSummary:
    """What checks see of the whole dataset when they evaluate it.

    ``counts``, int64 (shards,), are the numbers of records of each shard; ``tallies`` are the sums
    of all metrics by :func:`metric_name`.
    """

    plan: Plan
    options: Options
    counts: NDArray[np.int64]
    tallies: Mapping[str, Any]
    duplicates: Duplicates | None = None
    is_complete: bool = True
    writer: Writer | None = None
    read_sample: Callable[[DatasetSummary], NDArray[Any] | None] | None = None
    """Reads some records of few values again, (m, d); see :mod:`datascan.metrics.chance`."""
    derived: dict[Callable[..., Any], Any] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """The number of records scanned."""
        return int(self.counts.sum())

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The index of the first record of every shard."""
        return (np.cumsum(self.counts) - self.counts).astype(np.int64)

    def indices(self, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
        """The record indices, counted from 0 in the whole dataset in store order, of addresses."""
        if not self.plan.origins:
            return self.positions(addresses)
        shards, rows = split_addresses(addresses)
        return np.asarray(np.array(self.plan.origins, np.int64)[shards] + rows)

    def positions(self, addresses: NDArray[np.int64]) -> NDArray[np.int64]:
        """The positions of addresses among the records that were read, which may be a sample."""
        shards, rows = split_addresses(addresses)
        return np.asarray(self.starts[shards] + rows - self.firsts[shards])

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """The first row of every shard: 0, except in samples."""
        return np.array([shard.first for shard in self.plan.shards], np.int64)

    def addresses(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """The addresses of the records at these positions among those that were read."""
        # Empty shards have the same start as the next shard; the last of them holds the record.
        shards = np.searchsorted(self.starts, indices, side="right") - 1
        return join_addresses(shards, indices - self.starts[shards] + self.firsts[shards])

    def tally(self, measure: Callable[..., Any]) -> Any:
        """The sum of what ``measure`` measured; None if it measured nothing."""
        return self.tallies.get(metric_name(measure))

    def derive(self, function: Callable[[DatasetSummary], Derived]) -> Derived:
        """``function(self)``, computed once and cached for all checks."""
        if function not in self.derived:
            self.derived[function] = function(self)
        return cast("Derived", self.derived[function])
