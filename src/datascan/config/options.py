"""Every option of a scan, defined once.

Users give options by flat names (``scan(path, limit=10)``, ``--limit 10``, ``limit = 10``); inside,
they are grouped by what they govern. To add one, add an annotated field to a struct below and the
code that reads it: the flag, the configuration key, its validation, ``--help``, the reference page
and the fingerprint of a checkpoint follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypedDict

import msgspec
from msgspec import Meta, Struct

from datascan.config.applied import AppliedConfiguration
from datascan.config.baseline import Baseline
from datascan.config.expectations import Expectations
from datascan.config.option_field import (
    ALL_COMMANDS,
    MAX_INT,
    Option,
    OptionField,
    nearest_option,
    option_fields,
)
from datascan.errors import UsageError
from datascan.plugins import require_rules

MIN_MEMORY = 64_000_000
"""With less, workers could not even import what they need."""

LabelType = Literal["auto", "class", "regression", "none"]
FailOn = Literal["error", "warning", "never"]
SeverityName = Literal["error", "warning", "info"]

Positive = Annotated[int, Meta(ge=1, le=MAX_INT)]
NonNegative = Annotated[int, Meta(ge=0, le=MAX_INT)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]
Size = Annotated[int, Meta(ge=MIN_MEMORY, le=MAX_INT)]
Text = Annotated[str, Meta(min_length=1)]

COMMON_BATCH_SIZES = (32, 64, 128, 256)

LABELS, RULES, HOW = GROUPS = "labels", "rules", "how to scan"
"""Headings in ``--help``, in their order."""

MAX_PIXELS = 178_956_970
TIMEOUT = 30.0
MAX_MEMORY = 4_000_000_000
MAX_WORKERS = 64
"""The most worker processes of a configuration that datascan found by itself."""


class Severity(StrEnum):
    """How bad a finding is; ``rank`` orders them."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return ("info", "warning", "error").index(self.value)


@dataclass(frozen=True, slots=True)
class NetTargets:
    """What a net makes of this dataset's labels.

    ``layer`` is the one whose ``outputs`` the loss reads, ``loss`` the loss itself. Labels equal to
    ``ignore_label`` count for nothing. ``counted_by`` names a loss that divides by label counts.
    """

    outputs: int | None = None
    layer: str = ""
    loss: str = ""
    ignore_label: int | None = None
    counted_by: str | None = None


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file; every rule that it names must exist."""
    baseline = Baseline.read(path)
    require_rules(sorted(baseline.rules), f"{path}: ")
    return baseline


class ReadOptions(Struct, frozen=True, kw_only=True):
    """What is read, and as what. Part of a checkpoint's fingerprint."""

    db: Annotated[
        Text | None,
        Option(
            help="a named database of an LMDB",
            metavar="NAME",
            readers=("lmdb",),
            silences="reads only the database {}",
        ),
    ] = None
    data_key: Annotated[
        Text | None,
        Option(
            help="the dataset with the records",
            flag="data",
            metavar="KEY",
            readers=("hdf5",),
            silences="reads only the dataset {}",
        ),
    ] = None
    label_key: Annotated[
        Text | None,
        Option(
            help="the dataset with the labels",
            flag="label",
            metavar="KEY",
            readers=("hdf5",),
            silences="takes labels from {}",
        ),
    ] = None
    list_file: Annotated[
        Path | None,
        Option(
            help="lines of 'path label', or a path,label CSV",
            flag="list",
            metavar="FILE",
            readers=("images",),
            silences="reads only the files in {}",
        ),
    ] = None
    follow_links: Annotated[
        bool,
        Option(
            help="also read what an HDF5 file refers to outside of its own folder",
            readers=("hdf5",),
            in_file=False,
        ),
    ] = False
    limit: Annotated[
        Positive | None,
        Option(
            help="only the first N records",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            silences="reads only the first {} records",
        ),
    ] = None
    sample: Annotated[
        Positive | None,
        Option(
            help="only N records, spread evenly over the dataset (with --limit, over its first N)",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            silences="reads only a sample of {} records",
        ),
    ] = None
    max_pixels: Annotated[
        Positive,
        Option(
            help="report images with more than N pixels instead of decoding them",
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            unasked=(1, MAX_PIXELS),
        ),
    ] = MAX_PIXELS
    shard_bytes: int = 32 << 20
    """Shards are cut to about this many bytes; the report does not depend on it."""


