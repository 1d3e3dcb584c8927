"""The fast path: many Datums at once.

Records that differ only in label and payload have the same bytes everywhere else. A template is
one parsed record: the offsets of its label and payload, and the bytes that all others must share.
Records that share them are parsed by slicing; the rest is left to the exact path. A template
therefore never reads a record differently than protobuf does.

Source: Caffe, src/caffe/proto/caffe.proto, message Datum; protobuf.dev, "Encoding".
"""

from __future__ import annotations

import sys
from enum import Enum

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import loops
from datascan.native.fallback import FLOAT_STRIDE, FLOAT_TAG, TAGGED
from datascan.records.buffers import BufferView, BytesColumn
from datascan.records.statistics import RecordStats


class Payload(Enum):
    """How the values are encoded in the message."""

    NONE = "none"
    BYTES = "data"
    FLOATS = "float_data"
    PACKED = "packed float_data"


KINDS = {Payload.BYTES: "B", Payload.PACKED: "f", Payload.FLOATS: TAGGED}
"""The kind of values for ``BufferView``, by payload."""


class Template(Struct, frozen=True):
    """The layout of records of ``length`` bytes.

    ``offset``, ``count``: where the payload starts, and its number of values. ``label_offset``,
    ``label_bytes``: the label's varint, of 0 bytes if there is no label. ``literals``: (offset,
    bytes) that all records share.
    """

    length: int
    shape: Shape
    encoded: bool
    payload: Payload
    offset: int
    count: int
    label_offset: int
    label_bytes: int
    literals: tuple[tuple[int, bytes], ...]

    @property
    def error(self) -> str | None:
        """Why every record of this template is malformed; None if it is valid."""
        data = self.count if self.payload is Payload.BYTES else 0
        return datum_error(self.shape, data, self.count - data, encoded=self.encoded)

    def measure(self, values: BytesColumn) -> MeasuredRecords:
        """Find the records among ``values``, all of this length, that share the template's bytes.

        Values are measured unless they are an encoded image or the template is malformed, in which
        case only the tags of floats are checked.
        """
        is_measured = self.error is None and not self.encoded
        width = self.count if is_measured or self.payload is Payload.FLOATS else 0
        kind = KINDS[self.payload] if width else "B"
        count = len(values)
        places = [(offset, len(literal)) for offset, literal in self.literals]
        stats = RecordStats.empty(count, np.dtype("f" if kind == TAGGED else kind))
        labels, matches = np.empty(count, np.int64), np.empty(count, np.uint8)
        loops.measure_records(
            values.buffer,
            np.ascontiguousarray(values.offsets, np.int64),
            self.length,
            np.array(places, np.int64).reshape(-1, 2),
            np.frombuffer(b"".join(literal for _, literal in self.literals), np.uint8),
            self.label_offset,
            self.label_bytes,
            self.offset,
            kind,
            width,
            labels,
            matches,
            stats.low,
            stats.high,
            stats.totals,
            stats.squares,
            stats.sample_hash,
        )
        data = None
        if is_measured:
            shape = (count, *self.shape)
            data = BufferView(values.buffer, values.offsets + self.offset, kind, shape, stats)
        return MeasuredRecords(matches.view(np.bool_), labels, data)


class MeasuredRecords(Struct, frozen=True, eq=False):
    """What one pass finds in n records of one length.

    ``matches``: bool (n,), whether a record shares the template's bytes and has valid float tags.
    ``labels``: int64 (n,), the low 32 bits of the varint with sign, as in protobuf; 0 if there is
    none. ``data``: the payload, (n, channels, height, width); None if it is not measured. Labels
    and payload are undefined if a record does not match.
    """

    matches: NDArray[np.bool_]
    labels: NDArray[np.int64]
    data: BufferView | None

    def select_matching(self) -> MeasuredRecords:
        """The records that match."""
        if self.matches.all():
            return self
        data = None if self.data is None else self.data.select(self.matches)
        return MeasuredRecords(self.matches[self.matches], self.labels[self.matches], data)


class TemplateBuilder(Struct):
    """The fields of a message while they are parsed; ``numbers`` maps field numbers to values."""

    numbers: dict[int, int] = {}
    payload: Payload = Payload.NONE
    offset: int = 0
    count: int = 0
    label_offset: int = 0
    label_bytes: int = 0


class UnsupportedMessage(Exception):  # noqa: N818  (not an error: the exact path takes over)
    """The fast path does not support this message."""


