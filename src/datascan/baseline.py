"""Accepted findings: what is known of a dataset, why it is accepted, and until when.

The file is TOML, to be read and edited by hand. An entry names a rule and the records that are
accepted, by key (many of them by a hash of each); or, of findings about no records, what they are
about. What an entry does not name is not accepted: a new record with the fault fails again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.errors import UsageError
from datascan.settings import read_toml

HASH_BYTES = 8
MOST_KEYS = 1000
"""More keys than this are kept as hashes."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Findings of one rule that are accepted."""

    rule: str
    reason: Annotated[str, Meta(min_length=1)]
    expires: date | None = None
    keys: tuple[str, ...] = ()
    hashes: str = ""
    about: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        rule: str,
        reason: str,
        expires: date | None,
        keys: Sequence[str],
        about: Sequence[str],
    ) -> Entry:
        """An entry for records of these keys, and for what findings without records are about."""
        unique = sorted(set(keys))
        if len(unique) <= MOST_KEYS:
            return cls(rule, reason, expires, tuple(unique), "", tuple(about))
        packed = b"".join(sorted({digest(key) for key in unique}))
        return cls(rule, reason, expires, (), base64.b64encode(packed).decode(), tuple(about))

    def holds(self, today: date) -> bool:
        """Whether it has not expired: it holds through the day that it names."""
        return self.expires is None or today <= self.expires

    def known(self) -> frozenset[bytes]:
        """Hashes of the keys that it accepts.

        Raises:
            ValueError: where ``hashes`` is no base64 of whole hashes.
        """
        packed = base64.b64decode(self.hashes, validate=True)
        if len(packed) % HASH_BYTES:
            raise ValueError("its length is no multiple of that of a hash")
        hashes = {packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES)}
        return frozenset(hashes | {digest(key) for key in self.keys})


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a file."""

    format: Literal["datascan-baseline/1"]
    accepted: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why a finding is accepted, and until when."""

    reason: str
    expires: date | None


@dataclass(frozen=True)
class Baseline:
    """The entries of a file, and the day on which they are looked at."""

    path: Path
    entries: tuple[Entry, ...]
    today: date

    @classmethod
    def read(cls, path: Path, today: date | None = None) -> Baseline:
        """Read a file.

        Raises:
            UsageError: where it holds no baseline; says where.
        """
        file = read_toml(path, File, "baseline")
        for number, entry in enumerate(file.accepted, 1):
            if not entry.reason.strip():
                raise UsageError(f"{path}: entry {number} ({entry.rule}) gives no reason")
            try:
                entry.known()
            except ValueError as error:
                raise UsageError(
                    f"{path}: hashes of entry {number} are damaged: {error}"
                ) from error
        return cls(path, file.accepted, today or date.today())

    @cached_property
    def rules(self) -> frozenset[str]:
        """The rules that entries name."""
        return frozenset(entry.rule for entry in self.entries)

    def of_rule(self, rule: str) -> tuple[Entry, ...]:
        """The entries of a rule that hold today."""
        return tuple(e for e in self.entries if e.rule == rule and e.holds(self.today))

    def expired(self, rule: str) -> tuple[Entry, ...]:
        """The entries of a rule that do not hold any more."""
        return tuple(e for e in self.entries if e.rule == rule and not e.holds(self.today))

    def __getstate__(self) -> dict[str, object]:
        """Without what is derived."""
        return {"path": self.path, "entries": self.entries, "today": self.today}


def digest(key: str) -> bytes:
    """A short hash of a key: among a million keys, two share one in 1 of 37 million cases."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:HASH_BYTES]


def written(entries: Sequence[Entry], old: str | None) -> str:
    """The file with further entries: ``old``, what it holds so far, stays as people wrote it."""
    import tomlkit  # noqa: PLC0415  (only here)

    if old is None:
        document = tomlkit.document()
        document.add(tomlkit.comment("Findings that are known and accepted, each with its reason."))
        document.add("format", "datascan-baseline/1")
    else:
        document = tomlkit.parse(old)
    tables = document.get("accepted") or tomlkit.aot()
    for entry in entries:
        # A blank line in front of each; TOML knows dates.
        fields = msgspec.to_builtins(entry, builtin_types=(date,))
        tables.append(tomlkit.item(fields))
    if entries:
        document["accepted"] = tables
    return tomlkit.dumps(document)


def merged(acceptances: Sequence[Entry]) -> Acceptance:
    """Several entries as one: all reasons, and the first day on which one of them ends."""
    reasons = dict.fromkeys(entry.reason.strip() for entry in acceptances)
    ends = [entry.expires for entry in acceptances if entry.expires is not None]
    return Acceptance("; ".join(reasons), min(ends, default=None))
