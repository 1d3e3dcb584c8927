"""Every option of a scan, defined once.

Users give options by flat names (``scan(path, limit=10)``, ``--limit 10``, ``limit = 10``); inside,
they are grouped by what they govern, a module of this package for each group. To add one, add an
annotated field to the struct of its group and the code that reads it: the flag, the configuration
key, its validation, ``--help``, the reference page and the fingerprint of a checkpoint follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from os import PathLike
from typing import Any, Self, TypedDict

import msgspec
from msgspec import Struct

from datascan.config.baseline import Baseline
from datascan.config.expectations import Expectations
from datascan.config.option_field import OptionField, nearest_option, option_fields
from datascan.config.options.check import COMMON_BATCH_SIZES, CheckOptions, NetTargets
from datascan.config.options.kinds import GROUPS, FailOn, LabelType, Severity, SeverityName
from datascan.config.options.read import MAX_PIXELS, ReadOptions
from datascan.config.options.run import MAX_MEMORY, MAX_WORKERS, MIN_MEMORY, TIMEOUT, RunOptions
from datascan.config.options.verdict import VerdictOptions, read_baseline
from datascan.errors import UsageError

__all__ = [
    "COMMON_BATCH_SIZES",
    "GROUPS",
    "MAX_MEMORY",
    "MAX_PIXELS",
    "MAX_WORKERS",
    "MIN_MEMORY",
    "TIMEOUT",
    "CheckOptions",
    "LabelType",
    "NetTargets",
    "Options",
    "ReadOptions",
    "RunOptions",
    "ScanKeywords",
    "Severity",
    "VerdictOptions",
    "read_baseline",
]


class Options(Struct, frozen=True, kw_only=True):
    """All options of a scan, grouped by what they govern."""

    read: ReadOptions = ReadOptions()
    check: CheckOptions = CheckOptions()
    run: RunOptions = RunOptions()
    verdict: VerdictOptions = VerdictOptions()

    @classmethod
    def fields(cls) -> tuple[OptionField, ...]:
        """The options that users can give, in the order of their definition."""
        return cached_fields(cls)

    @classmethod
    def from_keywords(cls, **given: Any) -> Self:
        """Options by flat name, validated; lists may be single values, paths may be strings.

        Raises:
            UsageError: for an unknown name or a value that is not allowed; names the nearest
                option, or the option, the value and what is allowed.
        """
        known = {field.name: field for field in cls.fields()}
        for name in sorted(given.keys() - known.keys()):
            near = nearest_option(name, cls.fields())
            hint = f"; did you mean {near.name}?" if near else ""
            raise UsageError(f"no such option: {name}{hint}")
        return cls().replace(**{name: known[name].convert(v, name) for name, v in given.items()})

    def replace(self, **changes: Any) -> Self:
        """The same options with other values, by flat name; values are not validated."""
        groups = {}
        for group in self.__struct_fields__:
            struct = getattr(self, group)
            own = {name: changes.pop(name) for name in struct.__struct_fields__ if name in changes}
            groups[group] = msgspec.structs.replace(struct, **own)
        if changes:
            raise TypeError(f"no such option: {', '.join(changes)}")
        return type(self)(**groups)


@cache
def cached_fields(options: type[Options]) -> tuple[OptionField, ...]:
    """The options that users can give."""
    return tuple(option_fields(options))


class ScanKeywords(TypedDict, total=False):
    """The keywords of :func:`datascan.scan`, for editors and type checkers.

    A test keeps them equal to the fields above.
    """

    db: str | None
    data_key: str | None
    label_key: str | None
    list_file: str | PathLike[str] | None
    exclude: str | Iterable[str]
    follow_links: bool
    limit: int | None
    sample: int | None
    max_pixels: int
    num_classes: int | None
    batch_sizes: int | Iterable[int] | None
    label_type: LabelType
    select: str | Iterable[str]
    ignore: str | Iterable[str]
    expect: str | PathLike[str] | Expectations | None
    workers: int | None
    timeout: float
    max_memory: int | str
    nice: int | None
    fail_fast: bool
    max_time: float | None
    resume: str | PathLike[str] | None
    no_thumbnails: bool
    cache: bool | str | PathLike[str] | None
    severity: Mapping[str, str] | Iterable[tuple[str, str]]
    tolerance: Mapping[str, str | int] | Iterable[tuple[str, str | int]]
    fail_on: FailOn
    bad_records_severity: SeverityName
    baseline: str | PathLike[str] | Baseline | None