def build_template(value: bytes) -> Template | None:
    """Build the template of a record; None if the fast path does not support it.

    Supported are messages as protobuf writes them: known fields with their own wire types, each
    at most once, and floats in one run.
    """
    builder = TemplateBuilder()
    offset = 0
    try:
        while offset < len(value):
            offset = read_field(value, offset, builder)
    except (UnsupportedMessage, IndexError):
        return None
    shape = tuple(signed32(builder.numbers.get(number, 0)) for number in (1, 2, 3))
    return Template(
        len(value),
        (shape[0], shape[1], shape[2]),
        bool(builder.numbers.get(7, 0)),
        builder.payload,
        builder.offset,
        builder.count,
        builder.label_offset,
        builder.label_bytes,
        find_literals(value, builder),
    )


def read_field(value: bytes, offset: int, builder: TemplateBuilder) -> int:
    """Add the field at ``offset`` to ``builder``; return the offset of the next field.

    Raises:
        UnsupportedMessage: if the fast path does not support the field.
        IndexError: if the message ends within the field.
    """
    tag = value[offset]
    number = tag >> 3
    if tag in (0x08, 0x10, 0x18, 0x28, 0x38) and number not in builder.numbers:
        builder.numbers[number], end = read_varint(value, offset + 1)
        if number == 5:
            builder.label_offset, builder.label_bytes = offset + 1, end - offset - 1
        return end
    if builder.payload is not Payload.NONE:
        raise UnsupportedMessage
    if tag in (0x22, 0x32):
        length, start = read_varint(value, offset + 1)
        if start + length > len(value) or (tag == 0x32 and length % 4) or not length:
            raise UnsupportedMessage
        builder.payload = Payload.BYTES if tag == 0x22 else Payload.PACKED
        builder.offset, builder.count = start, length if tag == 0x22 else length // 4
        return start + length
    if tag == FLOAT_TAG:
        builder.payload, builder.offset = Payload.FLOATS, offset
        builder.count = count_floats(value, offset)
        return offset + FLOAT_STRIDE * builder.count
    raise UnsupportedMessage


def count_floats(value: bytes, offset: int) -> int:
    """Count the consecutive unpacked floats that start at ``offset``."""
    max_count = (len(value) - offset) // FLOAT_STRIDE
    tags = np.frombuffer(value, np.uint8, max_count * FLOAT_STRIDE, offset)[::FLOAT_STRIDE]
    other_tags = np.flatnonzero(tags != FLOAT_TAG)
    count = int(other_tags[0]) if len(other_tags) else max_count
    if not count:
        raise UnsupportedMessage
    return count


def read_varint(value: bytes, offset: int) -> tuple[int, int]:
    """Read a varint of at most ten bytes; return it and the offset of its end."""
    total = 0
    for i in range(10):
        octet = value[offset + i]
        total |= (octet & 0x7F) << 7 * i
        if octet < 0x80:
            return total & 0xFFFFFFFFFFFFFFFF, offset + i + 1
    raise UnsupportedMessage


def signed32(number: int) -> int:
    """Interpret the low 32 bits as a signed integer."""
    low = number & 0xFFFFFFFF
    return low - (1 << 32) if low >> 31 else low


def find_literals(value: bytes, builder: TemplateBuilder) -> tuple[tuple[int, bytes], ...]:
    """The bytes outside of label and payload, as (offset, bytes)."""
    width = {Payload.BYTES: 1, Payload.PACKED: 4, Payload.FLOATS: FLOAT_STRIDE, Payload.NONE: 0}
    variable = sorted(
        (start, start + length)
        for start, length in (
            (builder.offset, builder.count * width[builder.payload]),
            (builder.label_offset, builder.label_bytes),
        )
        if length
    )
    literals, offset = [], 0
    for start, end in [*variable, (len(value), len(value))]:
        if start > offset:
            literals.append((offset, value[offset:start]))
        offset = end
    return tuple(literals)


if sys.byteorder != "little":  # pragma: no cover  (no such machine runs the tests)
    raise ImportError("datascan reads Datums on little-endian machines only")

Shape = tuple[int, int, int]


def datum_error(shape: Shape, data: int, floats: int, *, encoded: bool) -> str | None:
    """Why a Datum is malformed; None if it is valid.

    ``data``: the number of bytes in its field ``data``; ``floats``: of values in ``float_data``.
    """
    if data and floats:
        return f"has both data ({data:,} bytes) and float_data ({floats:,} values)"
    if not data and not floats:
        return "has neither data nor float_data"
    if encoded:
        return None if data else "is marked as encoded but has no data"
    channels, height, width = shape
    expected = channels * height * width
    content = f"{data:,} bytes of data" if data else f"{floats:,} values of float_data"
    if min(shape) < 0:
        return f"{content}, but shape {channels}x{height}x{width} has a negative size"
    if expected != data + floats:
        return f"{content}, but shape {channels}x{height}x{width} needs {expected:,}"
    return None
