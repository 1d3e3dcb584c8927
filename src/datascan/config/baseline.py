"""Accepted findings: what is known of a dataset, why it is accepted, and until when.

The file is TOML, to be read and edited by hand. An entry names a rule, a dataset, and the records
that are accepted, by key (many of them by a hash of each); and what findings are about besides
records: places, classes, numbers. What an entry does not name is not accepted: a new record with
the fault fails again, and so does another dataset. An entry without a dataset holds for any.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from datascan.config.identity import DatasetIdentity, relative_names, resolve_spellings
from datascan.config.toml import read_toml
from datascan.errors import UsageError

HASH_BYTES = 8
MAX_KEYS = 1000
"""More keys than this are kept as hashes."""

Name = Annotated[str, Meta(min_length=1)]


class BaselineEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Findings of one rule that are accepted.

    ``dataset`` is relative to the file's folder; of several paths, all must be scanned. ``part`` is
    the named database or HDF5 dataset; without these two, an entry holds for any.
    """

    rule: str
    reason: Annotated[str, Meta(min_length=1)]
    expires: date | None = None
    keys: tuple[str, ...] = ()
    hashes: str = ""
    about: tuple[str, ...] = ()
    dataset: Name | tuple[Name, ...] | None = None
    part: Name | None = None

    @classmethod
    def of(
        cls,
        rule: str,
        reason: str,
        expires: date | None,
        keys: Sequence[str],
        about: Sequence[str],
    ) -> BaselineEntry:
        """An entry for records of these keys, and for what findings are about besides records."""
        unique = sorted(set(keys))
        if len(unique) <= MAX_KEYS:
            return cls(rule, reason, expires, tuple(unique), "", tuple(about))
        packed = b"".join(sorted({digest(key) for key in unique}))
        return cls(rule, reason, expires, (), base64.b64encode(packed).decode(), tuple(about))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The paths that it names."""
        if self.dataset is None:
            return ()
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset

    def of_dataset(self, file: Path, identity: DatasetIdentity) -> BaselineEntry:
        """The same entry, for this dataset alone; ``file`` is where it is to stand."""
        names = relative_names(file, identity.paths)
        dataset = names[0] if len(names) == 1 else names
        return msgspec.structs.replace(self, dataset=dataset, part=identity.part or None)

    def covers(self, file: Path, identity: DatasetIdentity) -> bool:
        """Whether it holds for this dataset; ``file`` is where it stands."""
        if self.part is not None and self.part.strip("/") != identity.part:
            return False
        return all(resolve_spellings(name, file) & identity.ways for name in self.datasets)

    def is_active(self, today: date) -> bool:
        """Whether it has not expired: it holds through the day that it names."""
        return self.expires is None or today <= self.expires

    def key_hashes(self) -> frozenset[bytes]:
        """Hashes of the keys that it accepts.

        Raises:
            ValueError: where ``hashes`` is no base64 of whole hashes.
        """
        packed = base64.b64decode(self.hashes, validate=True)
        if len(packed) % HASH_BYTES:
            raise ValueError("its length is no multiple of that of a hash")
        hashes = {packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES)}
        return frozenset(hashes | {digest(key) for key in self.keys})


class BaselineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a file."""

    format: Literal["datascan-baseline/1"]
    accepted: tuple[BaselineEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why a finding is accepted, and until when."""

    reason: str
    expires: date | None


@dataclass(frozen=True)
class Baseline:
    """The entries of a file, and the day on which they are looked at."""

    path: Path
    entries: tuple[BaselineEntry, ...]
    today: date

    @classmethod
    def read(cls, path: Path, today: date | None = None) -> Baseline:
        """Read a file.

        Raises:
            UsageError: where it holds no baseline; says where.
        """
        file = read_toml(path, BaselineFile, "baseline")
        for number, entry in enumerate(file.accepted, 1):
            if not entry.reason.strip():
                raise UsageError(f"{path}: entry {number} ({entry.rule}) gives no reason")
            try:
                entry.key_hashes()
            except ValueError as error:
                raise UsageError(
                    f"{path}: hashes of entry {number} are damaged: {error}"
                ) from error
            if any("\0" in name for name in entry.datasets):
                raise UsageError(f"{path}: the dataset of entry {number} holds a null character")
        return cls(path, file.accepted, today or date.today())

    @cached_property
    def rules(self) -> frozenset[str]:
        """The rules that entries name."""
        return frozenset(entry.rule for entry in self.entries)

    def of_dataset(self, identity: DatasetIdentity) -> Baseline:
        """The entries that hold for this dataset."""
        mine = tuple(entry for entry in self.entries if entry.covers(self.path, identity))
        return replace(self, entries=mine)

    def of_rule(self, rule: str) -> tuple[BaselineEntry, ...]:
        """The entries of a rule that hold today."""
        return tuple(e for e in self.entries if e.rule == rule and e.is_active(self.today))

    def expired(self, rule: str) -> tuple[BaselineEntry, ...]:
        """The entries of a rule that do not hold any more."""
        return tuple(e for e in self.entries if e.rule == rule and not e.is_active(self.today))

    def __getstate__(self) -> dict[str, object]:
        """Without what is derived."""
        return {"path": self.path, "entries": self.entries, "today": self.today}


def digest(key: str) -> bytes:
    """A short hash of a key: among a million keys, two share one in 1 of 37 million cases."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:HASH_BYTES]


HEAD = """\
# Findings that are known and accepted, each with its reason.
format = "datascan-baseline/1"
"""


def append_entries(entries: Sequence[BaselineEntry], old: str | None) -> str:
    """The file with further entries: ``old``, what it holds so far, stays as people wrote it.

    Only an array ``accepted = [...]``, which takes no more tables, becomes tables.

    Raises:
        UsageError: where ``old`` is written in a way that nothing can be added to.
    """
    before = HEAD if old is None else old
    meant = (*read_text(before).accepted, *entries)
    if not entries:
        return before
    text = extend_document(before, entries)
    if not contains_entries(text, meant):
        text = extend_document(without_entries(before), meant)
    if not contains_entries(text, meant):
        raise UsageError(
            "nothing can be added to the baseline as it is written: give each of its entries a "
            "table [[accepted]] of its own, at the end of the file"
        )
    return text


def extend_document(text: str, entries: Sequence[BaselineEntry]) -> str:
    """Text with tables behind it, in lines that end as its own do."""
    end = "\r\n" if "\r\n" in text else "\n"
    added = "".join(map(entry_table, entries))
    return text.rstrip() + end + added.replace("\n", end)


def entry_table(entry: BaselineEntry) -> str:
    """An entry as TOML, a blank line in front of it."""
    import tomlkit  # noqa: PLC0415  (only here)

    fields: dict[str, Any] = msgspec.to_builtins(entry, builtin_types=(date,))
    first = {name: fields[name] for name in ("rule", "dataset", "part") if name in fields}
    table = tomlkit.item(first | fields)
    if len(entry.about) > 1:
        table["about"].multiline(multiline=True)
    return "\n[[accepted]]\n" + tomlkit.dumps(table)


def without_entries(text: str) -> str:
    """The file without its entries."""
    import tomlkit  # noqa: PLC0415  (only here)

    document = tomlkit.parse(text)
    document.pop("accepted", None)
    return tomlkit.dumps(document)


def contains_entries(text: str, meant: Sequence[BaselineEntry]) -> bool:
    """Whether the file holds these entries."""
    try:
        return read_text(text).accepted == tuple(meant)
    except (ValueError, msgspec.ValidationError):
        return False


def read_text(text: str) -> BaselineFile:
    """The content of a file."""
    return msgspec.convert(tomllib.loads(text), BaselineFile)


def merge_entries(acceptances: Sequence[BaselineEntry]) -> Acceptance:
    """Several entries as one: all reasons, and the first day on which one of them ends."""
    reasons = dict.fromkeys(entry.reason.strip() for entry in acceptances)
    ends = [entry.expires for entry in acceptances if entry.expires is not None]
    return Acceptance("; ".join(reasons), min(ends, default=None))
