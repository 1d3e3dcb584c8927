"""The options of a scan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from datascan.errors import UsageError
from datascan.plugins import require_rules

if TYPE_CHECKING:
    from datascan.config.baseline import Baseline
    from datascan.config.expectations import Expectations

LabelType = Literal["auto", "class", "regression", "none"]


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


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for; the same object reaches readers, layouts and checks."""

    num_classes: int | None = None
    batch_sizes: tuple[int, ...] = (32, 64, 128, 256)
    label_type: LabelType = "auto"
    limit: int | None = None
    max_pixels: int = 178_956_970
    db: str | None = None
    data_key: str | None = None
    label_key: str | None = None
    list_file: Path | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: Literal["error", "warning", "never"] = "error"
    workers: int | None = None
    timeout: float = 60.0
    resume: Path | None = None
    severity: tuple[tuple[str, Severity], ...] = ()
    """Severities in place of the rules' own, by rule."""
    shard_bytes: int = 32 << 20
    """Shards are cut to about this many bytes; the report does not depend on it."""
    thumbnails: bool = True
    """Whether the report gets what only a page shows: thumbnails, samples, curves."""
    """Readers hand out encoded images as they are (``Block.encoded``), and decode none."""
    targets: NetTargets | None = None
    expect: Expectations | None = None
    """What the dataset is compared with."""
    baseline: Baseline | None = None
    """Findings that are accepted."""


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
        from datascan.config.expectations import (  # noqa: PLC0415  (only where asked for)
            Expectations,
        )

        return Expectations.read(Path(value))
    if name == "baseline" and isinstance(value, str | os.PathLike):
        from datascan.config.baseline import Baseline  # noqa: PLC0415

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
