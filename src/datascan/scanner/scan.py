"""Scan a dataset: plan, measure, find duplicates, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from datascan.checks.base import MANY, Check, Issue
from datascan.checks.fault_check import REACH_RULES
from datascan.errors import DatasetError
from datascan.executors.base import Executor, NullProgress, Progress, ScanCancelled
from datascan.metrics.base import DatasetSummary, Duplicates, TallyMap, metric_name
from datascan.metrics.digest import digest_values
from datascan.metrics.duplicates import FingerprintTally, find_repeated, measure_fingerprints
from datascan.metrics.faults import measure_faults, tally_faults
from datascan.metrics.inspection import measure_uninspected
from datascan.metrics.keys import measure_keys
from datascan.metrics.label_vectors import measure_label_vectors
from datascan.metrics.labels import measure_labels
from datascan.metrics.shapes import measure_shapes
from datascan.metrics.values import measure_values
from datascan.plugins import plugins_of
from datascan.readers.base import Reader
from datascan.records.block import Fault
from datascan.records.shard import Plan
from datascan.scanner.early_stop import Watch
from datascan.scanner.first_error import ErrorCounter, FirstError, Shards
from datascan.scanner.guard import (
    evaluate_guarded,
    guarded_metrics,
    usable_checks,
    without_guards,
)
from datascan.scanner.kept import describe_use, kept_shards
from datascan.scanner.live_writers import settle_writer
from datascan.scanner.precedence import Precedence
from datascan.scanner.reread import reread, rows_by_shard
from datascan.scanner.result import ScanResult
from datascan.scanner.small_records import SmallRecords
from datascan.scanner.tasks import (
    DigestTask,
    KeptShards,
    MeasureTask,
    Metrics,
    PartialResult,
    measure_shards,
)
from datascan.text import escape_surrogates


def scan(
    reader: Reader,
    checks: Sequence[Check[Any]],
    progress: Progress | None = None,
    executor: Executor | None = None,
    precedence: Precedence | None = None,
) -> ScanResult:
    """Scan the reader's dataset with ``checks``. The result does not depend on the executor.

    ``precedence`` knows which records there were before; see :mod:`datascan.scanner.precedence`.
    """
    began, began_at = time.perf_counter(), time.time_ns()
    before = reader.observe()
    plan, checks = plan_or_stop(reader, before), usable_checks(checks)
    if executor is None:
        executor = reader.executor(plan)
    measures, progress = collect_metrics(checks), watch_of(progress, reader)
    with kept_shards(reader, plan, measures, progress, began_at) as kept:
        plan, total, complete = measure(
            reader, plan, measures, executor, watch=progress, checks=checks, kept=kept
        )
    complete = complete and plan is not NOTHING_PLANNED
    all_read = complete or holds_every_shard(plan, total)
    tallies, failed = without_guards(total.tallies.entries)
    total = replace(total, tallies=TallyMap(tallies))
    dataset = summarize(reader, plan, total, complete=complete)
    tick = partial(progress.update, dataset.records, total.nbytes)
    dataset = find_duplicates(reader, dataset, executor, tick)
    release_fingerprints(dataset, checks)
    progress.disarm()
    if precedence is not None:
        dataset = precedence.settle(reader, dataset)
    dataset = settle_writer(reader, before, dataset)
    dataset = replace(dataset, read_sample=SmallRecords(reader, executor, tick))
    found, complete = evaluate_checks(checks, dataset, failed, tick)
    if not complete:
        dataset = replace(dataset, is_complete=False)
    issues = tuple(chain.from_iterable(found.values()))
    inapplicable = {
        check.rule: reason
        for check in checks
        if not found.get(check.rule) and (reason := check.explain_inapplicable(dataset))
    }
    ended = None if dataset.is_complete else progress.ended
    if ended is not None:
        ended = structs.replace(ended, all_read=all_read)
    return ScanResult(
        reader=reader,
        summary=dataset,
        issues=issues,
        nbytes=total.nbytes,
        seconds=time.perf_counter() - began,
        rules=tuple(found),
        evidence=issues,
        inapplicable=inapplicable,
        ended=ended,
        cache=describe_use(total, kept),
    )


def watch_of(progress: Progress | None, reader: Reader) -> Watch:
    """The watch of the scan; a new one unless the caller has made it."""
    if isinstance(progress, Watch):
        return progress
    return Watch(progress or NullProgress(), reader.options.run)


def measure(  # noqa: PLR0913  (all needed, and each of another kind)
    reader: Reader,
    plan: Plan,
    measures: Metrics,
    executor: Executor,
    *,
    watch: Watch,
    checks: Sequence[Check[Any]],
    kept: KeptShards,
) -> tuple[Plan, PartialResult, bool]:
    """Measure the shards: the plan of what was read, the sum, and whether it is of all records."""
    options, task = reader.options, MeasureTask(reader, measures)
    errors = ErrorCounter(checks, options, watch.found)
    fails_fast = options.run.fail_fast
    first = FirstError(checks, evaluate_check, reader, plan, watch) if fails_fast else None
    shards = Shards(errors, first)
    if watch.seconds is None:
        return plan, *measure_shards(task, plan, executor, watch, kept, watch=shards)
    from datascan.scanner import spread  # noqa: PLC0415  (rarely used)

    total, complete, added = spread.measure_spread(task, plan, executor, watch, kept, watch=shards)
    if not complete:
        plan = spread.with_origins(plan, total, added, reader, executor)
    return plan, total, complete


NOTHING_PLANNED = Plan(shards=(), layout="unknown", nbytes=0)
"""The plan of a dataset whose scan was cancelled before it was planned."""


def holds_every_shard(plan: Plan, total: PartialResult) -> bool:
    """Whether the scan was stopped only after the last shard of ``plan`` had been read."""
    return bool(plan.shards) and len(np.unique(total.shards.array)) == len(plan.shards)


def plan_or_stop(reader: Reader, before: Any) -> Plan:
    """The plan of the reader; ``NOTHING_PLANNED`` if the scan is cancelled meanwhile.

    What cannot be planned because it is being written has a fault instead of shards. ``before``:
    what the reader has observed.

    Raises:
        DatasetError: if there is nothing to scan.
    """
    try:
        return reader.plan()
    except DatasetError as error:
        writer = reader.find_writer(before)
        if writer is None or writer.by_record or not writer.rules:
            raise
        fault = Fault(None, writer.rules[0], escape_surrogates(str(error)))
        return replace(NOTHING_PLANNED, layout="unreadable", faults=(fault,))
    except ScanCancelled:
        return NOTHING_PLANNED


def collect_metrics(checks: Sequence[Check[Any]]) -> Metrics:
    """Each metric that ``checks`` and the report need, once, by its name."""
    shared: list[Any] = [
        measure_faults,
        measure_keys,
        measure_labels,
        measure_label_vectors,
        measure_shapes,
        measure_uninspected,
        measure_values,
    ]
    figures = {metric_name(measure): measure for measure in shared}
    return figures | guarded_metrics(checks) | figures


def evaluate_checks(
    checks: Iterable[Check[Any]],
    dataset: DatasetSummary,
    failed: Mapping[str, str],
    tick: Callable[[], None],
) -> tuple[dict[str, tuple[Issue, ...]], bool]:
    """The issues of each check, without plug-ins that fail, by rule; whether all were evaluated.

    ``tick`` is called before each check if the whole dataset was read, and may cancel the scan.
    """
    external = plugins_of("check")
    found: dict[str, tuple[Issue, ...]] = {}
    try:
        for check in checks:
            if dataset.is_complete:
                tick()
            issues: tuple[Issue, ...] | None
            if plugin := external.get(check.rule):
                issues = evaluate_guarded(check, evaluate_check, dataset, failed, plugin)
            else:
                issues = tuple(evaluate_check(check, dataset))
            if issues is not None:
                found[check.rule] = issues
    except ScanCancelled:
        return found, False
    return found, True


def evaluate_check(check: Check[Any], dataset: DatasetSummary) -> Iterator[Issue]:
    """The issues of the check with the user's severities; none if there was nothing to measure."""
    tally = None if check.measure is None else dataset.tallies.get(metric_name(check.measure))
    if (check.measure is not None and tally is None) or not check.can_judge(dataset):
        return
    severities = dict(dataset.options.verdict.severity)
    for issue in check.evaluate(tally, dataset):
        is_single = dataset.plan.sampled_from is not None and dataset.records == 1
        is_many = not is_single and issue.records > MANY * dataset.records
        fix = check.fix_many if is_many and issue.fix == check.fix else ""
        severity = severities.get(issue.rule, issue.severity)
        yield replace(issue, severity=severity, fix=fix or issue.fix)


