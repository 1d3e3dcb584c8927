"""``ScanSession``: one scan of one dataset, from paths to a report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from datascan._version import __version__
from datascan.checks.base import Check, load_rules, make_checks
from datascan.config.baseline import Baseline
from datascan.config.options import Options
from datascan.executors.base import Executor, NullProgress, Progress
from datascan.executors.machine import lower_priority
from datascan.metrics.traits import is_whole
from datascan.plugins import check_names, require_rules, unusable
from datascan.readers.base import Reader, open_reader
from datascan.readers.isolated import IsolatedReader, stored_bytes
from datascan.report.bad_indices import keep_bad_indices
from datascan.report.build import build_report, sort_issues
from datascan.report.examples import may_have_pattern
from datascan.report.model import DatasetReport
from datascan.scanner.early_stop import MIN_SHARD_BYTES, SHARDS, Watch
from datascan.scanner.precedence import Precedence
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan

if TYPE_CHECKING:
    from datascan.report.forecast import Forecast


class ScanSession:
    """One scan of one dataset: the driver for ``datascan.scan``, every command, nets and logs.

    A session is a context manager that closes the reader. Until then, records can be read again
    and keys looked up through the result.
    """

    def __init__(  # noqa: PLR0913  (keywords, all optional)
        self,
        source: Path | Sequence[Path],
        options: Options | None = None,
        *,
        reader: Reader | str | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
        required_checks: Sequence[type[Check[Any]]] = (),
        known_as: Path | None = None,
    ) -> None:
        """Select the checks and open the dataset.

        Args:
            source: the path of the dataset, or its paths if it has several.
            options: the options of the scan.
            reader: an open reader, or the name of one; detected from the source if None.
            executor: runs the scan; chosen by the size of the dataset and the options if None.
            progress: shows how far the scan is; its ``update`` may cancel the scan.
            required_checks: checks that run even if the options do not select them. In that case
                their issues are part of ``ScanResult.evidence`` only.
            known_as: the path under which a baseline knows the dataset, if not ``source``.

        Raises:
            DatasetError: if a path does not exist, or no reader recognises it.
            UsageError: if the options name a rule or the caller a reader that does not exist.
        """
        paths = [source] if isinstance(source, Path) else list(source)
        self.options = with_small_shards(options or Options(), paths)
        if (niceness := self.options.run.nice) is not None:
            lower_priority(niceness, (progress or NullProgress()).notify)
        self.executor = executor
        self.progress = progress if progress is not None else NullProgress()
        self.watch = Watch(self.progress, self.options.run)
        self.known_as = known_as
        self.started = datetime.now().astimezone()
        self.checks = select_checks(self.options)
        selected = {check.rule for check in self.checks}
        self.required_checks = [
            kind().configure(self.options.check)
            for kind in required_checks
            if kind.rule not in selected
        ]
        if not isinstance(reader, Reader):
            reader = open_reader(paths, self.options, reader)
        tick = partial(self.watch.update, nbytes=0)
        self.reader: Reader = IsolatedReader(reader, tick)
        self._result: ScanResult | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the reader; safe to call twice."""
        self.reader.close()

    def scan(self) -> ScanResult:
        """Plan, measure, find duplicates, evaluate, and mark the issues that the baseline accepts.

        The dataset is scanned once: further calls return the same result.

        Raises:
            DatasetError: if there is nothing to scan.
        """
        if self._result is None:
            checks = [*self.checks, *self.required_checks]
            precedence = Precedence.of(self._baseline())
            found = scan(self.reader, checks, self.watch, self.executor, precedence)
            self._result = self._tolerate(self._accept(self._drop_required(found)))
        return self._result

    def forecast(self) -> Forecast:
        """What the scan would take, from its plan and a short trial. Nothing is judged.

        Raises:
            DatasetError: if there is nothing to scan.
        """
        from datascan.report.forecasting import make_forecast  # noqa: PLC0415  (only for --plan)

        return make_forecast(self.reader, self.checks, self.executor)

    def report(self, *, charts: bool) -> DatasetReport:
        """The report of the scan, which runs first if it has not run yet.

        Args:
            charts: whether to add what only the HTML page shows: curves, thumbnails and a
                histogram, for which some records are read again.

        Raises:
            DatasetError: if there is nothing to scan.
        """
        result = self.scan()
        report = build_report(result, version=__version__)
        report = replace(report, started=self.started.isoformat(timespec="seconds"))
        issues = sort_issues(result.issues)
        if any(may_have_pattern(issue) for issue in issues):
            from datascan.report.patterns.find import add_patterns  # noqa: PLC0415  (healthy data needs none)

            report = add_patterns(report, issues, result, self.progress, self.executor)
        if charts:
            from datascan.report.charts import add_charts  # noqa: PLC0415  (most scans need none)

            report = add_charts(report, result, self.progress, self.executor)
        return keep_bad_indices(report, result.issues, result.summary)

    def _drop_required(self, found: ScanResult) -> ScanResult:
        """The result without the checks that are only required, whose issues stay as evidence."""
        unselected = {check.rule for check in self.required_checks}
        return replace(
            found,
            issues=tuple(issue for issue in found.issues if issue.rule not in unselected),
            rules=tuple(rule for rule in found.rules if rule not in unselected),
            evidence=found.issues,
        )

    def _baseline(self) -> Baseline | None:
        """What the baseline has of this dataset."""
        baseline = self.options.verdict.baseline
        if baseline is None:
            return None
        identity = self.reader.identity
        if self.known_as is not None:
            identity = replace(identity, paths=(self.known_as,))
        return baseline.of_dataset(identity)

    def _tolerate(self, found: ScanResult) -> ScanResult:
        """The result with tolerated issues marked."""
        allowances = dict(self.options.verdict.tolerance)
        if not allowances:
            return found
        from datascan.scanner.tolerance_filter import tolerate  # noqa: PLC0415  (rarely used)

        return replace(found, issues=tolerate(found.issues, allowances, found.summary.records))

    def _accept(self, found: ScanResult) -> ScanResult:
        """The result with accepted issues marked; reports entries that no longer match any."""
        baseline = self._baseline()
        if baseline is None:
            return found
        from datascan.scanner.baseline_filter import BaselineFilter  # noqa: PLC0415  (rarely used)

        accepting = BaselineFilter(baseline)
        found = accepting.apply(found)
        unused = [entry for entry in accepting.unused if entry.rule in found.rules]
        if unused and is_whole(found.summary):
            rules = ", ".join(sorted({entry.rule for entry in unused}))
            count = f"{len(unused):,} of {len(accepting.baseline.entries):,}"
            self.progress.notify(
                f"{baseline.path}: {count} entries match no finding any more: {rules}"
            )
            found = replace(found, unmatched=tuple(unused))
        return found


