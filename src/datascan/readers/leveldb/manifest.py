"""A LevelDB's manifest: the tables of the store, and the logs that are in use.

A manifest is a log whose records are edits. An edit is a list of tagged fields.

Source: LevelDB, db/version_edit.cc.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

COMPARATOR = b"leveldb.BytewiseComparator"

TAG_COMPARATOR, TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE = 1, 2, 3, 4
TAG_COMPACT_POINTER, TAG_DELETED, TAG_NEW, TAG_PREVIOUS_LOG = 5, 6, 7, 9


class ManifestError(Exception):
    """The manifest is damaged. The message is a predicate in a fault's detail."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table file: level, file number, size in bytes, and first and last internal key.

    An internal key is a user key followed by eight bytes of sequence number and value type.
    """

    level: int
    number: int
    size: int
    smallest: bytes
    largest: bytes

    @property
    def first(self) -> bytes:
        """The first user key."""
        return self.smallest[:-8]

    @property
    def last(self) -> bytes:
        """The last user key."""
        return self.largest[:-8]


@dataclass(frozen=True, slots=True)
class State:
    """The state after all edits. Logs from number ``log`` on and ``previous_log`` are in use."""

    comparator: bytes = COMPARATOR
    log: int = 0
    previous_log: int = 0
    next_file: int = 2
    last_sequence: int = 0
    tables: tuple[Table, ...] = ()

    def is_live(self, log: int) -> bool:
        """Whether the log of that number may have records that are not in tables."""
        return log >= self.log or log == self.previous_log


def apply_edits(edits: Iterable[bytes]) -> State:
    """Apply the edits of a manifest in order.

    Raises:
        ManifestError: if an edit does not parse, or a field that LevelDB requires is missing.
    """
    numbers: dict[int, int] = {}
    comparator = COMPARATOR
    tables: dict[int, Table] = {}
    for edit in edits:
        fields = Fields(edit)
        while fields.has_more:
            tag = fields.varint()
            if tag == TAG_COMPARATOR:
                comparator = fields.string()
            elif tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE, TAG_PREVIOUS_LOG):
                numbers[tag] = fields.varint()
            else:
                change_tables(tables, tag, fields)
    if any(tag not in numbers for tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE)):
        raise ManifestError("it is incomplete")
    return State(
        comparator,
        numbers[TAG_LOG],
        numbers.get(TAG_PREVIOUS_LOG, 0),
        numbers[TAG_NEXT_FILE],
        numbers[TAG_LAST_SEQUENCE],
        tuple(tables.values()),
    )


def change_tables(tables: dict[int, Table], tag: int, fields: Fields) -> None:
    """Read the fields after ``tag``, and add or remove a table."""
    if tag == TAG_COMPACT_POINTER:
        fields.varint()
        fields.string()
    elif tag == TAG_DELETED:
        level, number = fields.varint(), fields.varint()
        # A moved table is deleted from one level and new in another, in either order.
        if number in tables and tables[number].level == level:
            del tables[number]
    elif tag == TAG_NEW:
        level, number, size = fields.varint(), fields.varint(), fields.varint()
        tables[number] = Table(level, number, size, fields.key(), fields.key())
    else:
        raise ManifestError(f"it has a field with unknown tag {tag}")


def make_edit(state: State) -> bytes:
    """Write ``state`` as a single edit."""
    out = [varint(TAG_COMPARATOR), string(state.comparator)]
    for tag, number in (
        (TAG_LOG, state.log),
        (TAG_PREVIOUS_LOG, state.previous_log),
        (TAG_NEXT_FILE, state.next_file),
        (TAG_LAST_SEQUENCE, state.last_sequence),
    ):
        out += [varint(tag), varint(number)]
    for table in state.tables:
        out += [varint(n) for n in (TAG_NEW, table.level, table.number, table.size)]
        out += [string(table.smallest), string(table.largest)]
    return b"".join(out)


class Fields:
    """Reads an edit field by field."""

    def __init__(self, edit: bytes) -> None:
        self.edit = edit
        self.offset = 0

    @property
    def has_more(self) -> bool:
        """Whether there are more fields."""
        return self.offset < len(self.edit)

    def varint(self) -> int:
        """Read a number: seven bits per byte, lowest first."""
        value = shift = 0
        while self.has_more and shift < 70:
            byte = self.edit[self.offset]
            self.offset += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ManifestError("it has a truncated number")

    def string(self) -> bytes:
        """Read a byte string, which follows its length."""
        length = self.varint()
        value = self.edit[self.offset : self.offset + length]
        self.offset += length
        if len(value) < length:
            raise ManifestError("it has a truncated string")
        return value

    def key(self) -> bytes:
        """Read an internal key."""
        key = self.string()
        if len(key) < 8:
            raise ManifestError("it has a key of less than eight bytes")
        return key


def varint(value: int) -> bytes:
    """Encode ``value``: seven bits per byte, lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(value: bytes) -> bytes:
    """Encode ``value`` with its length before it."""
    return varint(len(value)) + value
