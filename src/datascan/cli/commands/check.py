"""``datascan check``: scan all datasets that the configuration names."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from datascan.cli.arguments import add_option_arguments, add_output_arguments, options_of
from datascan.cli.plan import add_plan_argument

if TYPE_CHECKING:
    from datascan.config.file import ConfigFile
    from datascan.report.failed_scan import FailedScan


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="only the datasets at, above or below"
    )
    add_option_arguments(command, "check")
    add_plan_argument(command)
    outputs = add_output_arguments(command)
    outputs.add_argument("--bad-records", metavar="FILE", help="every bad record, as JSON Lines")


def run(args: argparse.Namespace) -> int:
    """Scan all datasets; returns 2 if one could not be scanned, else 1 if one fails, else 0."""
    from datascan.cli.commands.several import (
        Scans,
        exit_status,
        plan_parts,
        summary,
        write_outputs,
    )
    from datascan.cli.configuration import load_config
    from datascan.cli.doors import Part
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
    paths, failed = select_datasets(config, args.paths)
    parts = [Part(None, (path,)) for path in paths]
    if args.plan:
        return plan_parts(args, config, parts, failed)
    guard = guard_of(args, paths, configured_paths(config))
    pages = PageFolder.of(args.html, paths) if names_folder(args.html) else None
    files = OutputFiles(args, guard, ("bad-records",), without=("html",) if pages else ())
    files.check()
    if pages is not None:
        pages.check(guard)
    defaults = describe_configuration(config, config.defaults, options_of(args))
    if not is_quiet(args):
        if slow := describe_slowness():
            say(slow)
        named = defaults.text if defaults.silences else f"configuration {defaults.file}"
        print(escape_control(named))
    for scan in failed:
        say(f"{scan.path}: {scan.error}")
    with cancellable(args) as (progress, signals):
        scans = Scans(args, config, defaults, guard.inputs)
        scans.scan_all(parts, progress)
    reports, failed = scans.reports, [*failed, *scans.failed]
    if args.quiet < 2 and args.json != "-":
        print(summary(reports, failed, names_error=bool(args.quiet)))
    write_outputs(reports, failed, files)
    if scans.lines is not None:
        files.write("bad-records", scans.lines.read, counted=True)
    if pages is not None:
        pages.write(reports, failed, files)
    annotate(reports, failed, taken=args.json == "-")
    append_step_summary(reports, failed, files.guard)
    return files.finish(exit_status(reports, signals, failed), quiet=is_quiet(args))


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
    from datascan.report.failed_scan import FailedScan
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
