"""What a LevelDB's manifest says: which tables make up the store, and which logs are alive.

Source: LevelDB, version_edit.cc: a manifest is a log whose records are edits, and an edit is a list
of tagged fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

COMPARATOR = b"leveldb.BytewiseComparator"

TAG_COMPARATOR, TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE = 1, 2, 3, 4
TAG_COMPACT_POINTER, TAG_DELETED, TAG_NEW, TAG_PREVIOUS_LOG = 5, 6, 7, 9


class ManifestError(Exception):
    """An edit that does not parse."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table file: its level, number and bytes, and its first and last internal key.

    An internal key is a user key and eight bytes of sequence number and kind.
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
    """The sum of a manifest's edits. Logs of ``log`` and above, and ``previous_log``, are alive."""

    comparator: bytes = COMPARATOR
    log: int = 0
    previous_log: int = 0
    next_file: int = 2
    last_sequence: int = 0
    tables: tuple[Table, ...] = ()

    def is_live(self, log: int) -> bool:
        """Whether the log of that number holds records that no table has."""
        return log >= self.log or log == self.previous_log


def state_of(edits: Iterable[bytes]) -> State:
    """Add up the edits of a manifest.

    Raises:
        ManifestError: where an edit does not parse, or the sum lacks what LevelDB asks for.
    """
    numbers: dict[int, int] = {}
    comparator = COMPARATOR
    tables: dict[int, Table] = {}
    for edit in edits:
        fields = Fields(edit)
        while fields.left:
            tag = fields.varint()
            if tag == TAG_COMPARATOR:
                comparator = fields.string()
            elif tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE, TAG_PREVIOUS_LOG):
                numbers[tag] = fields.varint()
            else:
                change_tables(tables, tag, fields)
    if any(tag not in numbers for tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE)):
        raise ManifestError("it is not complete")
    return State(
        comparator,
        numbers[TAG_LOG],
        numbers.get(TAG_PREVIOUS_LOG, 0),
        numbers[TAG_NEXT_FILE],
        numbers[TAG_LAST_SEQUENCE],
        tuple(tables.values()),
    )


def change_tables(tables: dict[int, Table], tag: int, fields: Fields) -> None:
    """Add a table, or take one away, as the fields behind ``tag`` say."""
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
        raise ManifestError(f"it has a field of the unknown tag {tag}")


def edit_of(state: State) -> bytes:
    """``state`` as one edit."""
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
        self.at = 0

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self.at < len(self.edit)

    def varint(self) -> int:
        """A number, seven bits a byte, the lowest first."""
        value = shift = 0
        while self.left and shift < 70:
            byte = self.edit[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ManifestError("it has a number without an end")

    def string(self) -> bytes:
        """Bytes behind their length."""
        length = self.varint()
        found = self.edit[self.at : self.at + length]
        self.at += length
        if len(found) < length:
            raise ManifestError("it has a string without an end")
        return found

    def key(self) -> bytes:
        """An internal key."""
        found = self.string()
        if len(found) < 8:
            raise ManifestError("it has a key of less than eight bytes")
        return found


def varint(value: int) -> bytes:
    """``value``, seven bits a byte, the lowest first."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(value: bytes) -> bytes:
    """``value`` behind its length."""
    return varint(len(value)) + value
