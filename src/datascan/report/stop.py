"""Why a scan ended before it had read all records."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.text import escape_control, escape_surrogates

Duration = Annotated[float, Meta(ge=0)]
Index = Annotated[int, Meta(ge=0)]
SignalNumber = Annotated[int, Meta(ge=1, le=64)]


class Stopped(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why a scan ended early; of ``--fail-fast`` also the first error."""

    by: Annotated[
        Literal["fail-fast", "max-time", "signal"],
        Meta(description="The option that ended it, or a signal such as Ctrl-C."),
    ]
    signal: Annotated[
        SignalNumber | None, Meta(description="Its number; 2 (Ctrl-C) if absent.")
    ] = None
    seconds: Annotated[Duration | None, Meta(description="Of ``--max-time``.")] = None
    all_read: Annotated[
        bool, Meta(description="Whether all records were read, though not every rule was judged.")
    ] = False
    rule: Annotated[str | None, Meta(description="The rule of the first error.")] = None
    index: Annotated[Index | None, Meta(description="The record of the first error.")] = None
    key: str | None = None
    detail: str | None = None

    def __repr__(self) -> str:
        return escape_control(super().__repr__())

    @property
    def is_chosen(self) -> bool:
        """Whether an option ended the scan, and not a signal."""
        return self.by != "signal"


def describe_stopped(stopped: Stopped, seen: str, records: int) -> str:
    """Why the scan ended, in words; ``seen``: how many of how many records were read."""
    if stopped.by == "fail-fast":
        seen = f"all {seen}" if stopped.all_read and records > 1 else seen
        return f"stopped at the first error (--fail-fast): {describe_error(stopped)}; read: {seen}"
    option = f"--max-time {stopped.seconds or 0:g}"
    if not records:
        return f"stopped by {option} before any part of the dataset was read to its end"
    if stopped.all_read:
        return f"stopped by {option}: all records were read, but not compared with one another"
    return f"stopped by {option}: {seen}, spread evenly over the dataset; the rest was not checked"


def describe_error(stopped: Stopped) -> str:
    """The first error: "nan-value in record 17 (00000017): 2 of 64 values"."""
    place = "" if stopped.index is None else f" in record {stopped.index:,}"
    place += f" ({stopped.key})" if stopped.key and place else ""
    detail = f": {stopped.detail}" if stopped.detail else ""
    return f"{stopped.rule}{place}{detail}"


def clean(text: str) -> str | None:
    """Text of a dataset for JSON; None if it is empty."""
    return escape_surrogates(text) or None
