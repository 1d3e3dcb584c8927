"""The baseline: findings that are known and accepted, with a reason and an optional expiry date.

The file is TOML, to be read and edited by hand. An entry names a rule, a dataset and the accepted
records, by key (if there are many, by a hash of each key). ``about`` lists what else findings
refer to: places, classes, numbers. Anything that an entry does not name is not accepted: a new
record with the same fault fails, and so does another dataset. An entry without a dataset applies
to all datasets. The tables ``known`` say which records a dataset had when findings were accepted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from datascan.config.identity import DatasetIdentity, relative_names
from datascan.config.known_records import KnownRecords, Name, is_of_dataset
from datascan.config.toml import read_toml
from datascan.errors import UsageError
from datascan.text import escape_in_toml

HASH_BYTES = 8
MAX_KEYS = 1000
"""If an entry has more keys, their hashes are stored instead."""


class BaselineEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Accepted findings of one rule.

    ``dataset`` is relative to the folder of the baseline; several paths must all be scanned
    together. ``part`` is the named database or HDF5 dataset. Without either, the entry applies to
    all datasets. ``added`` and ``by`` say when and by whom it was accepted, for reviews.
    """

    rule: str
    reason: Annotated[str, Meta(min_length=1)]
    expires: date | None = None
    keys: tuple[str, ...] = ()
    hashes: str = ""
    about: tuple[str, ...] = ()
    dataset: Name | tuple[Name, ...] | None = None
    part: Name | None = None
    added: date | None = None
    by: str = ""

    @classmethod
    def of(
        cls,
        rule: str,
        reason: str,
        expires: date | None,
        keys: Sequence[str],
        about: Sequence[str],
    ) -> BaselineEntry:
        """An entry for the records with these keys, and for what else the findings are about."""
        unique = sorted(set(keys))
        if len(unique) <= MAX_KEYS:
            return cls(rule, reason, expires, tuple(unique), "", tuple(about))
        packed = b"".join(sorted({hash_key(key) for key in unique}))
        return cls(rule, reason, expires, (), base64.b64encode(packed).decode(), tuple(about))

    def signed(self, added: date, by: str) -> BaselineEntry:
        """The same entry, with the day on which it was accepted, and by whom."""
        return msgspec.structs.replace(self, added=added, by=by)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The paths that the entry names."""
        if self.dataset is None:
            return ()
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset

    def of_dataset(self, file: Path, identity: DatasetIdentity) -> BaselineEntry:
        """The same entry, limited to this dataset; ``file`` is the baseline to write it to."""
        names = relative_names(file, identity.paths)
        dataset = names[0] if len(names) == 1 else names
        return msgspec.structs.replace(self, dataset=dataset, part=identity.part or None)

    def covers(self, file: Path, identity: DatasetIdentity) -> bool:
        """Whether the entry applies to this dataset; ``file`` is the baseline that contains it."""
        return is_of_dataset(self.datasets, self.part, file, identity)

    def is_active(self, today: date) -> bool:
        """Whether the entry has not expired; the expiry date is its last day."""
        return self.expires is None or today <= self.expires

    def key_hashes(self) -> frozenset[bytes]:
        """Hashes of the accepted keys.

        Raises:
            ValueError: if ``hashes`` is not the base64 of whole hashes.
        """
        packed = base64.b64decode(self.hashes, validate=True)
        if len(packed) % HASH_BYTES:
            raise ValueError("the length is not a multiple of the length of a hash")
        hashes = {packed[i : i + HASH_BYTES] for i in range(0, len(packed), HASH_BYTES)}
        return frozenset(hashes | {hash_key(key) for key in self.keys})


class BaselineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a baseline file."""

    format: Literal["datascan-baseline/1"]
    accepted: tuple[BaselineEntry, ...] = ()
    known: tuple[KnownRecords, ...] = ()


class Acceptance(Struct, frozen=True):
    """Why a finding is accepted, and until when."""

    reason: str
    expires: date | None


class Baseline(Struct, frozen=True, dict=True):
    """The entries of a file, the day on which they are applied, and the records that it knows."""

    path: Path
    entries: tuple[BaselineEntry, ...]
    today: date
    known: tuple[KnownRecords, ...] = ()

    @classmethod
    def read(cls, path: Path, today: date | None = None) -> Baseline:
        """Read a file.

        Raises:
            UsageError: if it is not a valid baseline; the message names the place.
        """
        file = read_toml(path, BaselineFile, "baseline")
        for number, entry in enumerate(file.accepted, 1):
            if not entry.reason.strip():
                raise UsageError(f"{path}: entry {number} ({entry.rule}) gives no reason")
            try:
                entry.key_hashes()
            except ValueError as error:
                raise UsageError(
                    f"{path}: the hashes of entry {number} are damaged: {error}"
                ) from error
            if any("\0" in name for name in entry.datasets):
                raise UsageError(f"{path}: the dataset of entry {number} contains a null character")
        for table in file.known:
            try:
                table.unpack()
            except ValueError as error:
                raise UsageError(
                    f"{path}: the filter of {table.datasets[0]} is damaged: {error}"
                ) from error
        return cls(path, file.accepted, today or date.today(), file.known)

    @cached_property
    def rules(self) -> frozenset[str]:
        """The rules that the entries name."""
        return frozenset(entry.rule for entry in self.entries)

    def of_dataset(self, identity: DatasetIdentity) -> Baseline:
        """The baseline with only the entries that apply to this dataset."""
        entries = tuple(entry for entry in self.entries if entry.covers(self.path, identity))
        known = tuple(table for table in self.known if table.covers(self.path, identity))
        return replace(self, entries=entries, known=known)

    def of_rule(self, rule: str) -> tuple[BaselineEntry, ...]:
        """The entries of a rule that are active."""
        return tuple(e for e in self.entries if e.rule == rule and e.is_active(self.today))

    def expired(self, rule: str) -> tuple[BaselineEntry, ...]:
        """The entries of a rule that have expired."""
        return tuple(e for e in self.entries if e.rule == rule and not e.is_active(self.today))

    def __getstate__(self) -> dict[str, object]:
        """Leave out the cached property."""
        return {name: getattr(self, name) for name in ("path", "entries", "today", "known")}


