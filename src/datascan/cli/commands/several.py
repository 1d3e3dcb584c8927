"""Several datasets in one scan: a line for each, one verdict at the end, as ``datascan check``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from datascan.cli.arguments import options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datascan.cli.doors import Part
    from datascan.cli.progress import Closeable
    from datascan.config.file import ConfigFile
    from datascan.report.model import FailedScan, Report

ALONE = ("bad_records", "resume")
"""Options for a single dataset."""


def scan_parts(args: argparse.Namespace, parts: Sequence[Part]) -> int:
    """Scan all parts; returns 2 if one could not be scanned, else 1 if one fails, else 0.

    Raises:
        UsageError: without a dataset, or if an option is only for a single dataset.
    """
    from datascan.cli.commands.check import exit_status, summary, verdict_line, write_outputs
    from datascan.cli.configuration import load_config
    from datascan.cli.internal_error import say
    from datascan.cli.output import OutputFiles, annotate, ends_all, guard_of, is_quiet
    from datascan.cli.progress import cancellable
    from datascan.cli.step_summary import append_step_summary
    from datascan.config.applied import AppliedConfiguration
    from datascan.config.discovery.settings import configured_paths, describe_configuration
    from datascan.errors import DatascanError

    require_alone(args, len(parts))
    config = load_config(args.config)
    if args.plan:
        return plan_parts(args, config, parts)
    read = [path for part in parts for path in part.paths]
    files = OutputFiles(args, guard_of(args, read, configured_paths(config)))
    files.check()
    defaults = AppliedConfiguration("", ())
    if config is not None:
        defaults = describe_configuration(config, config.defaults, options_of(args))
        if defaults.silences and not is_quiet(args):
            say(defaults.text)
    reports: list[Report] = []
    failed: list[FailedScan] = []
    with cancellable(args) as (progress, signals):
        for part in parts:
            try:
                report = scan_part(args, config, part, progress)
            except DatascanError as error:
                progress.close()
                failed.append(failed_scan(part, error))
                say(f"{part.path}: {error}")
                continue
            progress.close()
            reports.append(report)
            if not is_quiet(args):
                print(verdict_line(report, defaults))
            if ends_all(report):
                break
    if args.quiet < 2 and args.json != "-":
        print(summary(reports, failed))
    write_outputs(reports, failed, files)
    annotate(reports, failed, taken=args.json == "-")
    append_step_summary(reports, failed, files.guard)
    return files.finish(exit_status(reports, signals, failed), quiet=is_quiet(args))


def plan_parts(args: argparse.Namespace, config: ConfigFile | None, parts: Sequence[Part]) -> int:
    """Print what a scan of each dataset would take; returns 2 if one could not be planned, else 0.

    Raises:
        UsageError: if an output was asked for.
    """
    from datascan.cli.internal_error import FAILURE, say
    from datascan.cli.output import CLEAN
    from datascan.cli.plan import check_plan, print_plan
    from datascan.config.discovery.settings import resolve_settings
    from datascan.errors import DatascanError, UsageError
    from datascan.session import ScanSession

    check_plan(args)
    if args.json is not None:
        raise UsageError(f"--plan --json - is for one dataset, but there are {len(parts):,}")
    status = CLEAN
    for part in parts:
        if part.door in ("net", "log"):
            say(f"{part.path} is a {part.door}, which has no plan")
            continue
        settings = resolve_settings(config, part.path, options_of(args))
        backend = settings.backend or part.door
        try:
            with ScanSession(part.paths, settings.options(), reader=backend) as session:
                print_plan(args, session)
        except DatascanError as error:
            say(f"{part.path}: {error}")
            status = FAILURE
    return status


def require_alone(args: argparse.Namespace, count: int) -> None:
    """Check that no option is given that only makes sense for a single dataset.

    Raises:
        UsageError: if one is, or there is nothing to scan.
    """
    from datascan.errors import UsageError

    if not count:
        raise UsageError("there is no dataset to scan")
    for name in ALONE:
        if getattr(args, name, None) not in (None, False):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for one dataset, but there are {count:,}")


def failed_scan(part: Part, error: Exception) -> FailedScan:
    """What could not be scanned, and why."""
    from datascan.report.model import FailedScan
    from datascan.text import escape_surrogates

    return FailedScan(escape_surrogates(str(part.path)), escape_surrogates(str(error)))


def scan_part(
    args: argparse.Namespace, config: ConfigFile | None, part: Part, progress: Closeable
) -> Report:
    """The report of a dataset, a net or a log."""
    from datascan.cli.output import wants_charts
    from datascan.config.discovery.settings import configured_options, resolve_settings

    flags = options_of(args)
    charts = wants_charts(args)
    if part.door not in ("net", "log"):
        from datascan.session import ScanSession

        settings = resolve_settings(config, part.path, flags)
        backend = settings.backend or part.door
        with ScanSession(
            part.paths, settings.options(), reader=backend, progress=progress
        ) as session:
            return session.report(charts=charts)
    from datascan.caffe.net.training import read_training
    from datascan.caffe.scan_log import log_scans, report_log, training_of
    from datascan.caffe.scan_net import SourceScans, report_net

    options_for = configured_options(config, flags)
    if part.door == "net":
        with SourceScans(options_for, charts=charts, progress=progress) as scans:
            return report_net(read_training(part.path, None, None), scans, data=True)
    from datascan.logs.reading import read_log

    training = training_of(part.path, None, None, None)
    with log_scans(options_for, charts=charts, progress=progress) as scans:
        return report_log(read_log(part.path), training, scans)
