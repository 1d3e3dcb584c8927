"""The fast Datum path against protobuf: what it accepts means what protobuf says it means."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.config.options import ReadOptions
from datascan.decoders.datum.decoder import DatumDecoder
from datascan.decoders.datum.message import parse
from datascan.decoders.datum.template import build_template, signed32
from datascan.records.buffers import BytesColumn
from datascan.testing.reader_laws import untracked


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def key(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


LABELS = st.sampled_from([0, 1, 9, 127, 128, 300, 70_000, -1, -128, 2**31 - 1, -(2**31), 2**40])
FLOATS = st.lists(st.floats(width=32), min_size=1, max_size=6)


def field(number: int) -> st.SearchStrategy[bytes]:
    scalar = st.integers(-3, 5) if number in (1, 2, 3) else LABELS
    return scalar.map(lambda n: key(number, 0) + varint(n))


def float_field(values: list[float]) -> bytes:
    return b"".join(key(6, 5) + struct.pack("<f", value) for value in values)


def packed_field(values: list[float]) -> bytes:
    return key(6, 2) + varint(4 * len(values)) + struct.pack(f"<{len(values)}f", *values)


FIELDS = st.one_of(
    *(field(number) for number in (1, 2, 3, 5, 7)),
    st.binary(max_size=20).map(lambda data: key(4, 2) + varint(len(data)) + data),
    FLOATS.map(float_field),
    FLOATS.map(packed_field),
    st.binary(max_size=9).map(lambda data: key(8, 2) + varint(len(data)) + data),
    st.integers(0, 2**32 - 1).map(lambda n: key(9, 5) + struct.pack("<I", n)),
    st.integers(0, 2**64 - 1).map(lambda n: key(5, 1) + struct.pack("<Q", n)),
    st.integers(0, 2**64 - 1).map(lambda n: key(1000, 0) + varint(n)),
)

MESSAGES = st.lists(FIELDS, max_size=8).map(b"".join)
CUT = st.tuples(MESSAGES, st.integers(0, 60)).map(lambda pair: pair[0][: pair[1]])
ANY = MESSAGES | CUT | st.binary(max_size=40)


def same(values: np.ndarray, data: bytes, floats: np.ndarray) -> bool:
    expected = np.frombuffer(data, np.uint8) if values.dtype == np.uint8 else floats
    return values.tobytes() == expected.tobytes()


@settings(max_examples=600, deadline=None)
@given(ANY)
def test_a_template_means_what_protobuf_says(value):
    template = build_template(value)
    if template is None:
        return
    exact = parse(value)
    values = BytesColumn.of([value, value])
    found = template.measure(values)
    assert found.matches.all()
    assert template.shape == exact.shape
    assert template.encoded == exact.encoded
    assert (template.label_bytes > 0) == (exact.label is not None)
    if exact.label is not None:
        assert found.labels.tolist() == [exact.label] * 2
    assert template.count == len(exact.data) + len(exact.floats)
    assert (found.data is not None) == (template.error is None and not template.encoded)
    if found.data is not None:
        assert found.data.shape == (2, *exact.shape)
        assert same(found.data.take(np.array([1])).ravel(), exact.data, exact.floats)


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY, min_size=1, max_size=4), st.data())
def test_a_block_reads_every_record_as_protobuf_does(messages, data):
    """Records repeated and varied, so that templates meet records that look alike but are not."""
    records = []
    for message in messages:
        records += [message] * data.draw(st.integers(1, 8))
        at = data.draw(st.integers(0, max(0, len(message) - 1)))
        records.append(message[:at] + bytes([data.draw(st.integers(0, 255))]) + message[at + 1 :])
    records = [record for record in records if record]
    if not records:
        return
    block = DatumDecoder(ReadOptions()).decode(0, BytesColumn.of(records), untracked)
    malformed = {fault.row for fault in block.faults if fault.rule == "malformed-record"}
    values = {int(row): part.values[i] for part in block.arrays for i, row in enumerate(part.rows)}
    for row, record in enumerate(records):
        check_record(row, record, block, malformed, values)


def check_record(row, record, block, malformed, values):
    try:
        exact = parse(record)
    except ValueError:
        assert row in malformed
        assert not block.labels.present[row]
        return
    assert block.labels.present[row] == (exact.label is not None)
    if exact.label is not None:
        assert block.labels.values[row] == exact.label
    if row in values:
        assert row not in malformed
        assert values[row].shape == exact.shape
        assert same(values[row], exact.data, exact.floats)
        assert bool(exact.data) != bool(len(exact.floats))
    elif not exact.encoded:
        assert row in malformed


def test_templates_take_what_caffe_writes():
    shape = key(1, 0) + varint(3) + key(2, 0) + varint(1) + key(3, 0) + varint(2)
    data = key(4, 2) + varint(6) + b"abcdef"
    floats = float_field([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    for message in (
        shape + data + key(5, 0) + varint(7) + key(7, 0) + varint(0),
        shape + data,
        shape + key(5, 0) + varint(-1) + floats,
        key(4, 2) + varint(6) + b"abcdef" + key(5, 0) + varint(4) + key(7, 0) + varint(1),
        shape + packed_field([1.0] * 6),
    ):
        assert build_template(message) is not None


@pytest.mark.parametrize(
    ("label", "matches"),
    [
        (b"\x80\x01", True),
        (b"\xff\x7f", True),
        (b"\x81\x00", True),
        (b"\x7f\x01", False),
        (b"\x80\x80", False),
        (b"\x00\x00", False),
    ],
)
def test_labels_of_one_length(label, matches):
    """Two bytes, of which only the first says that another one follows."""
    head = key(1, 0) + varint(1) + key(2, 0) + varint(1) + key(3, 0) + varint(1) + key(5, 0)
    tail = key(4, 2) + varint(1) + b"a"
    template = build_template(head + varint(300) + tail)
    values = BytesColumn.of([head + label + tail])
    found = template.measure(values)
    assert found.matches.tolist() == [matches]
    if matches:
        assert found.labels.tolist() == [(label[0] & 0x7F) | label[1] << 7]


@pytest.mark.parametrize(
    ("number", "signed"),
    [
        (0, 0),
        (1 << 30, 1 << 30),
        ((1 << 31) - 1, (1 << 31) - 1),
        (1 << 31, -(1 << 31)),
        ((1 << 64) - 1, -1),
        ((1 << 32) + 5, 5),
    ],
)
def test_signs(number, signed):
    assert signed32(number) == signed
