"""What a LevelDB's manifest says: which tables make up the store, and which logs are alive.

Source: LevelDB, version_edit.cc: a manifest is a log whose records are edits, and an edit is a list
of tagged fields; version_set.cc (``Builder::Apply``): how edits add up.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from datascan.readers.leveldb.coding import CodingError, take_string, take_varint

COMPARATOR = b"leveldb.BytewiseComparator"

TAG_COMPARATOR, TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE = 1, 2, 3, 4
TAG_COMPACT_POINTER, TAG_DELETED, TAG_NEW, TAG_PREVIOUS_LOG = 5, 6, 7, 9


LEVELS = 7
"""``kNumLevels`` of LevelDB."""

MARK_BYTES = 8
"""The end of an internal key: sequence number and kind."""


class Table(Struct, frozen=True):
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


class State(Struct, frozen=True):
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
    tables: dict[tuple[int, int], Table] = {}
    for edit in edits:
        fields = Fields(edit)
        deleted: set[tuple[int, int]] = set()
        new: dict[tuple[int, int], Table] = {}
        while fields.left:
            tag = fields.varint()
            if tag == TAG_COMPARATOR:
                comparator = fields.string()
            elif tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE, TAG_PREVIOUS_LOG):
                numbers[tag] = fields.varint()
            else:
                read_change(tag, fields, deleted, new)
        # As in LevelDB, the additions of an edit follow its deletions, in any order of its fields.
        for place in deleted:
            tables.pop(place, None)
        tables |= new
    if any(tag not in numbers for tag in (TAG_LOG, TAG_NEXT_FILE, TAG_LAST_SEQUENCE)):
        raise CodingError("it is not complete")
    return State(
        comparator,
        numbers[TAG_LOG],
        numbers.get(TAG_PREVIOUS_LOG, 0),
        numbers[TAG_NEXT_FILE],
        numbers[TAG_LAST_SEQUENCE],
        # A file that is listed at two levels is still one file.
        tuple({table.number: table for table in tables.values()}.values()),
    )


def read_change(
    tag: int,
    fields: Fields,
    deleted: set[tuple[int, int]],
    new: dict[tuple[int, int], Table],
) -> None:
    """Note which table the fields after ``tag`` delete or add, by its level and number."""
    if tag == TAG_COMPACT_POINTER:
        fields.level()
        fields.string()
    elif tag == TAG_DELETED:
        deleted.add((fields.level(), fields.varint()))
    elif tag == TAG_NEW:
        level, number, size = fields.level(), fields.varint(), fields.varint()
        new[level, number] = Table(level, number, size, fields.key(), fields.key())
    else:
        raise CodingError(f"it has a field of the unknown tag {tag}")


class Fields:
    """Reads an edit field by field.

    Raises:
        CodingError: from every method, if the edit ends too early or has an impossible value.
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

    def level(self) -> int:
        """The level of a table."""
        found = self.varint()
        if found >= LEVELS:
            raise CodingError(f"it names level {found}, but LevelDB has {LEVELS} levels, from 0")
        return found

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