def summarize(
    reader: Reader, plan: Plan, total: PartialResult, *, complete: bool
) -> DatasetSummary:
    """The dataset as checks see it, including the faults that planning found."""
    counts = np.zeros(len(plan.shards), np.int64)
    np.add.at(counts, total.shards.array, total.records.array)
    tallies = dict(total.tallies.entries)
    name = metric_name(measure_faults)
    faults = plan.faults
    is_whole = complete and reader.options.read.limit is None
    if is_whole and not faults and not set(REACH_RULES) & set(known_faults(tallies)):
        faults = tuple(reader.find_missing(int(counts.sum())))
    if faults:
        early = tally_faults(faults, 0)
        tallies[name] = early + tallies[name] if name in tallies else early
    return DatasetSummary(plan, reader.options, counts, tallies, is_complete=complete)


def known_faults(tallies: Mapping[str, Any]) -> Mapping[str, Any]:
    """The faults found while reading, by rule."""
    tally = tallies.get(metric_name(measure_faults))
    return {} if tally is None else tally.entries


def find_duplicates(
    reader: Reader, dataset: DatasetSummary, executor: Executor, tick: Callable[[], None]
) -> DatasetSummary:
    """Find records with equal content; reads candidates again if fingerprints are not exact.

    ``tick`` is called regularly. If it raises :class:`ScanCancelled`, duplicates stay unknown.
    """
    tally: FingerprintTally | None = dataset.tallies.get(metric_name(measure_fingerprints))
    if tally is None:
        return dataset
    fingerprints = tally.fingerprints.array
    indices = find_repeated(fingerprints)
    digests: Sequence[Any] = fingerprints[indices].tolist()
    if tally.inexact_blocks and not dataset.is_complete:
        # A user who cancels a scan does not want it to read records again.
        return dataset
    if tally.inexact_blocks and len(indices):
        try:
            digests, lost = confirm_duplicates(reader, dataset, indices, executor, tick)
        except ScanCancelled:
            return replace(dataset, is_complete=False)
        dataset = add_faults(dataset, lost)
    numbers: dict[Any, int] = {}
    groups = np.array([numbers.setdefault(d, len(numbers)) for d in digests], np.int64)
    repeated = np.bincount(groups, minlength=1)[groups] > 1 if len(groups) else groups > 0
    return replace(dataset, duplicates=Duplicates(indices[repeated], groups[repeated]))


