"""Scans a net and its sources, each source with the net's own settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from datascan._version import __version__
from datascan.caffe.net.source_options import actual_backend, missing_files, source_options
from datascan.caffe.net.sources import DataSource, Missing
from datascan.caffe.net.training import Training
from datascan.caffe.net.understanding import list_unchecked
from datascan.caffe.rules.base import SOLVER, NetContext, RunOutcome, evaluate_rules
from datascan.checks.base import Check, Issue
from datascan.checks.constant_feature import ConstantFeature
from datascan.config.identity import DatasetIdentity
from datascan.config.options import Options, Severity
from datascan.errors import DatasetError
from datascan.executors.base import Progress
from datascan.plugins import NET_RULES
from datascan.report import bad_records
from datascan.report.bad_indices import copy_bad_indices
from datascan.report.build import decide_verdict, issue_sort_key, list_checked, to_finding
from datascan.report.figures import DatasetInfo, LogFigures
from datascan.report.identify import list_options, list_versions, locate
from datascan.report.model import DatasetReport, LogReport, NetReport, SourceReport
from datascan.report.opening.runs import open_run
from datascan.report.rule_pages import all_rules
from datascan.scanner.baseline_filter import BaselineFilter
from datascan.scanner.result import ScanResult
from datascan.session import ScanSession, select_rules
from datascan.text import escape_surrogates

REQUIRED_CHECKS: tuple[type[Check[Any]], ...] = (ConstantFeature,)
"""Checks that rules about nets depend on: they always run, even if they are not selected."""

K = TypeVar("K", NetReport, LogReport)


class SourceScan(Struct, frozen=True):
    """The scan of a source: its report, and the result that rules about nets use."""

    report: SourceReport
    result: ScanResult


class FinishedScan(Struct, frozen=True):
    """A session that has scanned, for the first of the sources that share it."""

    source: DataSource
    session: ScanSession
    report: DatasetReport


class SourceScans:
    """The scans of all sources of a net. A context manager: readers stay open until its end.

    Sources that read the same store with the same settings share a session.

    Attributes:
        options_for: the options for the dataset, net or log at a path.
        issues: issues about sources that are missing or cannot be scanned.
        backends: the reader of each source.
    """

    def __init__(
        self,
        options_for: Callable[[Path], Options],
        *,
        charts: bool,
        progress: Progress | None = None,
        required_checks: Sequence[type[Check[Any]]] = REQUIRED_CHECKS,
    ) -> None:
        self.options_for = options_for
        self.charts = charts
        self.progress = progress
        self.required_checks = required_checks
        self.issues: list[Issue] = []
        self.backends: dict[DataSource, str] = {}
        self._finished: dict[tuple[str, tuple[Path, ...], Options], FinishedScan] = {}
        self._sessions = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._sessions.close()

    def scan_all(self, training: Training) -> dict[DataSource, SourceScan]:
        """Scan all sources of ``training``, up to the first scan that is cancelled.

        What is wrong with a source that cannot be scanned is added to ``issues``.
        """
        scans: dict[DataSource, SourceScan] = {}
        self.issues += net_file_issues(training)
        for source in training.sources:
            try:
                scans[source] = self.scan(source, training)
            except DatasetError as error:
                self.issues.append(source_issue("damaged-store", source, str(error)))
            except Missing as missing:
                self.issues.append(source_issue("missing-file", source, str(missing)))
            else:
                if not scans[source].report.complete:
                    break
        return scans

    def scan(self, source: DataSource, training: Training) -> SourceScan:
        """Scan one source of ``training``.

        Raises:
            Missing: if it does not exist.
            DatasetError: if it cannot be read.
        """
        options = self.options_for(source.path or training.path)
        paths, options = source_options(source, training, options)
        missing = missing_files(source, training)
        self.issues += [source_issue("missing-file", source, text) for text in missing]
        backend = actual_backend(source, paths[0])
        self.backends[source] = backend
        # The baseline identifies a source by the path in the net, which may be that of a list.
        key = (backend, (source.path or Path(), *paths), options)
        if key not in self._finished:
            self._finished[key] = self._run(source, paths, backend, options)
        finished = self._finished[key]
        report = SourceReport.of(
            finished.report,
            phase=source.phase,
            batch_size=source.batch_size or None,
            num_classes=source.num_classes,
            layer=escape_surrogates(source.layer),
        )
        report = copy_bad_indices(report, finished.report)
        return SourceScan(report, finished.session.scan())

    def _run(
        self, source: DataSource, paths: tuple[Path, ...], backend: str, options: Options
    ) -> FinishedScan:
        session = self._sessions.enter_context(
            ScanSession(
                paths,
                options,
                reader=backend,
                progress=self.progress,
                required_checks=self.required_checks,
                known_as=source.path,
            )
        )
        report = session.report(charts=self.charts)
        # The report of the net says when it started.
        known = copy_bad_indices(msgspec.structs.replace(report, started=None), report)
        return FinishedScan(source, session, known)

    def results(self) -> Iterator[tuple[DataSource, ScanResult]]:
        """The result of each session that has scanned, with the first source that it scanned."""
        for finished in self._finished.values():
            yield finished.source, finished.session.scan()

    def iter_bad_records(self) -> Iterator[str]:
        """Every bad record of all sources, as lines of JSON."""
        for source, result in self.results():
            lines = bad_records.iter_bad_records(result)
            yield from bad_records.with_source(lines, source.given, source.phase)


def report_net(training: Training, scans: SourceScans, *, data: bool = True) -> NetReport:
    """The report of a net that has been read; ``data``: with scans of what it reads."""
    options = scans.options_for(training.path)
    rules = select_rules(options, NET_RULES)
    if not data:
        scans.issues += net_file_issues(training)
    scanned = scans.scan_all(training) if data else {}
    context = net_context(training, scans, scanned)
    issues = [*evaluate_rules(rules, context), *keep_selected(scans.issues, options)]
    sources = [scan.report for scan in scanned.values()]
    dataset = DatasetInfo(
        "net",
        escape_surrogates(str(training.path)),
        "caffe-net",
        sum(report.dataset.records for report in sources),
        sum(report.dataset.bytes for report in sources),
        location=locate([training.path], options.verdict.configuration),
    )
    issues = apply_policy(issues, options, DatasetIdentity((training.path,)))
    unchecked = list_not_checked(training)
    return combined_report(
        NetReport, dataset, issues, sources, options, sources=sources, not_checked=unchecked
    )


def list_not_checked(training: Training) -> list[str] | None:
    """The parts of a training that were not checked, for its report; None if there are none."""
    return [escape_surrogates(name) for name in islice(list_unchecked(training), MAX_NAMES)] or None


def net_context(
    training: Training,
    scans: SourceScans,
    scanned: dict[DataSource, SourceScan],
    runs: Sequence[RunOutcome] = (),
    damage: Sequence[str] = (),
) -> NetContext:
    """What rules about nets and logs know: the training, its scans, and the runs of a log."""
    return NetContext(
        training,
        {source: scan.report for source, scan in scanned.items()},
        scans.backends,
        {source: scan.result.evidence for source, scan in scanned.items()},
        runs,
        damage,
        scans.options_for(training.path).run,
    )


def keep_selected(issues: list[Issue], options: Options) -> Iterator[Issue]:
    """The issues of rules that are selected and not ignored."""
    for issue in issues:
        is_selected = not options.check.select or issue.rule in options.check.select
        if is_selected and issue.rule not in options.check.ignore:
            yield issue


def combined_report(
    kind: Callable[..., K],
    dataset: DatasetInfo,
    issues: list[Issue],
    sources: list[SourceReport],
    options: Options,
    /,
    **members: object,
) -> K:
    """A report of type ``kind``; it fails if one of its sources does."""
    log, unchecked = members.get("log"), members.get("not_checked")
    complete = all(report.complete for report in sources)
    verdict = decide_verdict(issues, options.verdict.fail_on, complete=complete)
    if any(report.verdict == "fail" for report in sources):
        verdict = "fail"
    rules = sorted(rule.rule for rule in select_rules(options, NET_RULES))
    return kind(
        schema="datascan-report/1",
        datascan=__version__,
        complete=complete,
        verdict=verdict,
        elapsed_seconds=round(sum(report.elapsed_seconds for report in sources), 3),
        dataset=dataset,
        findings=[to_finding(issue) for issue in sorted(issues, key=issue_sort_key)],
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        configuration=options.verdict.configuration,
        fail_on=options.verdict.fail_on,
        rules=rules,
        checked=list_checked(rules, issues, {}),
        options=list_options(options) or None,
        versions=list_versions({}),
        opening=open_run(
            issues,
            sources,
            log if isinstance(log, LogFigures) else None,
            unchecked if isinstance(unchecked, list) else (),
        ),
        **members,
    )


def apply_policy(issues: list[Issue], options: Options, identity: DatasetIdentity) -> list[Issue]:
    """Apply the configured severities to the issues, and mark those that the baseline accepts."""
    severities = dict(options.verdict.severity)
    issues = [replace(i, severity=severities.get(i.rule, i.severity)) for i in issues]
    if options.verdict.baseline is None:
        return issues
    accepting = BaselineFilter(options.verdict.baseline.of_dataset(identity))
    return [part for issue in issues for part in accepting.parts(issue)]


def source_issue(rule: str, source: DataSource, text: str) -> Issue:
    """An issue of a dataset rule about a source that cannot be scanned."""
    kind = all_rules()[rule]
    return Issue(
        rule,
        kind.severity,
        f"layer {source.layer}: {text}",
        SOURCE_FIX,
        details=(text,),
        keys=(source.layer,),
    )


def net_file_issues(training: Training) -> Iterator[Issue]:
    """Issues about the nets that a solver names but that are not where Caffe would search them."""
    solver = training.solver.path if training.solver else training.path
    command = f"pass it: datascan net NET.prototxt --solver {solver}"
    for net in training.unfound:
        if net.given:
            tried = ", ".join(str(path) for path in net.tried)
            text = f"net {net.given} does not exist (tried {tried}): only the solver was checked"
        else:
            text = "names no net: only the solver was checked"
        yield net_file_issue(text, command, Severity.ERROR)
    for found in training.found:
        text = f"net {found.given} was not found from here: {found.path} was used"
        yield net_file_issue(text, f"if that is not the net, {command}", Severity.INFO)


def net_file_issue(text: str, fix: str, severity: Severity) -> Issue:
    """An issue about a net that a solver names."""
    return Issue(
        "missing-file", severity, f"{SOLVER}: {text}", fix, details=(text,), keys=(SOLVER,)
    )


MAX_NAMES = 1000
"""How many parts that were not checked are listed in a report."""

SOURCE_FIX = (
    "correct the source in the net, or pass the folder of relative sources with --root; "
    "Caffe searches its working directory"
)
