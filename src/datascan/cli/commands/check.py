"""``datascan check``: scan all datasets that the configuration names."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.cli.arguments import add_option_arguments, add_output_arguments, options_of
from datascan.plugins import output_helps

if TYPE_CHECKING:
    from datascan.cli.output import OutputFiles
    from datascan.cli.progress import Closeable, SignalWatcher
    from datascan.config.applied import AppliedConfiguration
    from datascan.config.file import ConfigFile
    from datascan.report.figures import Finding
    from datascan.report.model import FailedScan, Report


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="only the datasets at, above or below"
    )
    add_option_arguments(command, "check")
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")


def run(args: argparse.Namespace) -> int:
    """Scan all datasets; returns 2 if one could not be scanned, else 1 if one fails, else 0."""
    from datascan.cli.configuration import load_config
    from datascan.cli.internal_error import say
    from datascan.cli.missing import describe_slowness
    from datascan.cli.output import OutputFiles, annotate, guard_of, is_quiet
    from datascan.cli.page_folder import PageFolder, names_folder
    from datascan.cli.progress import cancellable
    from datascan.cli.step_summary import append_step_summary
    from datascan.config.discovery.settings import configured_paths, describe_configuration
    from datascan.errors import UsageError
    from datascan.text import escape_control

    config = load_config(args.config)
    if config is None:
        raise UsageError("no datascan.toml, and no [tool.datascan] in a pyproject.toml")
    flags = options_of(args)
    paths, failed = select_datasets(config, args.paths)
    guard = guard_of(args, paths, configured_paths(config))
    pages = PageFolder.of(args.html, paths) if names_folder(args.html) else None
    files = OutputFiles(args, guard, ("bad-records",), without=("html",) if pages else ())
    files.check()
    if pages is not None:
        pages.check(guard)
    defaults = describe_configuration(config, config.defaults, flags)
    if not is_quiet(args):
        if slow := describe_slowness():
            say(slow)
        named = defaults.text if defaults.silences else f"configuration {defaults.file}"
        print(escape_control(named))
    for name, why in failed:
        say(f"{name}: {why}")
    with cancellable(args) as (progress, signals):
        scans = Scans(config, flags, args, defaults)
        scans.scan_all(paths, progress)
    reports, failed = scans.reports, [*failed, *scans.failed]
    if args.quiet < 2 and args.json != "-":
        print(summary(reports, failed))
    write_outputs(reports, failed, files)
    if scans.lines is not None:
        files.write("bad-records", scans.lines.read, counted=True)
    if pages is not None:
        pages.write(reports, failed, files)
    annotate(reports, failed, taken=args.json == "-")
    append_step_summary(reports, failed, files.guard)
    return files.finish(exit_status(reports, signals, failed), quiet=is_quiet(args))


class Scans:
    """The scans of all datasets, and what they have found so far.

    Attributes:
        reports: those of the scans that could be made, in their order.
        failed: the datasets that could not be scanned.
        lines: the bad records of all datasets, if they are asked for.
    """

    def __init__(
        self,
        config: ConfigFile,
        flags: Mapping[str, Any],
        args: argparse.Namespace,
        defaults: AppliedConfiguration,
    ) -> None:
        from datascan.cli.bad_lines import BadLines

        self.config, self.flags, self.args, self.defaults = config, flags, args, defaults
        self.reports: list[Report] = []
        self.failed: list[FailedScan] = []
        self.lines = None if args.bad_records is None else BadLines()

    def scan_all(self, paths: Sequence[Path], progress: Closeable) -> None:
        """Scan datasets until one is cancelled, and say after each what was found."""
        from datascan.cli.internal_error import say
        from datascan.cli.output import ends_all, is_quiet
        from datascan.errors import DatascanError
        from datascan.report.model import FailedScan
        from datascan.text import escape_surrogates

        for path in paths:
            try:
                report = self.scan(path, progress)
            except DatascanError as error:
                self.failed.append(
                    FailedScan(escape_surrogates(str(path)), escape_surrogates(str(error)))
                )
                progress.close()
                say(f"{path}: {error}")
                continue
            self.reports.append(report)
            progress.close()
            if not is_quiet(self.args):
                print(verdict_line(report, self.defaults))
            if ends_all(report):
                break

    def scan(self, path: Path, progress: Closeable) -> Report:
        """The report of one dataset, scanned with its settings under what was given as flags."""
        from datascan.cli.output import wants_charts
        from datascan.config.discovery.settings import resolve_settings
        from datascan.session import ScanSession

        settings = resolve_settings(self.config, path, self.flags)
        options = settings.options()
        with ScanSession(path, options, reader=settings.backend, progress=progress) as session:
            report = session.report(charts=wants_charts(self.args))
            if self.lines is not None:
                self.lines.add(report.dataset.path, session.scan())
        return report


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
    return 2 if failed else max(found, default=0)


def summary(reports: list[Report], failed: list[FailedScan]) -> str:
    """The summary of all scans, in one line."""
    from datascan.report.several import find_verdict
    from datascan.text import pluralize

    if not reports and not failed:
        return "PASS  nothing was scanned: no configured dataset is at, above or below these paths"
    counts = f"{sum(report.verdict == 'fail' for report in reports)} failed"
    stopped = sum(report.is_incomplete for report in reports)
    counts += f", {stopped} incomplete" if stopped else ""
    counts += f", {len(failed)} could not be scanned" if failed else ""
    verdict = find_verdict(reports, failed).upper()
    return f"{verdict}  {pluralize(len(reports) + len(failed), 'dataset')}: {counts}"


def select_datasets(config: ConfigFile, only: list[Path]) -> tuple[list[Path], list[FailedScan]]:
    """The datasets that match the configured patterns, and what cannot be scanned.

    That are the patterns without a match, and datasets of which only the pointer of DVC is there.
    With ``only``, just the datasets at, above and below these paths, and no patterns, unless the
    configuration itself is one of the paths.

    Raises:
        UsageError: if the configuration names no dataset, or a path does not exist.
    """
    from datascan.errors import UsageError
    from datascan.files import DVC, real_path
    from datascan.report.model import FailedScan
    from datascan.text import escape_surrogates

    if not config.datasets:
        raise UsageError(f'{config.file} names no dataset: add a table [dataset."data/train"]')
    found: dict[Path, None] = {}
    absent: dict[Path, None] = {}
    failed = []
    for pattern in config.datasets:
        matches, pointers = find_datasets(pattern, config.folder)
        if not matches and not pointers:
            why = f"dataset pattern of {config.file} matches nothing"
            failed.append(FailedScan(pattern, why))
        found |= dict.fromkeys(map(relative_to_cwd, matches))
        absent |= dict.fromkeys(map(relative_to_cwd, pointers))
    for path in only:
        if not os.path.lexists(path):
            raise UsageError(f"no such path: {path}")
    wanted = [real_path(name) for path in only for name in names_of(path)]
    # A pyproject.toml changes for many other reasons.
    is_changed = config.file.name != "pyproject.toml" and real_path(config.file) in wanted
    if only and not is_changed:
        failed = []
        found = {path: None for path in found if touches(path, wanted)}
        absent = {path: None for path in absent if touches(path, wanted)}
    for path in absent:
        why = f"the data is not here, only {path.name}{DVC} (dvc pull)"
        failed.append(FailedScan(escape_surrogates(str(path)), why))
    return list(found), failed


def find_datasets(pattern: str, folder: Path) -> tuple[list[str], list[str]]:
    """The datasets that match a pattern, and those of which only the pointer of DVC is there."""
    from datascan.config.discovery.patterns import find_matches
    from datascan.files import DVC, is_absent, is_dvc_pointer

    pattern = pattern.rstrip("/")
    matches = find_matches(pattern, folder)
    pointers = [match for match in matches if is_dvc_pointer(Path(match))]
    others = [match for match in find_matches(f"{pattern}{DVC}", folder) if match not in pointers]
    absent = [name.removesuffix(DVC) for name in (*pointers, *others)]
    return (
        [match for match in matches if match not in pointers],
        sorted(name for name in set(absent) if is_absent(Path(name))),
    )


def names_of(path: Path) -> list[Path]:
    """A path that was given, and the data that it is a pointer to, if it is one of DVC."""
    from datascan.files import is_dvc_pointer

    return [path, path.with_suffix("")] if is_dvc_pointer(path) else [path]


def touches(path: Path, wanted: list[Path]) -> bool:
    """Whether a dataset is at, above or below one of the paths, which are resolved."""
    from datascan.files import real_path

    resolved = real_path(path)
    return any(overlaps(resolved, one) for one in wanted)


def overlaps(one: Path, other: Path) -> bool:
    """Whether one of two paths contains the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def relative_to_cwd(name: str) -> Path:
    """The path as people write it: relative to the working directory if it is inside."""
    path = Path(name)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def verdict_line(report: Report, defaults: AppliedConfiguration) -> str:
    """The verdict on a dataset, the rules of its findings, and what its own table silences.

    If its images are pointers of Git LFS, it says so.
    """
    from datascan.checks.not_an_image import PULL
    from datascan.report.one_line import describe_verdict
    from datascan.text import escape_control

    rules = (f"{finding.rule}{standing(finding)}" for finding in report.findings)
    names = ", ".join(dict.fromkeys(rules))
    verdict = describe_verdict(report)
    settings = report.configuration.settings if report.configuration else ()
    own = [s.silences for s in settings if s.silences and s not in defaults.settings]
    silenced = f"  ({'; '.join(own)})" if own else ""
    advice = f"  ({PULL})" if any(finding.fix == PULL for finding in report.findings) else ""
    text = f"{names or 'no findings'}{advice}{silenced}"
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