def with_small_shards(options: Options, paths: Sequence[Path]) -> Options:
    """The options with smaller shards under a limit of time, at which unfinished ones are lost.

    Not if finished ones are kept in a file: later scans continue without the limit.
    """
    run, read = options.run, options.read
    if run.max_time is None or run.resume is not None:
        return options
    wanted = max(sum(map(stored_bytes, paths)) // SHARDS, MIN_SHARD_BYTES)
    return options.replace(shard_bytes=min(read.shard_bytes, wanted))


def select_checks(options: Options) -> list[Check[Any]]:
    """The checks that the options select, configured.

    Raises:
        UsageError: if the options name a rule that does not exist or cannot be used.
    """
    return make_checks(select_rules(options, check_names()), options.check)


def select_rules(options: Options, rules: Sequence[str]) -> list[type[Any]]:
    """The classes of those ``rules`` that are selected and not ignored.

    Raises:
        UsageError: if the options name a rule that does not exist in any package.
    """
    selected, ignored = options.check.select, options.check.ignore
    verdict = options.verdict
    require_rules((*selected, *ignored, *dict(verdict.severity), *dict(verdict.tolerance)))
    chosen = [rule for rule in rules if (not selected or rule in selected) and rule not in ignored]
    found = load_rules(chosen)
    for rule in selected:
        if rule in found and found[rule] is None:
            raise unusable("check", rule)
    return [kind for kind in found.values() if kind is not None]
