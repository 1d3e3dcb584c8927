"""What a LevelDB's manifest says: which tables make up the store, and which logs are alive.

Source: LevelDB, version_edit.cc: a manifest is a log whose records are edits, and an edit is a list
of tagged fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from datascan.readers.leveldb.coding import CodingError, take_string, take_varint

COMPARATOR = b"leveldb.BytewiseComparator"

TAG_COMPARATOR, TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE = 1, 2, 3, 4
TAG_COMPACT_POINTER, TAG_DELETED, TAG_NEW, TAG_PREVIOUS_LOG = 5, 6, 7, 9


MARK_BYTES = 8
"""The end of an internal key: sequence number and kind."""


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
        return self.smallest[:-MARK_BYTES]

    @property
    def last(self) -> bytes:
        """The last user key."""
        return self.largest[:-MARK_BYTES]


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
        CodingError: if an edit does not parse, or the sum lacks what LevelDB requires.
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
        raise CodingError("it is not complete")
    return State(
        comparator,
        numbers[TAG_LOG],
        numbers.get(TAG_PREVIOUS_LOG, 0),
        numbers[TAG_NEXT_FILE],
        numbers[TAG_LAST_SEQUENCE],
        tuple(tables.values()),
    )


def change_tables(tables: dict[int, Table], tag: int, fields: Fields) -> None:
    """Add a table, or take one away, as the fields after ``tag`` say."""
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
        raise CodingError(f"it has a field of the unknown tag {tag}")


class Fields:
    """Reads an edit field by field.

    Raises:
        CodingError: from every method, if the edit ends too early.
    """

    def __init__(self, edit: bytes) -> None:
        self.edit = edit
        self.at = 0

    @property
    def left(self) -> bool:
        """Whether there is more."""
        return self.at < len(self.edit)

    def varint(self) -> int:
        """A number."""
        value, self.at = take_varint(self.edit, self.at)
        return value

    def string(self) -> bytes:
        """A byte string."""
        found, self.at = take_string(self.edit, self.at)
        return found

    def key(self) -> bytes:
        """An internal key."""
        found = self.string()
        if len(found) < MARK_BYTES:
            raise CodingError(f"it has a key of less than {MARK_BYTES} bytes")
        return found
