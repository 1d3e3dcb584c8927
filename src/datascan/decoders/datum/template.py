"""Many Datums at once: the fast path.

Records that differ only in label and payload have the same bytes everywhere else. A template is
one parsed record: it knows where label and payload stand, and which bytes all others must share.
A record that shares them is parsed by slicing columns; one that does not is left to the exact
path. So whatever the template accepts means what protobuf says it means.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from datascan.native.fallback import FLOAT_STRIDE, FLOAT_TAG, TAGGED
from datascan.records.buffers import BufferView, BytesColumn


class Payload(Enum):
    """How a record's values stand in its message."""

    NONE = "none"
    BYTES = "data"
    FLOATS = "float_data"
    PACKED = "packed float_data"


KINDS = {Payload.BYTES: "B", Payload.PACKED: "f", Payload.FLOATS: TAGGED}
"""How values lie in the message, as ``BufferView`` calls it."""


@dataclass(frozen=True, slots=True)
class Template:
    """Where everything stands in a record of ``length`` bytes.

    ``literals`` are (offset, bytes) that every record shares. ``label_at``, ``label_bytes``: the
    label's varint, absent if 0 bytes long. ``at``, ``count``: the payload's offset and values.
    """

    length: int
    shape: Shape
    encoded: bool
    payload: Payload
    offset: int
    count: int
    label_at: int
    label_bytes: int
    literals: tuple[tuple[int, bytes], ...]

    @property
    def error(self) -> str | None:
        """Why every such record is malformed; None if it is not."""
        data = self.count if self.payload is Payload.BYTES else 0
        return datum_error(self.shape, data, self.count - data, encoded=self.encoded)

    def fits(self, values: BytesColumn) -> NDArray[np.bool_]:
        """Which of ``values``, all of this length, share the template's bytes, (m,).

        The tags between unpacked floats are not looked at here, but by ``values``.
        """
        same = np.ones(len(values), np.bool_)
        every = np.arange(len(values))
        for offset, literal in self.literals:
            column = part_of(values, offset, len(literal)).gather(every)
            same &= (column == np.frombuffer(literal, np.uint8)).all(axis=1)
        if self.label_bytes:
            varint = self._label_column(values)
            same &= (varint[:, :-1] >= 0x80).all(axis=1) & (varint[:, -1] < 0x80)
        return same

    def labels(self, values: BytesColumn) -> NDArray[np.int32]:
        """The labels of records that fit, (m,): the low 32 bits of the varint, as protobuf does."""
        total = np.zeros(len(values), np.uint64)
        for i, octet in enumerate(self._label_column(values).T):
            total |= (octet & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * i)
        return (total & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)

    def values(self, values: BytesColumn) -> tuple[BufferView, NDArray[np.bool_]]:
        """The payload of records that fit and are not encoded, (m, channels, height, width).

        And which of them are sound after all, (m,): a float among others without its tag is not.
        """
        return BufferView.of(values, self.offset, KINDS[self.payload], self.shape)

    def sound(self, values: BytesColumn) -> NDArray[np.bool_]:
        """Which of the records that fit have all of their float tags, (m,)."""
        if self.payload is not Payload.FLOATS:
            return np.ones(len(values), np.bool_)
        return BufferView.of(values, self.offset, TAGGED, (self.count,))[1]

    def _label_column(self, values: BytesColumn) -> NDArray[np.uint8]:
        return part_of(values, self.label_at, self.label_bytes).gather(np.arange(len(values)))


def part_of(values: BytesColumn, offset: int, length: int) -> BytesColumn:
    """The bytes from ``offset`` on of every string, ``length`` each."""
    return BytesColumn(
        values.buffer, values.offsets + offset, np.full(len(values), length, np.int64)
    )


@dataclass(slots=True)
class TemplateBuilder:
    """A template in the making."""

    numbers: dict[int, int] = field(default_factory=dict)
    payload: Payload = Payload.NONE
    at: int = 0
    count: int = 0
    label_at: int = 0
    label_bytes: int = 0


class UnsupportedMessage(Exception):  # noqa: N818  (no error: the exact path takes over)
    """A message that the fast path does not take."""