class CheckOptions(Struct, frozen=True, kw_only=True):
    """What is measured and evaluated. Part of a checkpoint's fingerprint."""

    num_classes: Annotated[
        Positive | None,
        Option(help="labels are 0..N-1", group=LABELS, metavar="N", synonyms=("classes",)),
    ] = None
    batch_sizes: Annotated[
        Annotated[tuple[Positive, ...], Meta(min_length=1)] | None,
        Option(
            help="training batch sizes, comma-separated or repeated (default: 32,64,128,256)",
            group=LABELS,
            flag="batch_size",
            metavar="N",
        ),
    ] = None
    label_type: Annotated[
        LabelType,
        Option(
            help="what the labels are (default: auto)",
            group=LABELS,
            silences="sets label_type {}",
            silencing=("regression", "none"),
        ),
    ] = "auto"
    select: Annotated[
        tuple[Text, ...],
        Option(
            help="only this rule; comma-separated or repeated",
            group=RULES,
            metavar="RULE",
            commands=ALL_COMMANDS,
            has_rules=True,
            silences="applies only {}",
        ),
    ] = ()
    ignore: Annotated[
        tuple[Text, ...],
        Option(
            help="all rules but this; comma-separated or repeated",
            group=RULES,
            metavar="RULE",
            commands=ALL_COMMANDS,
            has_rules=True,
            silences="ignores {}",
        ),
    ] = ()
    expect: Annotated[
        Expectations | None,
        Option(
            help="compare with what datascan learn wrote",
            group=RULES,
            metavar="FILE",
            commands=ALL_COMMANDS,
            read=Expectations.read,
        ),
    ] = None
    targets: NetTargets | None = None
    """What a net makes of the labels; not an option for users."""

    @property
    def measured_batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that the user asked for, or common ones."""
        return self.batch_sizes or COMMON_BATCH_SIZES


class RunOptions(Struct, frozen=True, kw_only=True):
    """How the scan runs. The report does not depend on it."""

    workers: Annotated[
        NonNegative | None,
        Option(
            help="processes (default: all cores; 0: none, and no limits)",
            synonyms=("j", "jobs", "num_workers", "processes"),
            group=HOW,
            metavar="N",
            commands=ALL_COMMANDS,
            unasked=(1, MAX_WORKERS),
        ),
    ] = None
    timeout: Annotated[
        Seconds,
        Option(
            help="give up a record after S seconds (default: 30)",
            group=HOW,
            metavar="S",
            commands=ALL_COMMANDS,
            unasked=(0, TIMEOUT),
        ),
    ] = TIMEOUT
    max_memory: Annotated[
        Size,
        Option(
            help="memory that a worker may use to read a record (default: 4GB)",
            group=HOW,
            metavar="SIZE",
            commands=ALL_COMMANDS,
            allowed="a size of at least 64MB, such as 512MB or 4GB, or a number of bytes",
            is_size=True,
            synonyms=("mem", "memory", "memory_limit", "max_mem"),
            unasked=(0, MAX_MEMORY),
        ),
    ] = MAX_MEMORY
    resume: Annotated[
        Path | None,
        Option(
            help="save progress to FILE and resume from it",
            group=HOW,
            metavar="FILE",
            commands=("scan",),
            in_file=False,
        ),
    ] = None


class VerdictOptions(Struct, frozen=True, kw_only=True):
    """What the findings count for."""

    severity: Annotated[
        tuple[tuple[Text, Severity], ...],
        Option(
            help="another severity for a rule: error, warning or info",
            group=RULES,
            metavar="RULE=LEVEL",
            commands=ALL_COMMANDS,
            allowed="a level (error, warning or info) for each rule",
            has_rules=True,
            silences="counts {}",
        ),
    ] = ()
    """Severities in place of the rules' own, by rule."""
    fail_on: Annotated[
        FailOn,
        Option(
            help="the findings that fail the scan (default: error)",
            group=RULES,
            commands=ALL_COMMANDS,
            silences="{} fails",
            silencing=("never",),
        ),
    ] = "error"
    bad_records_severity: Annotated[
        SeverityName,
        Option(
            help="the least severe findings in --bad-records (default: error)",
            group=RULES,
            commands=("scan", "net", "log"),
        ),
    ] = "error"
    baseline: Annotated[
        Baseline | None,
        Option(
            help="findings accepted by datascan accept",
            group=RULES,
            metavar="FILE",
            commands=ALL_COMMANDS,
            read=read_baseline,
            silences="accepts the findings in {}",
        ),
    ] = None
    configuration: AppliedConfiguration | None = None
    """What the configuration file set; not an option for users."""


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
    resume: str | PathLike[str] | None
    severity: Mapping[str, str] | Iterable[tuple[str, str]]
    fail_on: FailOn
    bad_records_severity: SeverityName
    baseline: str | PathLike[str] | Baseline | None
