"""What a scan would take, as ``--plan`` says it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.text import escape_control, escape_in_json

Amount = Annotated[int, Meta(ge=0)]
Duration = Annotated[float, Meta(ge=0)]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What was read to estimate the time."""

    parts: Annotated[int, Meta(ge=0, description="Parts that were read to their ends.")]
    records: Annotated[int, Meta(ge=0)]
    bytes: Annotated[int, Meta(ge=0)]
    seconds: Annotated[float, Meta(ge=0)]
    bad_records: Annotated[
        int,
        Meta(ge=0, description="Records with errors in the parts read to their ends."),
    ]
    error: Annotated[
        str | None, Meta(description="Why the trial ended before its time; null if it did not.")
    ] = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan would read, and about how long it would take; nothing has been judged."""

    schema: Literal["datascan-plan/1"] = "datascan-plan/1"
    datascan: str
    backend: str
    path: str
    layout: str
    records: Annotated[Amount | None, Meta(description="Null if it cannot be estimated.")]
    is_estimate: Annotated[bool, Meta(description="Whether ``records`` is an estimate.")]
    total: Annotated[
        Amount | None,
        Meta(description="Of the whole dataset, if known; more with a limit or a sample."),
    ]
    bytes: Annotated[int, Meta(ge=0)]
    parts: Annotated[int, Meta(ge=0)]
    processes: Annotated[int, Meta(ge=0, description="0: the scan runs in one process alone.")]
    processes_reason: Annotated[str, Meta(description="What decides their number, in words.")]
    memory: Annotated[
        Amount | None, Meta(description="About how many bytes, in all; null if not known.")
    ]
    max_memory: Annotated[int, Meta(ge=0, description="What a process may use, in bytes.")]
    seconds: Annotated[Duration | None, Meta(description="About; null if it is not known.")]
    max_time: Annotated[Duration | None, Meta(description="Of ``--max-time``.")]
    faults: Annotated[list[str], Meta(description="What is damaged, as far as planning shows it.")]
    trial: Trial

    def __repr__(self) -> str:
        return escape_control(super().__repr__())

    def to_json(self) -> str:
        """As JSON text, indented."""
        return escape_in_json(msgspec.json.format(msgspec.json.encode(self), indent=2).decode())
