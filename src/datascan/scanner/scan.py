"""Plan, measure, add, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Judgement
from datascan.checks.fault_check import REACH_RULES
from datascan.executors.base import Progress, Silence, Stop
from datascan.executors.select import run
from datascan.metrics.base import Copies, Dataset, measure_name
from datascan.metrics.duplicates import ContentTally, measure_contents, shared
from datascan.metrics.faults import measure_faults, tally_faults
from datascan.metrics.labels import measure_labels
from datascan.metrics.shapes import measure_shapes
from datascan.metrics.values import measure_values
from datascan.readers.base import Reader
from datascan.records.block import Fault
from datascan.records.shard import ROW_BITS, Plan
from datascan.scanner.checkpoint import kept_shards
from datascan.scanner.result import Scanned
from datascan.scanner.tasks import DigestShard, Measured, Measures, MeasureShard, measure


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
