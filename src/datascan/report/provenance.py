"""What a report is of and how it was made: dataset, options and versions, as types."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.report.stop import Stopped
from datascan.text import escape_control, pluralize

Hash64 = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Hash128 = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Amount = Annotated[int, Meta(ge=0)]

Setting = bool | int | float | str | list[int | float | str] | dict[str, str]
"""The value of an option: a file by its path, a level for each rule as an object."""


class Location(msgspec.Struct, frozen=True):
    """The dataset without the folders above it, which may name a user or a host."""

    paths: Annotated[list[str], Meta(min_length=1, description="Relative, with slashes.")]
    relative_to: Annotated[
        Literal["configuration", "working-folder", "parent"],
        Meta(
            description="The folder of the configuration file in use, or else the working folder, "
            "if the dataset is inside; otherwise the folder that holds all of the paths."
        ),
    ]

    def __repr__(self) -> str:
        return escape_control(super().__repr__())


class ContentFingerprint(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the records are, of those that were read: the same for a copy of the dataset.

    It does not depend on time stamps, paths above the dataset, or the host.
    """

    records: Amount
    keys: Annotated[
        Hash64 | None,
        Meta(description="Of all keys; absent if the reader does not know them while reading."),
    ] = None
    values: Annotated[
        Hash128 | None,
        Meta(
            description="Of the fingerprints of all intact records and of all labels, in store "
            "order; absent if the rules that compare records were not applied."
        ),
    ] = None


class FileFingerprint(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the files are: names and sizes, and apart from them, the time stamps."""

    count: Amount
    bytes: Annotated[Amount, Meta(description="Size of all files; stores have unused pages.")]
    sizes: Annotated[Hash128, Meta(description="Of names and sizes: the same for a copy.")]
    times: Annotated[Hash128, Meta(description="Of names and times of modification.")]
    modified: Annotated[
        str | None, Meta(description="The latest modification: ISO 8601 in UTC.")
    ] = None


class Fingerprint(msgspec.Struct, frozen=True):
    """Tells whether two reports are of the same dataset, and whether it has changed."""

    content: ContentFingerprint
    files: FileFingerprint


class CacheUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many parts of the dataset were read, and how many not, as they had not changed."""

    read: Amount
    reused: Annotated[Amount, Meta(description="Parts whose results earlier scans have kept.")]
    since: Annotated[
        str | None,
        Meta(
            description="When the first of these was read: ISO 8601 in UTC; absent if no part was "
            "reused."
        ),
    ] = None

    def __str__(self) -> str:
        """What was not read again, in one line; "" if everything was read."""
        if not self.reused:
            return ""
        parts = pluralize(self.read + self.reused, "part")
        of = f"{self.reused:,} of {parts} {'was' if self.reused == 1 else 'were'} not read again"
        since = f" since {self.since[:10]}" if self.since else ""
        return f"{of}{since}: a cache cannot see a disk that rots"


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a report was made."""

    options: Annotated[
        dict[str, Setting] | None,
        Meta(
            description="Every option that is not at its default and that the report depends on, "
            "by its name in a configuration file, whether set by a flag, a file or a call."
        ),
    ] = None
    versions: Annotated[
        dict[str, str] | None,
        Meta(
            description="Of datascan, Python, NumPy and the libraries that read the dataset; "
            "``loops`` is c or numpy: what the inner loops are written in."
        ),
    ] = None
    stopped: Annotated[
        Stopped | None, Meta(description="Why the scan ended early; absent if it did not.")
    ] = None
    cache: Annotated[
        CacheUse | None, Meta(description="Absent if the scan used no cache (``--cache``).")
    ] = None
