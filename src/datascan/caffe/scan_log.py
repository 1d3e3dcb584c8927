"""Scans a training log with its net: why the run broke, and which records it was reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datascan.caffe.net.learning_rate import find_first_bad_rate, is_complete
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Training, read_training
from datascan.caffe.next_step import Case, explain_rate, next_step
from datascan.caffe.record_range import ReadRange, candidate_ranges, read_range
from datascan.caffe.rules.base import RunOutcome, evaluate_rules
from datascan.caffe.scan_net import (
    REQUIRED_CHECKS,
    SourceScans,
    apply_policy,
    combined_report,
    keep_selected,
    net_context,
)
from datascan.checks.base import Check
from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options, Severity
from datascan.errors import UsageError
from datascan.executors.base import Progress
from datascan.logs.diagnosis import Diagnosis, diagnose
from datascan.logs.runs import Log, Run
from datascan.plugins import CHECKS, NET_RULES, load, rule_target
from datascan.report.figures import DatasetInfo, LogCurve, LogFigures, RecordRange
from datascan.report.identify import locate
from datascan.report.model import LogReport
from datascan.scanner.result import ScanResult
from datascan.session import select_rules
from datascan.text import escape_surrogates

HARMLESS = ("conflicting-label",)
"""Errors that neither break a loss nor crash a run."""

UNKNOWN = 1 << 62
"""Stands for the number of records if the store is missing."""

MAX_CULPRITS = 1000
MAX_NAMED = 19
MAX_POINTS = 400


class Suspect(Struct, frozen=True):
    """A record with an error: its index, and what is wrong with it."""

    index: int
    text: str


class SuspectCollector(Struct):
    """Collects the records that may have broken a run, from scans whose datasets are still open.

    ``stretches`` holds, by run and layer, the records that were read when the run broke.
    """

    log: Log
    verdicts: Sequence[Diagnosis]
    training: Training
    limit: int | None
    stretches: dict[int, dict[str, ReadRange]] = {}
    found: dict[int, dict[str, list[Suspect]]] = {}

    def add(self, source: DataSource, scanned: ScanResult) -> None:
        """Collect the suspects in a source for every run that broke."""
        is_sample = scanned.summary.plan.sampled_from is not None
        known = not is_sample and (self.limit is None or scanned.summary.records < self.limit)
        if source.phase != "TRAIN" or not known:
            return
        for i, run in enumerate(self.log.runs):
            iterations = candidate_ranges(run, self.verdicts[i], display_of(run, self.training))
            read = iterations and read_range(iterations, run, source, scanned.summary.records)
            if read:
                self.stretches.setdefault(i, {})[source.layer] = read
                self.found.setdefault(i, {})[source.layer] = list(find_suspects(scanned, read))

    def layer_of(self, i: int) -> str | None:
        """The layer with suspects for run ``i``, or else the first whose reading order is known."""
        known = self.stretches.get(i, {})
        guilty = (layer for layer in known if self.found[i][layer])
        return next(guilty, next(iter(known), None))


def find_suspects(scanned: ScanResult, read: ReadRange) -> Iterator[Suspect]:
    """The records in ``read`` with an error, ascending; at most ``MAX_CULPRITS``."""
    texts: dict[int, list[str]] = {}
    addresses: dict[int, int] = {}
    harmful = {check.rule for check in record_errors()}
    asked = dict(scanned.summary.options.verdict.severity)
    for judgement in scanned.evidence:
        # An error that the user has downgraded to a warning breaks the loss all the same.
        is_error = judgement.severity is Severity.ERROR or judgement.rule in asked
        if judgement.flagged is None or not is_error or judgement.rule not in harmful:
            continue
        every = judgement.flagged.addresses.array
        indices = scanned.summary.indices(every)
        for place in np.flatnonzero(read.holds(indices))[:MAX_CULPRITS].tolist():
            index = int(indices[place])
            detail = judgement.describe(judgement.flagged.facts.array[place])
            texts.setdefault(index, []).append(f"{judgement.rule}, {detail}")
            addresses[index] = int(every[place])
    order = sorted(texts)[:MAX_CULPRITS]
    places = np.array([addresses[index] for index in order], np.int64)
    for index, key in zip(order, scanned.lookup_keys(places), strict=True):
        yield Suspect(
            index, f"record {index:,} ({escape_surrogates(key)}): {'; '.join(texts[index])}"
        )


def record_errors() -> list[type[Check[Any]]]:
    """The checks for records that can break a loss or crash a run."""
    found: list[type[Check[Any]]] = [load(rule_target(rule)) for rule in CHECKS]
    return [k for k in found if k.severity is Severity.ERROR and k.rule not in HARMLESS]


def display_of(run: Run, training: Training) -> int | None:
    """The number of iterations between two lines of the log; None if unknown."""
    own = training.solver.display if training.solver else 0
    return own or run.number("display") or spacing(run)


def spacing(run: Run) -> int | None:
    """The number of iterations between the last two lines."""
    steps = [b - a for a, b in zip(run.iterations[-2:], run.iterations[-1:], strict=False)]
    return steps[0] if steps and steps[0] > 0 else None


def training_of(
    path: Path,
    net: str | Path | None,
    solver: str | Path | None,
    root: str | Path | None,
) -> Training:
    """The net and solver of a log; an empty training if neither is given."""
    home = Path(root) if root else None
    if net is not None:
        return read_training(Path(net), Path(solver) if solver else None, home)
    if solver is not None:
        return read_training(Path(solver), None, home)
    if home is not None:
        raise UsageError("--root has no effect without --net or --solver")
    return Training(path=path)


def log_scans(
    options_for: Callable[[Path], Options], *, charts: bool, progress: Progress | None = None
) -> SourceScans:
    """Scans of the sources that a log read, with every check that may explain a broken loss."""
    required = [*REQUIRED_CHECKS, *record_errors()]
    return SourceScans(options_for, charts=charts, progress=progress, required_checks=required)


def report_log(log: Log, training: Training, scans: SourceScans) -> LogReport:
    """The report of a parsed log, with scans of the datasets that its net reads."""
    options = scans.options_for(log.path)
    verdicts = diagnose_runs(log, training)
    rules = select_rules(options, NET_RULES)
    scanned = scans.scan_all(training)
    suspects = SuspectCollector(log, verdicts, training, options.read.limit)
    for source, result in scans.results():
        suspects.add(source, result)
    outcomes = [run_outcome(log, i, verdicts[i], suspects) for i in range(len(verdicts))]
    context = net_context(training, scans, scanned, outcomes, log.damage)
    issues = [*evaluate_rules(rules, context), *keep_selected(scans.issues, options)]
    reports = [scan.report for scan in scanned.values()]
    run = reported_run(verdicts)
    # A baseline knows the log by the path of its net as well.
    identity = DatasetIdentity((training.path, log.path))
    return combined_report(
        LogReport,
        DatasetInfo(
            "log",
            escape_surrogates(str(log.path)),
            log.layout,
            0,
            0,
            location=locate([log.path], options.verdict.configuration),
        ),
        apply_policy(issues, options, identity),
        reports,
        options,
        sources=reports or None,
        log=figures(log, verdicts, suspects, has_net=bool(training.views)),
        log_curve=curve_of(log.runs[run], verdicts[run]),
        log_runs=len(log.runs) if len(log.runs) > 1 else None,
    )


def diagnose_runs(log: Log, training: Training) -> list[Diagnosis]:
    """A diagnosis for each run; a crash followed by another run is not reported."""
    solver = training.solver
    planned = find_first_bad_rate(solver) if solver is not None and is_complete(solver) else None
    classes = classes_of(training)
    found = [diagnose(run, planned, classes) for run in log.runs]
    if solver is None:
        found = [
            replace(one, text=one.text + explain_rate(run, log))
            if one.cause == "lr-not-finite"
            else one
            for one, run in zip(found, log.runs, strict=True)
        ]
    went_on = [replace(v, cause="none") if v.cause == "died" else v for v in found[:-1]]
    return [*went_on, *found[-1:]]


def classes_of(training: Training) -> int | None:
    """The number of classes of the training data; None if unknown."""
    known = (one.num_classes for one in training.sources if one.phase == "TRAIN")
    return next(filter(None, known), None)


def run_outcome(log: Log, i: int, verdict: Diagnosis, notes: SuspectCollector) -> RunOutcome:
    """How run ``i`` ended, and which records it was reading."""
    run = log.runs[i]
    place = f" ({run.place})" if run.place else ""
    where = f"run {i + 1} of {len(log.runs)}{place}: " if len(log.runs) > 1 else ""
    layer = notes.layer_of(i)
    read, found = (notes.stretches[i][layer], notes.found[i][layer]) if layer else (None, [])
    case = Case(log, run, verdict, notes.training, read is not None, bool(found))
    if read is None:
        return RunOutcome(
            verdict, where, unscanned(run, verdict, notes.training), fix=next_step(case)
        )
    about = f"; {describe_range(read)}"
    about += f": {found[0].text}" if found else ", none of which has an error"
    about += f", and {len(found) - 1:,} more" if len(found) > 1 else ""
    details = tuple(one.text for one in found[:MAX_NAMED])
    return RunOutcome(verdict, where, about, details, next_step(case))


def unscanned(run: Run, verdict: Diagnosis, training: Training) -> str:
    """Which records were read of sources that could not be scanned, or why that is unknown."""
    train = [source for source in training.sources if source.phase == "TRAIN"]
    if verdict.cause == "none" or not train:
        return ""
    ordered = next((source for source in train if source.in_order), None)
    if ordered is None:
        return f"; layer {train[0].layer} shuffles or skips records: which it read is unknown"
    iterations = candidate_ranges(run, verdict, display_of(run, training))
    read = iterations and read_range(iterations, run, ordered, UNKNOWN)
    return f"; {describe_range(read)}, if the store has that many" if read else ""


def describe_range(read: ReadRange) -> str:
    """The iterations and records of a range, in words."""
    which = f"iterations {read.first:,} to {read.last:,}"
    if read.first == read.last:
        which = f"iteration {read.first:,}"
    if (read.from_record, read.to_record) == (0, read.records - 1):
        return f"{which} read the whole store"
    end = " (across the end of the epoch)" if read.wraps else ""
    return f"{which} read records {read.from_record:,} to {read.to_record:,}{end}"


def reported_run(verdicts: Sequence[Diagnosis]) -> int:
    """The run that the report describes: the last one that broke, or else the last one."""
    broken = [i for i, verdict in enumerate(verdicts) if verdict.cause != "none"]
    return broken[-1] if broken else len(verdicts) - 1


def figures(
    log: Log,
    verdicts: Sequence[Diagnosis],
    notes: SuspectCollector,
    *,
    has_net: bool,
) -> LogFigures:
    """The report's figures about the run that it describes."""
    i = reported_run(verdicts)
    verdict, run = verdicts[i], log.runs[i]
    layer = notes.layer_of(i) if has_net and verdict.cause != "none" else None
    read = notes.stretches[i][layer] if layer else None
    culprits = [one.index for one in notes.found[i][layer]] if layer else None
    return LogFigures(
        iterations=run.last,
        last_finite_iteration=verdict.last_finite,
        first_nonfinite_iteration=verdict.first_nonfinite,
        cause=verdict.cause,
        records=RecordRange(read.from_record, read.to_record) if read else None,
        culprits=culprits,
        notes=[escape_surrogates(note) for note in notes_of(log)] or None,
    )