def hash_key(key: str) -> bytes:
    """A short hash of a key; the risk of a collision among a million keys is 1 in 37 million."""
    import hashlib  # noqa: PLC0415  (most scans do not need it, and it is slow to load)

    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:HASH_BYTES]


HEADER = """\
# Findings that are known and accepted, each with its reason.
format = "datascan-baseline/1"
"""


def append_entries(
    entries: Sequence[BaselineEntry],
    old: str | None,
    known: Sequence[KnownRecords] | None = None,
) -> str:
    """The text of the file with further entries; the existing text, ``old``, is preserved.

    ``known`` takes the place of all records that the file knows, unless it is None. They come last.
    An array ``accepted = [...]``, to which TOML allows no tables to be added, is rewritten as
    tables.

    Raises:
        UsageError: if entries cannot be added to ``old`` as it is written.
    """
    before = HEADER if old is None else old
    file = read_text(before)
    expected = (*file.accepted, *entries)
    tables = file.known if known is None else tuple(known)
    if not entries and tables == file.known:
        return before
    text = extend_document(re.sub(KNOWN_TABLE, "", before), entries, tables)
    if not contains_entries(text, expected, tables):
        text = extend_document(remove_entries(before), expected, tables)
    if not contains_entries(text, expected, tables):
        raise UsageError(
            "cannot add entries to the baseline as it is written: move each entry to its own "
            "[[accepted]] table at the end of the file"
        )
    return text


KNOWN_TABLE = r"(?m)(?:\r?\n)?^\[\[known\]\]\r?\n(?:[a-z]+ = [^\n]*\n?)*"
"""A table of known records as it is written, with the blank line before it."""


def extend_document(
    text: str, entries: Sequence[BaselineEntry], known: Sequence[KnownRecords] = ()
) -> str:
    """``text`` with tables appended, with the line endings that it already has."""
    end = "\r\n" if "\r\n" in text else "\n"
    added = "".join((*map(format_entry, entries), *map(format_known, known)))
    return text.rstrip() + end + added.replace("\n", end)


def format_known(known: KnownRecords) -> str:
    """Known records as TOML, preceded by a blank line."""
    import tomlkit  # noqa: PLC0415  (only here)

    return "\n[[known]]\n" + escape_in_toml(tomlkit.dumps(msgspec.to_builtins(known)))


def format_entry(entry: BaselineEntry) -> str:
    """An entry as TOML, preceded by a blank line."""
    import tomlkit  # noqa: PLC0415  (only here)

    fields: dict[str, Any] = msgspec.to_builtins(entry, builtin_types=(date,))
    names = ("rule", "dataset", "part", "reason", "added", "by")
    first = {name: fields[name] for name in names if name in fields}
    table = tomlkit.item(first | fields)
    for name in ("keys", "about"):
        # One per line, so that a review shows what was added.
        if len(fields.get(name, ())) > 1:
            table[name].multiline(multiline=True)
    return "\n[[accepted]]\n" + escape_in_toml(tomlkit.dumps(table))


def remove_entries(text: str) -> str:
    """The text of the file without its entries and the records that it knows."""
    import tomlkit  # noqa: PLC0415  (only here)

    document = tomlkit.parse(text)
    document.pop("accepted", None)
    document.pop("known", None)
    return tomlkit.dumps(document)


def contains_entries(
    text: str, expected: Sequence[BaselineEntry], known: Sequence[KnownRecords] = ()
) -> bool:
    """Whether the file has exactly these entries, and knows these records."""
    try:
        file = read_text(text)
    except (ValueError, msgspec.ValidationError):
        return False
    return (file.accepted, file.known) == (tuple(expected), tuple(known))


def read_text(text: str) -> BaselineFile:
    """Parse the text of a file."""
    import tomllib  # noqa: PLC0415  (most scans do not need it, and it is slow to load)

    return msgspec.convert(tomllib.loads(text), BaselineFile)


def merge_entries(acceptances: Sequence[BaselineEntry]) -> Acceptance:
    """Several entries as one, with all reasons and the earliest expiry date."""
    reasons = dict.fromkeys(entry.reason.strip() for entry in acceptances)
    ends = [entry.expires for entry in acceptances if entry.expires is not None]
    return Acceptance("; ".join(reasons), min(ends, default=None))
