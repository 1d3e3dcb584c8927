"""Several datasets in one scan: a line for each, and one verdict at the end."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from datascan.cli.arguments import options_of
from datascan.cli.doors import TRAINING
from datascan.plugins import output_helps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from datascan.cli.doors import Part
    from datascan.cli.guard.inputs import Inputs
    from datascan.cli.output import OutputFiles
    from datascan.cli.progress import Closeable, SignalWatcher
    from datascan.config.applied import AppliedConfiguration
    from datascan.config.file import ConfigFile
    from datascan.report.failed_scan import FailedScan
    from datascan.report.figures import Finding
    from datascan.report.model import Report

ALONE = ("bad_records", "resume")
"""Options for a single dataset."""


def scan_parts(args: argparse.Namespace, parts: Sequence[Part]) -> int:
    """Scan all parts; returns 2 if one could not be scanned, else 1 if one fails, else 0.

    Raises:
        UsageError: without a dataset, or if an option is only for a single dataset.
    """
    from datascan.cli.configuration import load_config
    from datascan.cli.internal_error import say
    from datascan.cli.output import OutputFiles, annotate, guard_of, is_quiet
    from datascan.cli.progress import cancellable
    from datascan.cli.step_summary import append_step_summary
    from datascan.config.applied import AppliedConfiguration
    from datascan.config.discovery.settings import configured_paths, describe_configuration

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
    with cancellable(args) as (progress, signals):
        scans = Scans(args, config, defaults, files.guard.inputs)
        scans.scan_all(parts, progress)
    reports, failed = scans.reports, scans.failed
    if args.quiet < 2 and args.json != "-":
        print(summary(reports, failed, names_error=bool(args.quiet)))
    write_outputs(reports, failed, files)
    annotate(reports, failed, taken=args.json == "-")
    append_step_summary(reports, failed, files.guard)
    return files.finish(exit_status(reports, signals, failed), quiet=is_quiet(args))


def plan_parts(
    args: argparse.Namespace,
    config: ConfigFile | None,
    parts: Sequence[Part],
    failed: Sequence[FailedScan] = (),
) -> int:
    """Print what a scan of each dataset would take; returns 2 if one could not be planned, else 0.

    ``failed`` are known to be impossible.

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
    for scan in failed:
        say(f"{scan.path}: {scan.error}")
    status = FAILURE if failed else CLEAN
    for part in parts:
        if part.door in TRAINING:
            say(f"{part.path} is a {part.door}, which has no plan")
            continue
        settings = resolve_settings(config, part.path, options_of(args))
        backend = settings.backend or part.door
        try:
            with ScanSession(part.paths, settings.options(), reader=backend) as session:
                print_plan(args, session)
        except DatascanError as error:
            say(with_path(part, error))
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