def template_of(value: bytes) -> Template | None:
    """The template of a record; None for messages out of the ordinary.

    Ordinary are messages of known fields with their own wire types, each at most once, floats in
    one run: what protobuf writes.
    """
    draft = TemplateBuilder()
    at = 0
    try:
        while at < len(value):
            at = read_field(value, at, draft)
    except (UnsupportedMessage, IndexError):
        return None
    shape = tuple(signed32(draft.numbers.get(number, 0)) for number in (1, 2, 3))
    return Template(
        len(value),
        (shape[0], shape[1], shape[2]),
        bool(draft.numbers.get(7, 0)),
        draft.payload,
        draft.at,
        draft.count,
        draft.label_at,
        draft.label_bytes,
        literals_of(value, draft),
    )


def read_field(value: bytes, at: int, draft: TemplateBuilder) -> int:
    """Note the field that begins at ``at``; where the next one begins."""
    tag = value[at]
    number = tag >> 3
    if tag in (0x08, 0x10, 0x18, 0x28, 0x38) and number not in draft.numbers:
        draft.numbers[number], end = read_varint(value, at + 1)
        if number == 5:
            draft.label_at, draft.label_bytes = at + 1, end - at - 1
        return end
    if draft.payload is not Payload.NONE:
        raise UnsupportedMessage
    if tag in (0x22, 0x32):
        length, start = read_varint(value, at + 1)
        if start + length > len(value) or (tag == 0x32 and length % 4) or not length:
            raise UnsupportedMessage
        draft.payload = Payload.BYTES if tag == 0x22 else Payload.PACKED
        draft.at, draft.count = start, length if tag == 0x22 else length // 4
        return start + length
    if tag == FLOAT_TAG:
        draft.payload, draft.at = Payload.FLOATS, at
        draft.count = floats_from(value, at)
        return at + FLOAT_STRIDE * draft.count
    raise UnsupportedMessage


def floats_from(value: bytes, at: int) -> int:
    """How many unpacked floats stand one after the other from ``at`` on."""
    possible = (len(value) - at) // FLOAT_STRIDE
    tags = np.frombuffer(value, np.uint8, possible * FLOAT_STRIDE, at)[::FLOAT_STRIDE]
    others = np.flatnonzero(tags != FLOAT_TAG)
    count = int(others[0]) if len(others) else possible
    if not count:
        raise UnsupportedMessage
    return count


def read_varint(value: bytes, at: int) -> tuple[int, int]:
    """A varint of at most ten bytes and where it ends."""
    total = 0
    for i in range(10):
        octet = value[at + i]
        total |= (octet & 0x7F) << 7 * i
        if octet < 0x80:
            return total & 0xFFFFFFFFFFFFFFFF, at + i + 1
    raise UnsupportedMessage


def signed32(number: int) -> int:
    """The low 32 bits as a signed number."""
    low = number & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def literals_of(value: bytes, draft: TemplateBuilder) -> tuple[tuple[int, bytes], ...]:
    """The bytes outside label and payload, as (offset, bytes)."""
    width = {Payload.BYTES: 1, Payload.PACKED: 4, Payload.FLOATS: FLOAT_STRIDE, Payload.NONE: 0}
    free = sorted(
        (start, start + length)
        for start, length in (
            (draft.at, draft.count * width[draft.payload]),
            (draft.label_at, draft.label_bytes),
        )
        if length
    )
    found, at = [], 0
    for start, end in [*free, (len(value), len(value))]:
        if start > at:
            found.append((at, value[at:start]))
        at = end
    return tuple(found)


if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("datascan reads Datums on little-endian machines only")

Shape = tuple[int, int, int]


def datum_error(shape: Shape, data: int, floats: int, *, encoded: bool) -> str | None:
    """Why a Datum with so many bytes of ``data`` and values of ``float_data`` is malformed."""
    if data and floats:
        return f"both data ({data:,} bytes) and float_data ({floats:,} values)"
    if not data and not floats:
        return "neither data nor float_data"
    if encoded:
        return None if data else "marked as encoded, but without data"
    channels, height, width = shape
    wanted = channels * height * width
    if min(shape) < 0 or wanted != data + floats:
        kind = f"{data:,} bytes of data" if data else f"{floats:,} values of float_data"
        return f"{kind} for a shape of {channels}x{height}x{width} = {wanted:,}"
    return None
