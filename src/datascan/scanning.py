"""Plan, measure, add, judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from datascan.block import Block, Fault
from datascan.desks import Desk
from datascan.measures.contents import ContentTally, measure_contents, shared
from datascan.measures.faults import REACH_RULES, measure_faults, tally_faults
from datascan.measures.labels import measure_labels
from datascan.measures.shapes import measure_shapes
from datascan.measures.values import measure_values
from datascan.model import (
    ROW_BITS,
    Check,
    Copies,
    Dataset,
    Judgement,
    Plan,
    Reader,
    Shard,
    measure_name,
)
from datascan.resuming import Kept, kept_shards
from datascan.running import marked, run
from datascan.tally import ByName, Joined, Tally, add_all

Measures = Mapping[str, Callable[[Block], Any]]


@dataclass(frozen=True, slots=True)
class Measured(Tally):
    """What has been measured: the records of every shard (or piece of one), and the tallies."""

    shards: Joined
    records: Joined
    nbytes: int
    tallies: ByName


class Stop(Exception):  # noqa: N818  (no error: what was seen so far is reported)
    """Raised by ``Progress.update`` to end the scan early."""


class Progress(Protocol):
    """Whatever shows how far the scan is. ``update`` may raise :class:`Stop`."""

    def begin(self, plan: Plan) -> None:
        """The scan of ``plan`` begins."""

    def update(self, records: int, nbytes: int) -> None:
        """So many records and bytes have been read in all."""

    def say(self, text: str) -> None:
        """Something that the user should know at once, in one line."""


class Silence:
    """Shows nothing."""

    def begin(self, plan: Plan) -> None:
        """Show nothing."""

    def update(self, records: int, nbytes: int) -> None:
        """Show nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""


@dataclass(frozen=True)
class Scanned:
    """A dataset that has been read and judged, its reader still open."""

    reader: Reader
    dataset: Dataset
    judgements: tuple[Judgement, ...]
    nbytes: int
    seconds: float
    rules: tuple[str, ...] = ()


def scan(reader: Reader, checks: Sequence[Check[Any]], progress: Progress | None = None) -> Scanned:
    """Scan the reader's dataset with ``checks``. The result does not depend on the workers."""
    began = time.perf_counter()
    plan = reader.plan()
    measures, progress = measures_of(checks), progress or Silence()
    with closing(kept_shards(reader, plan, list(measures), progress)) as kept:
        total, complete = measure(MeasureShard(reader, measures), plan, progress, kept)
    dataset = gather(reader, plan, total, complete=complete)
    tick = partial(progress.update, dataset.records, total.nbytes)
    dataset = with_copies(reader, dataset, tick)
    judgements: tuple[Judgement, ...] = ()
    rules: tuple[str, ...] = ()
    try:
        for check in checks:
            if dataset.complete:
                tick()
            judgements += tuple(judge(check, dataset))
            rules += (check.rule,)
    except Stop:
        dataset = replace(dataset, complete=False)
    return Scanned(reader, dataset, judgements, total.nbytes, time.perf_counter() - began, rules)


def measures_of(checks: Sequence[Check[Any]]) -> Measures:
    """Every measure that ``checks`` and the report's figures need, once, under its name."""
    figures: list[Any] = [measure_faults, measure_labels, measure_shapes, measure_values]
    return {measure_name(m): m for m in [*figures, *(c.measure for c in checks)] if m}


def judge(check: Check[Any], dataset: Dataset) -> Iterator[Judgement]:
    """The check's judgements, as severe as asked for; none where it saw nothing to measure."""
    tally = None if check.measure is None else dataset.tallies.get(measure_name(check.measure))
    if check.measure is not None and tally is None:
        return
    asked = dict(dataset.options.severity)
    for judged in check.judge(tally, dataset):
        yield replace(judged, severity=asked.get(judged.rule, judged.severity))