class Scans:
    """The scans of several datasets, and what they have found so far.

    Attributes:
        reports: those of the scans that could be made, in their order.
        failed: the datasets that could not be scanned, and those that were left out.
        inputs: what all scans read.
        lines: the bad records of all datasets, if they are asked for.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        config: ConfigFile | None,
        defaults: AppliedConfiguration,
        inputs: Inputs,
    ) -> None:
        from datascan.cli.bad_lines import BadLines

        self.inputs = inputs
        self.args, self.config, self.defaults = args, config, defaults
        self.flags = options_of(args)
        self.reports: list[Report] = []
        self.failed: list[FailedScan] = []
        self.lines = None if args.bad_records is None else BadLines()

    def scan_all(self, parts: Sequence[Part], progress: Closeable) -> None:
        """Scan until a scan ends all, and say after each what was found."""
        from datascan.cli.internal_error import say
        from datascan.cli.output import ends_all, is_quiet
        from datascan.errors import DatascanError

        for number, part in enumerate(parts, 1):
            try:
                report = self.scan(part, progress)
            except DatascanError as error:
                progress.close()
                self.failed.append(failed_scan(part, error))
                say(with_path(part, error))
                continue
            progress.close()
            self.reports.append(report)
            if not is_quiet(self.args):
                print(verdict_line(report, self.defaults))
            if ends_all(report):
                self.failed += (leave_out(left, report) for left in parts[number:])
                break

    def scan(self, part: Part, progress: Closeable) -> Report:
        """The report of a dataset, a net or a log, scanned with its settings under the flags."""
        if part.door in TRAINING:
            return self.scan_training(part, progress)
        from datascan.cli.guard.cache import keep_out_of_data
        from datascan.cli.output import wants_charts
        from datascan.config.discovery.settings import resolve_settings
        from datascan.session import ScanSession

        settings = resolve_settings(self.config, part.path, self.flags)
        backend = settings.backend or part.door
        options = keep_out_of_data(settings.options(), self.inputs)
        with ScanSession(part.paths, options, reader=backend, progress=progress) as session:
            report = session.report(charts=wants_charts(self.args))
            if self.lines is not None:
                self.lines.add(report.dataset.path, session.scan())
        return report

    def scan_training(self, part: Part, progress: Closeable) -> Report:
        """The report of a net or a log."""
        from datascan.caffe.net.training import read_training
        from datascan.caffe.scan_log import log_scans, report_log, training_of
        from datascan.caffe.scan_net import SourceScans, report_net
        from datascan.cli.guard.cache import options_outside
        from datascan.cli.output import wants_charts
        from datascan.config.discovery.settings import configured_options

        options_for = options_outside(configured_options(self.config, self.flags), self.inputs)
        charts = wants_charts(self.args)
        if part.door == "net":
            with SourceScans(options_for, charts=charts, progress=progress) as scans:
                return report_net(read_training(part.path, None, None), scans, data=True)
        from datascan.logs.reading import read_log

        training = training_of(part.path, None, None, None)
        with log_scans(options_for, charts=charts, progress=progress) as scans:
            return report_log(read_log(part.path), training, scans)


def with_path(part: Part, error: Exception) -> str:
    """Why a dataset cannot be scanned, with its path, which many errors begin with."""
    text, path = str(error), str(part.path)
    return text if text.startswith(path) else f"{path}: {text}"


def failed_scan(part: Part, error: Exception) -> FailedScan:
    """What could not be scanned, and why."""
    from datascan.report.failed_scan import FailedScan
    from datascan.text import escape_surrogates

    return FailedScan(escape_surrogates(str(part.path)), escape_surrogates(str(error)))


def leave_out(part: Part, ended: Report) -> FailedScan:
    """What was not scanned because the scan of another dataset had ended all."""
    from datascan.report.failed_scan import FailedScan
    from datascan.text import escape_surrogates

    chosen = ended.stopped is not None and ended.stopped.is_chosen
    why = "stopped at its first error (--fail-fast)" if chosen else "was interrupted"
    error = f"left out, because the scan of {ended.dataset.path} {why}"
    return FailedScan(escape_surrogates(str(part.path)), error, left_out=True)


def exit_status(reports: list[Report], signals: SignalWatcher, failed: list[FailedScan]) -> int:
    """The worst exit status of all scans."""
    from datascan.cli.internal_error import FAILURE, say
    from datascan.cli.output import UNKNOWN, early_status

    early = [early_status(report) for report in reports]
    if FAILURE in early:
        say(UNKNOWN)
    pairs = list(zip(reports, early, strict=True))
    if any(status is None and not report.complete for report, status in pairs):
        return 128 + signals.received
    found = (int(not report.passed) if status is None else status for report, status in pairs)
    return 2 if any(not scan.left_out for scan in failed) else max(found, default=0)


def summary(reports: list[Report], failed: list[FailedScan], *, names_error: bool = False) -> str:
    """The summary of all scans, in one line.

    ``names_error``: with the first error, if that ended all scans.
    """
    from datascan.report.several import find_verdict
    from datascan.text import escape_control, pluralize

    if not reports and not failed:
        return "PASS  nothing was scanned: no configured dataset is at, above or below these paths"
    counts = f"{sum(report.verdict == 'fail' for report in reports)} failed"
    stopped = sum(report.is_incomplete for report in reports)
    counts += f", {stopped} incomplete" if stopped else ""
    left = sum(scan.left_out for scan in failed)
    impossible = len(failed) - left
    counts += f", {impossible:,} could not be scanned" if impossible else ""
    counts += f", {left:,} not scanned" if left else ""
    if names_error:
        early = (describe_end(report) for report in reports)
        counts += "".join(f"; {text}" for text in early if text)
    verdict = find_verdict(reports, failed).upper()
    scanned = pluralize(len(reports) + len(failed), "dataset")
    return escape_control(f"{verdict}  {scanned}: {counts}")


def describe_end(report: Report) -> str:
    """Why the scan of a dataset ended at the first error, with its path; "" if it did not."""
    from datascan.report.stop import describe_error

    if report.stopped is None or report.stopped.by != "fail-fast":
        return ""
    error = describe_error(report.stopped)
    return f"stopped at the first error (--fail-fast) in {report.dataset.path}: {error}"


def verdict_line(report: Report, defaults: AppliedConfiguration) -> str:
    """The verdict on a dataset, the rules of its findings, and what its own table silences.

    If its images are pointers of Git LFS, it says so.
    """
    from datascan.checks.not_an_image import PULL
    from datascan.report.one_line import describe_verdict
    from datascan.report.summary import describe_part
    from datascan.text import escape_control

    rules = (f"{finding.rule}{standing(finding)}" for finding in report.findings)
    names = ", ".join(dict.fromkeys(rules))
    verdict = describe_verdict(report)
    settings = report.configuration.settings if report.configuration else ()
    own = [s.silences for s in settings if s.silences and s not in defaults.settings]
    silenced = f"  ({'; '.join(own)})" if own else ""
    # What the configuration leaves out is said with what it silences.
    is_said = any(setting.name in {"limit", "sample"} for setting in settings)
    part = "" if is_said else describe_part(report)
    silenced += f"  ({part})" if part else ""
    advice = f"  ({PULL})" if any(finding.fix == PULL for finding in report.findings) else ""
    end = describe_end(report)
    text = f"{names or 'no findings'}{advice}{silenced}{'; ' if end else ''}{end}"
    return escape_control(f"{verdict}  {report.dataset.path}  {text}")


def standing(finding: Finding) -> str:
    """Why a finding does not fail the scan; "" if it may."""
    if finding.accepted is not None:
        return " (accepted)"
    return "" if finding.tolerated is None else f" ({finding.tolerated.text})"


def write_outputs(reports: list[Report], failed: list[FailedScan], files: OutputFiles) -> None:
    """Write each requested output, with all datasets in one file."""
    from datascan.cli.output import write_utf8
    from datascan.outputs.base import load_output
    from datascan.outputs.json import render_several

    def render_all(render: Callable[..., str]) -> list[str]:
        return [render(reports, failed)]

    for name in output_helps():
        if files.name_of(name) in (None, "-"):
            continue
        # The form of JSON must not depend on the number of datasets.
        output = load_output(name)
        files.write(name, partial(render_all, getattr(output, "render_several", output.render)))
    if files.name_of("json") == "-":
        files.print(lambda: write_utf8(sys.stdout, render_several(reports, failed)))
