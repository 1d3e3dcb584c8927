"""``datascan check``: scan all datasets that the configuration names."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datascan.configuration import Configuration
    from datascan.delivery import Interrupt
    from datascan.progress import Closeable
    from datascan.report import Report

PLACE = 5


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "check", help="scan all datasets that the configuration names: one verdict"
    )
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="only the datasets at or around these"
    )
    command.add_argument("--config", type=Path, metavar="FILE", help="in place of datascan.toml")
    for name, what in {
        "json": "all reports in one JSON file; - for standard output",
        "sarif": "SARIF 2.1.0 with a run for each dataset",
        "junit": "JUnit XML with a suite for each dataset",
    }.items():
        command.add_argument(f"--{name}", metavar="FILE", help=what)
    command.add_argument("--quiet", action="store_true", help="print no verdicts")
    command.add_argument("--no-progress", action="store_true", help="show no progress bar")
    command.set_defaults(command=run)


def run(given: argparse.Namespace) -> int:
    """Scan them all; 2 if a scan could not be made, else 1 if any fails, else 0."""
    from datascan.configuration import found_configuration
    from datascan.delivery import annotate, check_outputs, watched
    from datascan.errors import DatascanError, UsageError
    from datascan.wording import counted

    config = found_configuration(given.config)
    if config is None:
        raise UsageError("no datascan.toml, and no [tool.datascan] in a pyproject.toml")
    paths = chosen(config, given.paths)
    check_outputs(given)
    reports, unmade = [], 0
    quiet = given.quiet or given.json == "-"
    with watched(given) as (progress, interrupt):
        for path in paths:
            try:
                report = scan_one(config, path, progress)
            except DatascanError as error:
                unmade += 1
                progress.close()
                print(f"datascan: {path}: {printable(str(error))}", file=sys.stderr)
                continue
            reports.append(report)
            progress.close()
            if not quiet:
                print(verdict_line(report))
            if not report.complete:
                break
    passed = not unmade and all(report.passed for report in reports)
    if not quiet:
        bad = sum(not report.passed for report in reports)
        told = f"{bad} failed" + (f", {unmade} could not be read" if unmade else "")
        print(f"{'PASS' if passed else 'FAIL'}  {counted(len(paths), 'dataset')}: {told}")
    write_outputs(reports, given, passed=passed)
    annotate(reports, taken=given.json == "-")
    return exit_status(reports, interrupt, unmade)


def exit_status(reports: list[Report], interrupt: Interrupt, unmade: int) -> int:
    """The worst of all scans."""
    if any(not report.complete for report in reports):
        return 128 + interrupt.received
    return 2 if unmade else int(any(not report.passed for report in reports))


def scan_one(config: Configuration, path: Path, progress: Closeable) -> Report:
    """The report of one dataset under what the configuration says of it."""
    from datascan.api import checked_options, run_scan

    settings = config.settings_for(path)
    backend = settings.pop("backend", None)
    return run_scan([path], checked_options(**settings), backend=backend, progress=progress)


def chosen(config: Configuration, only: list[Path]) -> list[Path]:
    """The datasets that the patterns name; with ``only``, those at or around these paths.

    Raises:
        UsageError: where the configuration names no dataset, or a pattern matches nothing.
    """
    from glob import glob

    from datascan.errors import UsageError

    if not config.datasets:
        raise UsageError(f'{config.file} names no dataset: add a table [dataset."data/train"]')
    found: dict[Path, None] = {}
    for pattern in config.datasets:
        matches = sorted(glob(str(config.folder / pattern), recursive=True))  # noqa: PTH207  (absolute patterns)
        if not matches:
            raise UsageError(f"{config.file}: dataset pattern {pattern!r} matches nothing")
        found |= dict.fromkeys(map(near, matches))
    for path in only:
        if not path.exists():
            raise UsageError(f"no such path: {path}")
    wanted = [path.resolve() for path in only]
    if not only:
        return list(found)
    return [p for p in found if any(w.is_relative_to(p.resolve()) for w in wanted)]


def near(name: str) -> Path:
    """A path as people write it: from the working folder, where it lies in it."""
    path = Path(name)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def verdict_line(report: Report) -> str:
    """A dataset's verdict in one line."""
    told = ", ".join(dict.fromkeys(finding.rule for finding in report.findings))
    mood = "PASS" if report.passed else "FAIL"
    return printable(f"{mood}  {report.dataset.path}  {told or 'no findings'}")


def printable(text: str) -> str:
    """Text without control characters."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def write_outputs(reports: list[Report], given: argparse.Namespace, *, passed: bool) -> None:
    """One file of each kind for all datasets."""
    import json

    from datascan.outputs import junit, sarif
    from datascan.writing import write

    if given.json:
        whole = {
            "verdict": "pass" if passed else "fail",
            "datasets": [json.loads(report.to_json()) for report in reports],
        }
        text = json.dumps(whole, indent=2) + "\n"
        if given.json == "-":
            sys.stdout.write(text)
        else:
            write(Path(given.json), [text])
    for name, output in {"sarif": sarif, "junit": junit}.items():
        if target := getattr(given, name):
            write(Path(target), [output.render_all(reports)])
