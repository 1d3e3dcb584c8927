"""Records of one template and numbers in keys: C and NumPy find the same, and what is there."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.native import fallback, record_loops
from tests.builders.leveldb_coding import varint

records = pytest.importorskip("datascan.native.records", reason="not compiled")

HEAD, TAIL = b"\x08\x01\x28", b"\x38\x00"


def measure(module, source, offsets, length, label_bytes, kind, width):
    """Records of ``HEAD``, a label, values and ``TAIL``; the columns, filled with sevens before."""
    dtype = np.dtype("f" if kind == fallback.TAGGED else kind)
    count = len(offsets)
    columns = [
        np.full(count, 7, kind) for kind in (np.int64, np.uint8, dtype, dtype, "d", "d", "Q")
    ]
    places = np.array([(0, len(HEAD)), (length - len(TAIL), len(TAIL))], np.int64)
    literals = np.frombuffer(HEAD + TAIL, np.uint8)
    template = (length, places, literals, len(HEAD), label_bytes, len(HEAD) + label_bytes)
    module.measure_records(source, np.array(offsets, np.int64), *template, kind, width, *columns)
    return columns


@st.composite
def groups(draw):
    """Records of one template at any address, some changed in one byte; the template."""
    kind = draw(st.sampled_from([*sorted(fallback.KINDS), fallback.TAGGED]))
    width = draw(st.one_of(st.integers(0, 40), st.sampled_from([1024, 3072])))
    count = draw(st.integers(0, 5))
    label_bytes = draw(st.integers(0, 10))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    dtype = np.dtype("f" if kind == fallback.TAGGED else kind)
    found = []
    for _ in range(count):
        label = (
            varint(int(random.integers(0, 128)) | 1 << 7 * (label_bytes - 1))
            if label_bytes
            else b""
        )
        if dtype.kind == "f":
            values = random.choice([1.5, -2, np.nan, np.inf, -0.0], width).astype(dtype)
        else:
            values = random.integers(0, 256, width, np.uint8).view(dtype)
        octets = values.view(np.uint8).reshape(width, dtype.itemsize)
        if kind == fallback.TAGGED:
            octets = np.concatenate(
                [np.full((width, 1), fallback.FLOAT_TAG, np.uint8), octets], axis=1
            )
        record = bytearray(HEAD + label + octets.tobytes() + TAIL)
        if random.random() < 0.3:
            record[random.integers(len(record))] ^= 0x80
        found.append(bytes(record))
    before = draw(st.integers(0, 9))
    source = np.frombuffer(bytes(before) + b"".join(found), np.uint8)
    stride = 5 if kind == fallback.TAGGED else dtype.itemsize
    length = len(HEAD) + label_bytes + width * stride + len(TAIL)
    offsets = before + length * np.arange(count)
    return source, random.permutation(offsets), length, label_bytes, kind, width


@given(groups())
def test_both_measure_the_same_records(case):
    for ours, theirs in zip(measure(records, *case), measure(record_loops, *case), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("module", [records, record_loops])
def test_what_is_measured(module):
    octets = [HEAD + b"\xac\x02" + bytes([5, 1, 9]) + TAIL, HEAD + b"\xff\x7f" + b"abc" + TAIL]
    octets += [b"?" + octets[0][1:], octets[0][:-1] + b"?", HEAD + b"\x2c\x02abc" + TAIL]
    source = np.frombuffer(b"".join(octets), np.uint8)
    columns = measure(module, source, np.arange(5) * 10, 10, 2, "B", 3)
    labels, matches, low, high, totals, squares, mixed = (column.tolist() for column in columns)
    assert labels == [300, 16383, 0, 0, 0]
    assert matches == [1, 1, 0, 0, 0]
    assert (low, high) == ([1, 97, 0, 0, 0], [9, 99, 0, 0, 0])
    assert (totals, squares) == ([15, 294, 0, 0, 0], [107, 28814, 0, 0, 0])
    assert mixed[0] not in (0, mixed[1])
    assert mixed[2:] == [0, 0, 0]


@pytest.mark.parametrize("module", [records, record_loops])
def test_labels_are_the_low_32_bits_with_their_sign(module):
    for number, label in (
        ((1 << 64) - 1, -1),
        ((1 << 63) + 5, 5),
        ((1 << 63) + (1 << 31), -(1 << 31)),
    ):
        source = np.frombuffer(HEAD + varint(number) + TAIL, np.uint8)
        assert measure(module, source, [0], 15, 10, "B", 0)[0].tolist() == [label]


@pytest.mark.parametrize("module", [records, record_loops])
@pytest.mark.parametrize(
    ("at", "value"),
    [
        (2, -1),
        (2, 7),
        (3, np.array([[0, 3], [7, 2]])),
        (3, np.array([[0, 3], [-1, 2]])),
        (3, np.array([[0, 3], [6, -1]])),
        (3, np.array([[0, 3], [1 << 62, 1 << 62]])),
        (3, np.array([[0, 2], [6, 2]])),
        (3, np.zeros((2, 1), np.int64)),
        (4, np.zeros(6, np.uint8)),
        (5, -1),
        (5, 8),
        (6, -1),
        (6, 11),
        (7, -1),
        (7, 7),
        (9, -1),
        (9, 5),
        (9, 1 << 62),
    ],
)
def test_a_template_that_does_not_fit(module, at, value):
    arguments = [
        *(np.zeros(20, np.uint8), np.zeros(1, np.int64), 8),
        *(np.array([[0, 3], [6, 2]]), np.zeros(5, np.uint8), 3, 1, 4, "B", 2),
        *(np.zeros(1, dtype) for dtype in (np.int64, "B", "B", "B", "d", "d", "Q")),
    ]
    module.measure_records(*arguments)
    arguments[at] = value
    with pytest.raises(ValueError, match=r"fit|outside"):
        module.measure_records(*arguments)


@pytest.mark.parametrize("module", [records, record_loops])
@pytest.mark.parametrize("offset", [-1, 13, 1 << 62, -(1 << 63)])
def test_a_record_outside_of_its_buffer(module, offset):
    with pytest.raises(ValueError, match="outside"):
        measure(module, np.zeros(20, np.uint8), [0, offset], 8, 1, "B", 2)


KEYS = st.lists(st.from_regex(r"(a|ab|x?)[0-9]{0,20}(_[0-9]|\.jpg)?", fullmatch=True), max_size=9)


@given(KEYS, st.sampled_from(["", "a", "ab"]))
def test_both_read_the_same_numbers(keys, prefix):
    lengths = np.array(list(map(len, keys)), np.int64)
    source = np.frombuffer("".join(keys).encode(), np.uint8)
    expected = []
    for key in keys:
        match = re.match(rf"{prefix}(\d{{1,18}})(?!\d)", key)
        expected.append(int(match[1]) if match else -1)
    for module in (records, record_loops):
        out = np.full(len(keys), 7)
        octets = np.frombuffer(prefix.encode(), np.uint8)
        module.key_numbers(source, np.cumsum(lengths) - lengths, lengths, octets, out)
        assert out.tolist() == expected


@pytest.mark.parametrize("module", [records, record_loops])
@pytest.mark.parametrize(
    ("at", "length"), [(-1, 2), (0, -1), (0, 9), (9, 0), (8, 1), (1 << 62, 1 << 62)]
)
def test_a_key_outside_of_its_buffer(module, at, length):
    columns = np.array([0, at]), np.array([8, length]), np.zeros(1, np.uint8), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="outside"):
        module.key_numbers(np.zeros(8, np.uint8), *columns)


@pytest.mark.parametrize("module", [records, record_loops])
def test_columns_of_keys_have_one_length(module):
    key = np.zeros(8, np.uint8)
    for offsets, lengths, out in ((1, 2, 2), (2, 1, 2), (2, 2, 1)):
        columns = [np.zeros(size, np.int64) for size in (offsets, lengths, out)]
        with pytest.raises(ValueError, match="length"):
            module.key_numbers(key, *columns[:2], key[:0], columns[2])