def notes_of(log: Log) -> list[str]:
    """What was assumed of the log, and which request ended its last run."""
    notes = list(log.notes)
    run = log.runs[-1]
    if run.ended is not None and run.crash is None:
        notes.append(
            f"the run was ended by {run.ended} (its owner or a scheduler) after {run.unit} "
            f"{run.last:,}: not a crash"
        )
    return notes


def curve_of(run: Run, verdict: Diagnosis) -> LogCurve | None:
    """About ``MAX_POINTS`` losses and rates, including the extremes and the break."""
    if not run.iterations:
        return None
    places = thin_out(run.losses, verdict, run.iterations)
    rates = dict(zip(run.rate_iterations, run.rates, strict=True))
    return LogCurve(
        iterations=[run.iterations[i] for i in places],
        losses=[finite(run.losses[i]) for i in places],
        rates=[finite(rates.get(run.iterations[i], float("nan"))) for i in places],
    )


def thin_out(losses: Sequence[float], verdict: Diagnosis, iterations: Sequence[int]) -> list[int]:
    """Positions of a few losses: in each section the smallest, the largest, one NaN or Inf."""
    count = len(losses)
    if count <= MAX_POINTS:
        return list(range(count))
    edges = np.linspace(0, count, MAX_POINTS // 3 + 1).astype(int).tolist()
    chosen = {0, count - 1}
    marked = (verdict.last_finite, verdict.first_nonfinite)
    chosen |= {i for i, at in enumerate(iterations) if at in marked}
    for low, high in pairwise(edges):
        known = [i for i in range(low, high) if isfinite(losses[i])]
        broken = [i for i in range(low, high) if not isfinite(losses[i])]
        if known:
            chosen |= {min(known, key=losses.__getitem__), max(known, key=losses.__getitem__)}
        chosen |= set(broken[:1])
    return sorted(chosen)


def finite(value: float) -> float | None:
    """``value``, or None if JSON cannot represent it."""
    return value if isfinite(value) else None
