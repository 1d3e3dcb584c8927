"""A process that writes to a dataset while it is scanned."""

from __future__ import annotations

from msgspec import Struct

REACH = ("damaged-store", "truncated-store", "reader-crash", "missing-file")
CONTENT = (
    "malformed-record",
    "empty-record",
    "corrupt-image",
    "not-an-image",
    "unsupported-image",
    "oversized-image",
    "length-mismatch",
)
"""Rules whose faults a writer can cause: what is out of reach, and what is half written."""


class Writer(Struct, frozen=True):
    """A process that writes to a dataset, or has it open for writing.

    Attributes:
        sign: what shows it, in words: "another process holds the write lock of data.mdb".
        rules: the rules whose faults it may have caused; none if what was read is consistent.
        by_record: whether it can be said of each record if it was changed during the scan.
    """

    sign: str
    rules: tuple[str, ...] = ()
    by_record: bool = False
