"""Finds out what a report is of and how it was made: paths, options, versions, fingerprint."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash

from datascan._version import __version__
from datascan.config.applied import AppliedConfiguration
from datascan.config.baseline import Baseline
from datascan.config.expectations import Expectations
from datascan.config.options import Options
from datascan.metrics.digest import digest_values
from datascan.metrics.keys import KeyTally, measure_keys
from datascan.native import LANGUAGE
from datascan.readers.base import Reader
from datascan.readers.dataset_files import FileStatus
from datascan.report.provenance import (
    CacheUse,
    ContentFingerprint,
    FileFingerprint,
    Fingerprint,
    Location,
    Setting,
)
from datascan.scanner import result as scanner
from datascan.scanner.result import ScanResult
from datascan.text import escape_surrogates

NOT_STATED = frozenset(
    {"workers", "resume", "cache", "nice", "fail_fast", "max_time", "no_thumbnails"}
)
"""Options on which the report does not depend."""


def locate(paths: Sequence[Path], configuration: AppliedConfiguration | None) -> Location:
    """The paths of a dataset without the folders that are a matter of this host."""
    found = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  (keeps links)
    here = working_folder()
    if configuration is not None and here is not None:
        folder = Path(os.path.abspath(here / configuration.file)).parent  # noqa: PTH100  (keeps links)
        if all(path.is_relative_to(folder) for path in found):
            return Location(shown_below(folder, found), "configuration")
    if here is not None and all(path.is_relative_to(here) for path in found):
        return Location(shown_below(here, found), "working-folder")
    above = Path(os.path.commonpath([path.parent for path in found]))
    return Location(shown_below(above, found), "parent")


def shown_below(folder: Path, paths: Iterable[Path]) -> list[str]:
    """Paths relative to ``folder``, with slashes."""
    return [escape_surrogates(path.relative_to(folder).as_posix()) for path in paths]


def working_folder() -> Path | None:
    """The working folder; None if it was deleted."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


def list_options(options: Options) -> dict[str, Setting]:
    """The options that are not at their defaults and that the report depends on, by name."""
    found = {}
    for field in Options.fields():
        value = getattr(getattr(options, field.group), field.name)
        if field.name not in NOT_STATED and value != field.default:
            found[field.names[0]] = state(value, options.verdict.configuration)
    return found


def state(value: Any, configuration: AppliedConfiguration | None) -> Setting:
    """The value of an option as JSON has it."""
    if isinstance(value, Baseline):
        value = value.path
    if isinstance(value, Path):
        return locate([value], configuration).paths[0]
    if isinstance(value, Expectations):
        # They have no path, and may have been edited since.
        content = msgspec.json.encode(value, order="deterministic")
        return f"{value.format} {xxhash.xxh3_64_hexdigest(content)}"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return {escape_surrogates(rule): str(level) for rule, level in value}
    if isinstance(value, tuple):
        return [escape_surrogates(one) if isinstance(one, str) else one for one in value]
    return escape_surrogates(value) if isinstance(value, str) else value


def list_versions(libraries: Mapping[str, str]) -> dict[str, str]:
    """The versions of what has made a report; ``libraries`` are those of its reader."""
    return {
        "datascan": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "numpy": np.__version__,
        "loops": LANGUAGE,
        **{escape_surrogates(name): escape_surrogates(text) for name, text in libraries.items()},
    }


def state_cache(use: scanner.CacheUse | None) -> CacheUse | None:
    """How many parts were read, and how many not; None without a cache."""
    if use is None:
        return None
    return CacheUse(use.read, use.reused, format_time((use.since or 0) * 10**9))


def take_fingerprint(scanned: ScanResult) -> Fingerprint:
    """The fingerprint of a dataset that was scanned, or of the part that was read."""
    dataset = scanned.summary
    keys: KeyTally | None = dataset.tally(measure_keys)
    is_known = keys is not None and keys.records == dataset.records
    content = ContentFingerprint(
        dataset.records, keys.digest if keys and is_known else None, dataset.derive(digest_values)
    )
    return Fingerprint(content, digest_files(scanned.reader))


def digest_files(reader: Reader) -> FileFingerprint:
    """Names, sizes and times of the files of a dataset, as hashes."""
    files = sorted(reader.list_files(), key=lambda file: file.name)
    latest = max((file.modified for file in files), default=0)
    return FileFingerprint(
        count=len(files),
        bytes=sum(file.size for file in files),
        sizes=digest_lines(files, "size"),
        times=digest_lines(files, "modified"),
        modified=format_time(latest),
    )


def digest_lines(files: Iterable[FileStatus], attribute: str) -> str:
    """A hash of the names of files and one of their attributes."""
    lines = "".join(f"{file.name}\0{getattr(file, attribute)}\n" for file in files)
    return xxhash.xxh3_128_hexdigest(lines.encode("utf-8", "surrogateescape"))


def format_time(nanoseconds: int) -> str | None:
    """A time in ISO 8601, in UTC; None for 0 and for times that no calendar has."""
    if not nanoseconds:
        return None
    try:
        found = datetime.fromtimestamp(nanoseconds // 10**9, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return found.isoformat(timespec="seconds")
