"""The nouns of datascan. Read this file first; everything else is one of these.

A *dataset* is what the user points at. A *reader* cuts it into *shards*; a worker reads a shard as
*blocks* of *records*; every *check* measures the block into a *tally*; tallies add up; the check
judges the sum into *findings*; the *report* is those findings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from datascan.tally import Flagged

ROW_BITS = 32
"""An address is ``shard.index << ROW_BITS | row``: int64, ascending in store order."""

EXAMPLES = 20
"""At most so many examples stand in a finding."""

PIECE_BYTES = 1 << 18
"""Values are measured in pieces of this many bytes, which stay in a core's own cache."""

LabelType = Literal["auto", "class", "regression", "none"]


class Severity(StrEnum):
    """How bad a finding is; ``rank`` orders them."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return ("info", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; the same object reaches readers, layouts and checks."""

    num_classes: int | None = None
    batch_sizes: tuple[int, ...] = (32, 64, 128, 256)
    label_type: LabelType = "auto"
    limit: int | None = None
    max_pixels: int = 178_956_970
    db: str | None = None
    data_key: str | None = None
    label_key: str | None = None
    list_file: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Literal["error", "warning", "never"] = "error"
    workers: int | None = None
    timeout: float = 60.0
    shard_bytes: int = 32 << 20
    """Shards are cut to about this many bytes; the report does not depend on it."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A run of consecutive records that one worker reads: a description, never a handle.

    ``span`` means something only to the reader that planned it (a key range, a row range, a slice
    of a list of files). It pickles. Only rows ``first`` <= row < ``last`` of it are to be read.
    """

    index: int
    span: Any
    first: int = 0
    last: int | None = None

    def cut(self, first: int, last: int | None) -> Shard:
        """The same shard, reduced to the rows from ``first`` up to ``last``."""
        return Shard(self.index, self.span, first, last)

    @property
    def base(self) -> int:
        """The address of row 0."""
        return self.index << ROW_BITS


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a reader or layout could not read, or saw while reading.

    ``row`` counts from the block's first record; None where no record can be named (a page whose
    records are unknown), and then ``lost`` says how many records are out of reach, if known.
    """

    row: int | None
    rule: str
    detail: str
    lost: int = 0


@dataclass(frozen=True, eq=False)
class Part:
    """Numeric values of some of a block's records, side by side.

    ``values`` has shape (m, ...), any integer, bool or float dtype in native byte order;
    ``rows``, int64 of shape (m,), ascending, says whose they are. ``name`` is the column's name:
    "data" for the records' own values. All statistics are per record and computed once, in pieces
    that stay in the cache.
    """

    name: str
    rows: NDArray[np.int64]
    values: NDArray[Any]
    primary: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record."""
        return tuple(self.values.shape[1:])

    @property
    def size(self) -> int:
        """Values in one record."""
        return self.values[0].size if len(self.values) else 0

    @property
    def is_float(self) -> bool:
        """Whether NaN and Inf can occur at all."""
        return bool(self.values.dtype.kind == "f")

    @cached_property
    def flat(self) -> NDArray[Any]:
        """The values as (m, size), C-contiguous; booleans as uint8."""
        size = prod(self.shape)
        values = np.ascontiguousarray(self.values).reshape(len(self.values), size)
        return values.view(np.uint8) if values.dtype == np.bool_ else values

    def pieces(self) -> Iterator[slice]:
        """Slices of rows, each of about ``PIECE_BYTES``."""
        step = max(1, PIECE_BYTES // max(1, self.flat[:1].nbytes))
        for start in range(0, len(self.flat), step):
            yield slice(start, start + step)

    @cached_property
    def extents(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Minimum and maximum of every record, (m,) each; NaN where a record holds one."""
        low = np.empty(len(self.flat), self.flat.dtype)
        high = np.empty_like(low)
        for piece in self.pieces():
            np.min(self.flat[piece], axis=1, out=low[piece])
            np.max(self.flat[piece], axis=1, out=high[piece])
        return low, high

    @cached_property
    def finite(self) -> NDArray[np.bool_]:
        """Whether all of a record's values are finite, (m,)."""
        if not self.is_float:
            return np.ones(len(self.flat), np.bool_)
        low, high = self.extents
        return np.asarray(np.isfinite(low) & np.isfinite(high))


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of a block's records.

    ``values``: (n,) of an integer or float dtype, or (n, k) for vector targets; what stands where
    ``present``, bool (n,), is False means nothing.
    """

    values: NDArray[Any]
    present: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pictures:
    """What is known of a block's encoded images: each array has shape (m,), for ``rows``.

    ``height``, ``width``, ``channels`` are int64; ``mode``, ``format`` and ``dtype`` are words
    ("RGB", "JPEG", "uint8"). ``low`` and ``high``, float64 (m, 4), are extents per channel, NaN
    beyond the last; ``totals`` and ``squares`` are float64 sums over ``counts`` values: all of the
    decoded ones, of JPEGs at 1/8 scale (``approximate``).
    """

    rows: NDArray[np.int64]
    height: NDArray[np.int64]
    width: NDArray[np.int64]
    channels: NDArray[np.int64]
    mode: NDArray[np.str_]
    format: NDArray[np.str_]
    dtype: NDArray[np.str_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    totals: NDArray[np.float64]
    squares: NDArray[np.float64]
    counts: NDArray[np.int64]
    approximate: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Block:
    """``records`` consecutive records of a shard, from address ``start`` on.

    Every record is counted, the unreadable ones too: those have a fault and no values. ``nbytes``
    are the bytes of the records in the store. ``signatures``, uint64 (n,), are equal for records
    of equal content and 0 where there is no content to compare; where ``exact`` is False, equal
    signatures only make a second look worthwhile, which ``digests`` takes.
    """

    start: int
    records: int
    nbytes: int
    parts: tuple[Part, ...] = ()
    pictures: Pictures | None = None
    labels: Labels | None = None
    faults: tuple[Fault, ...] = ()
    signatures: NDArray[np.uint64] | None = None
    exact: bool = True
    digests: Callable[[NDArray[np.int64]], list[bytes]] | None = None
    """From row numbers to one digest each, equal if and only if the content is."""
    numbers: KeyNumbers | None = None
    opaque: bool = False

    @property
    def broken(self) -> NDArray[np.bool_]:
        """Records that could not be read (they have no values of their own), bool (n,)."""
        known = np.full(self.records, self.opaque)
        for part in self.parts:
            if part.primary:
                known[part.rows] = True
        if self.pictures is not None:
            known[self.pictures.rows] = True
        return ~known


@dataclass(frozen=True, eq=False)
class KeyNumbers:
    """The numbers in a block's keys, right behind a common prefix.

    ``values``, int64 (n,), is -1 where the key has another form.
    """

    prefix: str
    values: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reader knows of its dataset before reading it.

    ``stated``: the place where the dataset's author wrote down a number of records, and that
    number. ``claimed``: how many the store's own bookkeeping says it has. ``cost`` is the
    work in bytes of plain reading, where that is more than ``nbytes``. ``damaged`` asks for a
    worker process even where one would not pay.
    """

    shards: tuple[Shard, ...]
    layout: str
    nbytes: int
    stated: tuple[str, int] | None = None
    claimed: int | None = None
    faults: tuple[Fault, ...] = ()
    class_names: tuple[str, ...] = ()
    records: int | None = None
    cost: int | None = None
    damaged: bool = False
    text_labels: bool = False


class Reader(ABC):
    """A dataset on disk, opened read-only. Holds paths, so it pickles.

    Raises :class:`datascan.errors.DatasetError` from ``plan`` where there is nothing to scan.
    """

    backend: ClassVar[str]
    takes_several: ClassVar[bool] = False
    """Whether several paths make one dataset."""

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        self.paths = paths
        self.options = options
        self.mark: Callable[[int, int], None] = ignore_mark

    @property
    def path(self) -> Path:
        """The path that the user gave; the first of several."""
        return self.paths[0]

    @classmethod
    @abstractmethod
    def matches(cls, path: Path) -> bool:
        """Whether ``path`` looks like this backend. Reads a few bytes, never raises."""

    @abstractmethod
    def plan(self) -> Plan:
        """Cut the dataset into shards, in store order, from the data and ``options`` alone."""

    @abstractmethod
    def read(self, shard: Shard) -> Iterator[Block]:
        """The rows ``shard.first`` to ``shard.last`` as blocks, in order.

        ``self.mark(row, count)`` is called before rows are touched by native code, so that a
        crash can be laid to them. What cannot be read becomes a fault, never an exception.
        """

    @abstractmethod
    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of ``rows`` (ascending) of ``shard``; not UTF-8: with backslash escapes."""

    def close(self) -> None:  # noqa: B027  (most readers make nothing)
        """Remove whatever was made beside the dataset; safe to call twice."""


def ignore_mark(row: int, count: int) -> None:
    """Take no note of the position (the default of ``Reader.mark``)."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What a rule has to say about this dataset, before keys are looked up: a finding in the raw.

    ``records`` is exact. ``flagged`` holds every record it names, and ``describe`` turns a fact
    into the detail that people read. ``details`` are for what is no single record (a class, a
    batch size, a place in the store).
    """

    rule: str
    severity: Severity
    message: str
    fix: str
    records: int = 0
    flagged: Flagged | None = None
    describe: Callable[[Any], str] = str
    details: tuple[str, ...] = ()


TallyT = TypeVar("TallyT")
Derived = TypeVar("Derived")


class Check(ABC, Generic[TallyT]):
    """One rule. Its module's docstring is the rule's page.

    ``measure`` may be a function that several checks share (``measure = staticmethod(...)``): it
    then runs once for all of them.
    """

    rule: ClassVar[str]
    severity: ClassVar[Severity]
    fix: ClassVar[str]

    measure: Callable[[Block], TallyT | None] | None
    """None for a check that asks only what is known of every dataset."""

    @abstractmethod
    def judge(self, tally: TallyT, dataset: Dataset) -> Iterator[Judgement]:
        """Turn what was measured over the whole dataset into judgements."""

    def dataset_wide(
        self,
        message: str,
        *,
        fix: str | None = None,
        severity: Severity | None = None,
        records: int = 0,
        details: Sequence[str] = (),
    ) -> Judgement:
        """A judgement that names no single record; ``details`` tell its parts, if any."""
        return Judgement(
            self.rule,
            severity or self.severity,
            message,
            fix or self.fix,
            records=records,
            details=tuple(details[:EXAMPLES]),
        )

    def flag(
        self,
        flagged: Flagged,
        message: str,
        describe: Callable[[Any], str] = str,
        *,
        severity: Severity | None = None,
    ) -> Judgement:
        """A judgement that names every record in ``flagged``."""
        return Judgement(
            self.rule,
            severity or self.severity,
            message,
            self.fix,
            records=len(flagged.addresses.array),
            flagged=flagged,
            describe=describe,
        )


def measure_name(measure: Callable[[Block], Any]) -> str:
    """The name under which a measure's tally stands; the same for checks that share it."""
    owner = getattr(measure, "__self__", None)
    qualified = f"{type(owner).__qualname__}.{measure.__name__}" if owner else measure.__qualname__
    return f"{measure.__module__}.{qualified}"


@dataclass(frozen=True, eq=False)
class Copies:
    """Records whose content occurs more than once.

    ``indices``, int64 (m,), ascending; ``groups``, int64 (m,): equal for equal content.
    """

    indices: NDArray[np.int64]
    groups: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """What checks know of the whole dataset when they judge.

    ``counts``, int64 (shards,), are the records of each shard; ``tallies`` are the sums of all
    measures, under the name of the function that measured them.
    """

    plan: Plan
    options: Options
    counts: NDArray[np.int64]
    tallies: Mapping[str, Any]
    copies: Copies | None = None
    complete: bool = True
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
        rows = addresses & ((1 << ROW_BITS) - 1)
        return np.asarray(self.starts[addresses >> ROW_BITS] + rows)

    def addresses(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Addresses of record indices."""
        # Empty shards share their start with the next one: the last of them holds the record.
        shards = np.searchsorted(self.starts, indices, side="right") - 1
        return (shards << ROW_BITS) | (indices - self.starts[shards])

    def tally_of(self, measure: Callable[..., Any]) -> Any:
        """The sum of what ``measure`` measured; None if it measured nothing."""
        return self.tallies.get(measure_name(measure))

    def derive(self, function: Callable[[Dataset], Derived]) -> Derived:
        """``function(self)``, computed once however many checks ask."""
        if function not in self.derived:
            self.derived[function] = function(self)
        return cast("Derived", self.derived[function])
