"""The nouns of datascan. Read this file first; everything else is one of these.

A *dataset* is what the user points at. A *reader* cuts it into *shards*; a worker reads a shard as
*blocks* of *records*; every *check* measures the block into a *tally*; tallies add up; the check
judges the sum into *findings*; the *report* is those findings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from datascan.block import Block, Fault
from datascan.subjects import Subject
from datascan.tally import Flagged

if TYPE_CHECKING:
    from datascan.baseline import Acceptance, Baseline
    from datascan.expectations import Expectations

ROW_BITS = 32
"""An address is ``shard.index << ROW_BITS | row``: int64, ascending in store order."""

EXAMPLES = 20
"""At most so many examples stand in a finding."""


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
class Targets:
    """What a net makes of this dataset's labels.

    ``layer`` is the one whose ``outputs`` the loss reads, ``loss`` the loss itself. Labels equal to
    ``ignore_label`` count for nothing. ``counted_by`` names a loss that divides by label counts.
    """

    outputs: int | None = None
    layer: str = ""
    loss: str = ""
    ignore_label: int | None = None
    counted_by: str | None = None


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
    resume: Path | None = None
    severity: tuple[tuple[str, Severity], ...] = ()
    """Severities in place of the rules' own, by rule."""
    shard_bytes: int = 32 << 20
    """Shards are cut to about this many bytes; the report does not depend on it."""
    thumbnails: bool = True
    """Whether the report gets what only a page shows: thumbnails, samples, curves."""
    undecoded: bool = False
    """Readers hand out encoded images as they are (``Block.encoded``), and decode none."""
    targets: Targets | None = None
    expect: Expectations | None = None
    """What the dataset is compared with."""
    baseline: Baseline | None = None
    """Findings that are accepted."""


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
class Plan:
    """What a reader knows of its dataset before reading it.

    ``stated``: the place where the dataset's author wrote down a number of records, and that
    number. ``claimed``: how many the store's own bookkeeping says it has. ``cost`` is the
    work in bytes of plain reading, where that is more than ``nbytes``. ``damaged`` asks for a
    worker process even where one would not pay. ``bgr``: three planes of a record are its blue,
    green and red ones. ``other_files`` lie in the dataset's folder and are no part of it.
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
    bgr: bool = False
    other_files: int = 0


class Reader(ABC):
    """A dataset on disk, opened read-only. Holds paths, so it pickles.

    Raises :class:`datascan.errors.DatasetError` from ``plan`` where there is nothing to scan.
    """

    backend: ClassVar[str]
    takes_several: ClassVar[bool] = False
    """Whether several paths make one dataset."""
    seeks: ClassVar[bool] = True
    """Whether a row of a shard can be read without those before it."""

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

    def count(self, shard: Shard) -> int:
        """How many rows the whole shard has; asked only where reading it killed workers."""
        return sum(block.records for block in self.read(shard.cut(0, None)))

    def begins(self, shard: Shard) -> str:
        """What tells people where the shard begins, from its description alone."""
        return f"part {shard.index + 1:,}"

    def with_options(self, options: Options) -> Reader:
        """The same planned dataset, to be read under other options. Only the first is closed."""
        other = copy(self)
        other.options = options
        return other

    def missed(self, records: int) -> Iterator[Fault]:  # noqa: ARG002
        """What is wrong where only ``records`` were read though nothing seems damaged."""
        return iter(())

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
    keys: tuple[str, ...] = ()
    """Names of what ``details`` tell of, where they have names."""
    about: str = ""
    """Which of several judgements of one rule about no records it is: "batch size 32"."""
    accepted: Acceptance | None = None
    """Why it does not count, if it does not."""
    subjects: tuple[Subject, ...] = ()
    """All that it is about besides ``flagged``, of which ``details`` show the first few."""


TallyT = TypeVar("TallyT")
Derived = TypeVar("Derived")


class Rule:
    """What every rule has: a name, a severity and a fix. Its module's docstring is its page.

    Rules that measure records are checks; those of ``caffe/rules`` look at nets and logs.
    """

    rule: ClassVar[str]
    severity: ClassVar[Severity]
    fix: ClassVar[str]


class Check(Rule, ABC, Generic[TallyT]):
    """A rule about records. Its module's docstring is the rule's page.

    ``measure`` may be a function that several checks share (``measure = staticmethod(...)``): it
    then runs once for all of them.
    """

    measure: Callable[[Block], TallyT | None] | None
    """None for a check that asks only what is known of every dataset."""

    @abstractmethod
    def judge(self, tally: TallyT, dataset: Dataset) -> Iterator[Judgement]:
        """Turn what was measured over the whole dataset into judgements."""

    def under(self, options: Options) -> Self:  # noqa: ARG002  (most measure the same under all)
        """The check as ``options`` want it."""
        return self

    def dataset_wide(  # noqa: PLR0913  (all but the message by name, and optional)
        self,
        message: str,
        *,
        about: str = "",
        fix: str | None = None,
        severity: Severity | None = None,
        records: int = 0,
        details: Sequence[str] = (),
        subjects: Sequence[Subject] = (),
    ) -> Judgement:
        """A judgement that names no single record; ``details`` tell its parts, if any.

        With parts, ``subjects`` are all of them, or what tells it from others of its rule.
        """
        return Judgement(
            self.rule,
            severity or self.severity,
            message,
            fix or self.fix,
            records=records,
            details=tuple(details[:EXAMPLES]),
            about=about,
            subjects=tuple(subjects),
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
