"""One scan of one dataset, from paths to a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace as replace_in

from datascan._version import __version__
from datascan.checks.base import Check, Rule
from datascan.config.options import Options
from datascan.executors.base import NullProgress, Progress
from datascan.plugins import CHECKS, load, require_rules, rule_target
from datascan.readers.base import open_reader
from datascan.report.build import build_report
from datascan.report.charts import add_charts
from datascan.report.model import DatasetReport
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan as scan_with

R = TypeVar("R", bound=Rule)


def run_scan(
    paths: Sequence[Path],
    options: Options,
    *,
    backend: str | None = None,
    progress: Progress | None = None,
    use: Callable[[ScanResult], None] = lambda _: None,
) -> DatasetReport:
    """Scan, let ``use`` look at the result while the dataset is still open, and report."""
    checks = select_checks(options)
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    with closing(open_reader(paths, options, backend)) as reader:
        scanned = apply_baseline(scan_with(reader, checks, progress), progress)
        report = replace_in(build_report(scanned, version=__version__), started=started)
        if options.run.charts:
            report = add_charts(report, scanned, progress or NullProgress())
        use(scanned)
        return report


def apply_baseline(
    scanned: ScanResult, progress: Progress | None, source: Path | None = None
) -> ScanResult:
    """The scan with what its baseline accepts marked; entries without a match are told.

    ``source`` is the path under which the dataset is known, if not the reader's own.
    """
    baseline = scanned.summary.options.verdict.baseline
    if baseline is None:
        return scanned
    from datascan.scanner.baseline_filter import BaselineFilter  # noqa: PLC0415  (only where asked for)

    identity = scanned.reader.identity
    if source is not None:
        identity = replace(identity, paths=(source,))
    accepting = BaselineFilter(baseline.of_dataset(identity))
    scanned = accepting.apply(scanned)
    unused = [entry for entry in accepting.unused if entry.rule in scanned.rules]
    if unused and progress is not None and scanned.summary.is_complete:
        rules = ", ".join(sorted({entry.rule for entry in unused}))
        count = f"{len(unused):,} of {len(accepting.baseline.entries):,}"
        progress.notify(f"{baseline.path}: {count} entries match no finding any more: {rules}")
    return scanned


def select_checks(options: Options) -> list[Check[Any]]:
    """All checks but those ignored; only those selected, if any are."""
    return [kind().configure(options.check) for kind in select_rules(options, CHECKS)]


def select_rules(options: Options, rules: Sequence[str]) -> list[type[Any]]:
    """Those of ``rules`` but the ones ignored; only those selected, if any are.

    Raises:
        UsageError: where one is selected or ignored that does not exist in any package.
    """
    chosen, ignored = options.check.select, options.check.ignore
    require_rules((*chosen, *ignored, *dict(options.verdict.severity)))
    return [
        load(rule_target(rule))
        for rule in rules
        if (not chosen or rule in chosen) and rule not in ignored
    ]