def release_fingerprints(dataset: DatasetSummary, checks: Sequence[Check[Any]]) -> None:
    """Let go of the fingerprints, eight bytes a record, once nothing needs them any more.

    Only the checks of other packages might: those of our own need the duplicates.
    """
    tally: FingerprintTally | None = dataset.tally(measure_fingerprints)
    dataset.derive(digest_values)
    external = plugins_of("check")
    if tally is not None and not any(check.rule in external for check in checks):
        tally.fingerprints.release()


def add_faults(dataset: DatasetSummary, faults: Sequence[Fault]) -> DatasetSummary:
    """The dataset with more faults, whose rows are addresses."""
    name, late = metric_name(measure_faults), tally_faults(faults, 0)
    early = dataset.tallies.get(name)
    total = late if early is None else early + late
    return replace(dataset, tallies={**dataset.tallies, name: total}) if faults else dataset


def confirm_duplicates(
    reader: Reader,
    dataset: DatasetSummary,
    indices: NDArray[np.int64],
    executor: Executor,
    tick: Callable[[], None],
) -> tuple[list[bytes | int], list[Fault]]:
    """The digests of the records at ``indices``, and a fault for each that cannot be read again.

    Instead of a digest, such a record has its address, which equals no other.
    """
    addresses = dataset.addresses(indices)
    rows = rows_by_shard(addresses)
    found: dict[int, bytes] = {}
    lost: list[Fault] = []
    task = DigestTask(reader, rows)
    for piece in reread(task, dataset.plan, executor, rows, on_tick=tick):
        found.update(piece.found)
        lost += piece.lost
    return [found.get(address, address) for address in addresses.tolist()], lost