@dataclass(frozen=True)
class MeasureShard:
    """The task of a worker: read a shard, measure its blocks, add up."""

    reader: Reader
    measures: Measures

    def __call__(self, shard: Shard, desk: Desk) -> Measured:
        """The sum over the shard's blocks."""
        total = add_all(self._measured(shard, block) for block in marked(self.reader, shard, desk))
        return total or self._measured(shard, Block(shard.base + shard.first, 0, 0))

    def blame(self, shard: Shard, reason: str) -> Measured:
        """The sum where ``shard``, cut to the rows to blame, killed its worker."""
        records = 0 if shard.last is None else shard.last - shard.first
        faults = tuple(Fault(row, "reader-crash", reason) for row in range(records))
        if not records:
            # It could not even be counted.
            where = f"row {shard.first:,} behind " if shard.first else ""
            lost = f"{reason}: no record from {where}{self.reader.begins(shard)} on can be counted"
            faults = (Fault(None, "reader-crash", f"{lost}, up to the next part"),)
        return self._measured(shard, Block(shard.base + shard.first, records, 0, faults=faults))

    def _measured(self, shard: Shard, block: Block) -> Measured:
        found = {name: measure(block) for name, measure in self.measures.items()}
        return Measured(
            Joined((np.array([shard.index]),)),
            Joined((np.array([block.records]),)),
            block.nbytes,
            ByName({name: tally for name, tally in found.items() if tally is not None}),
        )


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests by address; and the records that could not be read again, their rows addresses."""

    found: dict[int, bytes]
    lost: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class DigestShard:
    """The task of the second look: digests of chosen rows of a shard, by row."""

    reader: Reader
    rows: Mapping[int, NDArray[np.int64]]

    def __call__(self, shard: Shard, desk: Desk) -> Digests:
        """Digests of the rows chosen, by address."""
        wanted = self.rows[shard.index] | shard.base
        found: dict[int, bytes] = {}
        for block in marked(self.reader, shard, desk):
            first, last = np.searchsorted(wanted, (block.start, block.start + block.records))
            chosen = wanted[first:last]
            if block.digests is not None and len(chosen):
                digests = block.digests(chosen - block.start)
                found.update(zip(chosen.tolist(), digests, strict=True))
        return Digests(found)

    def blame(self, shard: Shard, reason: str) -> Digests:
        """Those chosen of the rows to blame: nobody knows whether they are copies."""
        rows = self.rows[shard.index]
        last = len(rows) if shard.last is None else np.searchsorted(rows, shard.last)
        chosen = rows[np.searchsorted(rows, shard.first) : last] | shard.base
        why = f"{reason} when it was to be compared with records that may be the same"
        faults = (Fault(address, "reader-crash", why) for address in chosen.tolist())
        return Digests({}, tuple(faults))


def measure(
    task: MeasureShard, plan: Plan, progress: Progress, kept: Kept
) -> tuple[Measured, bool]:
    """Measure all shards and add them up: the sum, and whether it holds the whole dataset."""
    done = Done(progress)
    complete = True
    progress.begin(plan)

    def measured() -> Iterator[Measured]:
        nonlocal complete
        try:
            missing = [shard for shard in plan.shards if shard.index not in kept.finished]
            fresh = run(task, plan, missing, done.under_way, kept.keep)
            for shard in plan.shards:
                for piece in kept.finished.get(shard.index) or next(fresh):
                    done.add(int(piece.records.array.sum()), piece.nbytes)
                    yield piece
                done.under_way(0, 0)
        except Stop:
            complete = False

    nothing = Measured(Joined((np.empty(0, int),)), Joined((np.empty(0, int),)), 0, ByName({}))
    return add_all(measured()) or nothing, complete


@dataclass
class Done:
    """Records and bytes of all finished shards, told to ``progress`` with those under way."""

    progress: Progress
    records: int = 0
    nbytes: int = 0

    def add(self, records: int, nbytes: int) -> None:
        """A piece of a shard is finished."""
        self.records += records
        self.nbytes += nbytes

    def under_way(self, records: int, nbytes: int) -> None:
        """So much more is read of shards that are not finished."""
        self.progress.update(self.records + records, self.nbytes + nbytes)


def gather(reader: Reader, plan: Plan, total: Measured, *, complete: bool) -> Dataset:
    """The dataset as the checks are to see it, with the faults that planning found."""
    counts = np.zeros(len(plan.shards), np.int64)
    np.add.at(counts, total.shards.array, total.records.array)
    tallies = dict(total.tallies.entries)
    name = measure_name(measure_faults)
    faults = plan.faults
    if complete and not faults and not set(REACH_RULES) & set(known_faults(tallies)):
        faults = tuple(reader.missed(int(counts.sum())))
    if faults:
        early = tally_faults(faults, 0)
        tallies[name] = early + tallies[name] if name in tallies else early
    return Dataset(plan, reader.options, counts, tallies, complete=complete)


def known_faults(tallies: Mapping[str, Any]) -> Mapping[str, Any]:
    """The faults that reading found, by rule."""
    tally = tallies.get(measure_name(measure_faults))
    return {} if tally is None else tally.entries


def with_copies(reader: Reader, dataset: Dataset, tick: Callable[[], None]) -> Dataset:
    """Find the records of equal content; with a second look where signatures are vague.

    ``tick`` is called now and then meanwhile; where it raises :class:`Stop`, copies stay unknown.
    """
    tally: ContentTally | None = dataset.tallies.get(measure_name(measure_contents))
    if tally is None:
        return dataset
    signatures = tally.signatures.array
    indices = shared(signatures)
    digests: Sequence[Any] = signatures[indices].tolist()
    if tally.vague and not dataset.complete:
        # Whoever stops a scan does not want it to begin again.
        return dataset
    if tally.vague and len(indices):
        try:
            digests, lost = second_look(reader, dataset, indices, tick)
        except Stop:
            return replace(dataset, complete=False)
        dataset = with_faults(dataset, lost)
    numbers: dict[Any, int] = {}
    groups = np.array([numbers.setdefault(d, len(numbers)) for d in digests], np.int64)
    repeated = np.bincount(groups, minlength=1)[groups] > 1 if len(groups) else groups > 0
    return replace(dataset, copies=Copies(indices[repeated], groups[repeated]))


def with_faults(dataset: Dataset, faults: Sequence[Fault]) -> Dataset:
    """The dataset with more faults, their rows addresses."""
    name, late = measure_name(measure_faults), tally_faults(faults, 0)
    early = dataset.tallies.get(name)
    total = late if early is None else early + late
    return replace(dataset, tallies={**dataset.tallies, name: total}) if faults else dataset


def second_look(
    reader: Reader, dataset: Dataset, indices: NDArray[np.int64], tick: Callable[[], None]
) -> tuple[list[bytes | int], list[Fault]]:
    """Digests of the records at ``indices`` (else a number of its own), and faults by address."""
    addresses = dataset.addresses(indices)
    owners = addresses >> ROW_BITS
    rows = {int(i): addresses[owners == i] & ((1 << ROW_BITS) - 1) for i in np.unique(owners)}
    task = DigestShard(reader, rows)
    shards = [shard for shard in dataset.plan.shards if shard.index in rows]
    found: dict[int, bytes] = {}
    lost: list[Fault] = []
    for pieces in run(task, dataset.plan, shards, lambda *_: tick()):
        for piece in pieces:
            found.update(piece.found)
            lost += piece.lost
    return [found.get(address, address) for address in addresses.tolist()], lost
