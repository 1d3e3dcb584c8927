"""Scanning from Python: choose a reader, scan, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace as replace_in

from datascan import __version__
from datascan.discovery import classes, names, only
from datascan.errors import DatasetError, UsageError
from datascan.illustrating import illustrated
from datascan.model import Check, Options, Reader, Rule, Severity
from datascan.pages import checks
from datascan.report import Report
from datascan.reporting import report_of
from datascan.scanning import Progress, Scanned, Silence
from datascan.scanning import scan as scan_with

R = TypeVar("R", bound=Rule)
PathLike = str | os.PathLike[str]

ORDER = ("lmdb", "leveldb", "hdf5", "images")
"""The order in which backends are asked whether a path is theirs; unknown ones come last."""


def scan(
    path: PathLike | Sequence[PathLike], *, backend: str | None = None, **options: Any
) -> Report:
    """Scan a dataset and return the report.

    Args:
        path: an LMDB or LevelDB folder, an HDF5 file (or several, or a list of them), or a folder
            of images.
        backend: "lmdb", "leveldb", "hdf5" or "images"; told by looking if None.
        options: fields of :class:`datascan.model.Options`, such as ``num_classes=10``,
            ``batch_sizes=(64, 128)``, ``label_type="class"``, ``workers=2``, ``limit=1000``.

    Raises:
        DatasetError: where there is no such path, or it is not a dataset.
        UsageError: where an option cannot be meant.
    """
    paths = [path] if isinstance(path, str | os.PathLike) else list(path)
    return run_scan([Path(p) for p in paths], checked_options(**options), backend=backend)


def run_scan(
    paths: Sequence[Path],
    options: Options,
    *,
    backend: str | None = None,
    progress: Progress | None = None,
    use: Callable[[Scanned], None] = lambda _: None,
) -> Report:
    """Scan, let ``use`` look at the result while the dataset is still open, and report."""
    checks = chosen_checks(options)
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    with closing(open_reader(paths, options, backend)) as reader:
        scanned = with_accepted(scan_with(reader, checks, progress), progress)
        report = replace_in(report_of(scanned, version=__version__), started=started)
        if options.thumbnails:
            report = illustrated(report, scanned, progress or Silence())
        use(scanned)
        return report


def with_accepted(
    scanned: Scanned, progress: Progress | None, source: Path | None = None
) -> Scanned:
    """The scan with what its baseline accepts marked; entries without a match are told.

    ``source`` is the path under which the dataset is known, if not the reader's own.
    """
    baseline = scanned.dataset.options.baseline
    if baseline is None:
        return scanned
    from datascan.accepting import Accepting  # noqa: PLC0415  (only where asked for)
    from datascan.whereabouts import identity_of  # noqa: PLC0415

    identity = identity_of(scanned.reader)
    if source is not None:
        identity = replace(identity, paths=(source,))
    accepting = Accepting(baseline.of_dataset(identity))
    scanned = accepting.scan(scanned)
    unused = [entry for entry in accepting.unused if entry.rule in scanned.rules]
    if unused and progress is not None and scanned.dataset.complete:
        rules = ", ".join(sorted({entry.rule for entry in unused}))
        count = f"{len(unused):,} of {len(accepting.baseline.entries):,}"
        progress.say(f"{baseline.path}: {count} entries match no finding any more: {rules}")
    return scanned


def open_reader(paths: Sequence[Path], options: Options, backend: str | None) -> Reader:
    """The reader for ``paths``.

    Raises:
        DatasetError: where a path does not exist, or no reader knows it.
    """
    if not paths:
        raise UsageError("no path was given")
    for path in paths:
        if not os.path.lexists(path):
            raise DatasetError(f"no such path: {path}")
    known = names("readers")
    if backend is None:
        backend = recognised(known, paths[0])
    if backend not in known:
        raise UsageError(f"no such backend: {backend}; there are {', '.join(known)}")
    kind = only("readers", backend, Reader)
    if len(paths) > 1 and not kind.takes_several:
        raise UsageError(f"datascan {backend} scans one path at a time, not {len(paths)}")
    return kind(tuple(paths), options)


def recognised(known: Sequence[str], path: Path) -> str:
    """The first backend that recognises ``path``; readers are imported one after the other."""
    rank = {name: i for i, name in enumerate(ORDER)}
    for name in sorted(known, key=lambda name: (rank.get(name, len(rank)), name)):
        if only("readers", name, Reader).matches(path):
            return name
    raise DatasetError(
        f"{path} is no dataset that datascan knows: neither an LMDB or LevelDB folder, "
        "nor an HDF5 file or a list of them, nor a folder with images"
    )


def chosen_checks(options: Options) -> list[Check[Any]]:
    """All checks but those ignored; only those selected, if any are."""
    return [kind().under(options) for kind in chosen_rules(options, "checks", Check)]


def chosen_rules(options: Options, package: str, kind: type[R]) -> list[type[R]]:
    """The rules of a package but those ignored; only those selected, if any are.

    Raises:
        UsageError: where one is selected or ignored that does not exist in any package.
    """
    found = classes(package, kind)
    own = {rule.rule for rule in found}
    asked = (*options.select, *options.ignore, *dict(options.severity))
    # Rules of other packages are only imported where one is asked for.
    require_rules([rule for rule in asked if rule not in own])
    return [
        rule
        for rule in found
        if (not options.select or rule.rule in options.select) and rule.rule not in options.ignore
    ]


def require_rules(rules: Sequence[str], where: str = "") -> None:
    """Raise :class:`UsageError` unless there is a rule of each name; ``where`` it was asked for."""
    for rule in rules:
        if rule not in (known := checks()):
            near = get_close_matches(rule, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else "see datascan explain"
            raise UsageError(f"{where}no such rule: {rule}; {hint}")


def checked_options(**given: Any) -> Options:
    """Options from keywords, with lists for tuples and single words for lists of one.

    Raises:
        UsageError: for an unknown option, or a value that cannot be meant.
    """
    unknown = sorted(set(given) - set(Options.__dataclass_fields__))
    if unknown:
        raise UsageError(f"no such option: {unknown[0]}")
    options = replace(Options(), **{name: in_form(name, v) for name, v in given.items()})
    for name, least in LEAST.items():
        require_at_least(name, getattr(options, name), least)
    if not options.batch_sizes:
        raise UsageError("batch_sizes is empty: give at least one batch size")
    for size in options.batch_sizes:
        require_at_least("batch_sizes", size, 1)
    for name, words in WORDS.items():
        if getattr(options, name) not in words:
            raise UsageError(f"{name} must be one of {', '.join(words)}")
    return replace(options, batch_sizes=tuple(dict.fromkeys(options.batch_sizes)))


LEAST = {"num_classes": 1, "limit": 1, "max_pixels": 1, "workers": 0, "shard_bytes": 1}
WORDS = {
    "label_type": ("auto", "class", "regression", "none"),
    "fail_on": ("error", "warning", "never"),
}


def in_form(name: str, value: Any) -> Any:
    """An option's value in the form that it is kept in."""
    if name == "expect" and isinstance(value, str | os.PathLike):
        from datascan.expectations import Expectations  # noqa: PLC0415  (only where asked for)

        return Expectations.read(Path(value))
    if name == "baseline" and isinstance(value, str | os.PathLike):
        from datascan.baseline import Baseline  # noqa: PLC0415

        baseline = Baseline.read(Path(value))
        require_rules(sorted(baseline.rules), f"{value}: ")
        return baseline
    if name in {"batch_sizes", "select", "ignore"}:
        return as_tuple(value)
    if name == "severity":
        return severities(value)
    return Path(value) if name in {"list_file", "resume"} and isinstance(value, str) else value


def severities(given: Any) -> tuple[tuple[str, Severity], ...]:
    """Severities by rule, as pairs; ``given`` is a mapping or pairs of rule and level.

    Raises:
        UsageError: where a level is none.
    """
    pairs = dict(given)
    for rule, level in pairs.items():
        if level not in tuple(Severity):
            levels = ", ".join(Severity)
            raise UsageError(f"severity of {rule} must be one of {levels}, not {level!r}")
    return tuple((rule, Severity(level)) for rule, level in pairs.items())


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple of one, or of all."""
    several = isinstance(value, Iterable) and not isinstance(value, str)
    return tuple(value) if several else (value,)


def require_at_least(name: str, value: Any, least: int) -> None:
    """Raise :class:`UsageError` unless ``value`` is None or a whole number >= ``least``."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")
