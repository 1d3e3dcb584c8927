"""Arrays in ``.npy`` files, healthy and not."""

from __future__ import annotations

import io
import re
import struct

import numpy as np
import pytest

from datascan.config.options import ReadOptions
from datascan.decoders.npy import NpyDecoder
from datascan.records.buffers import BytesColumn
from datascan.testing.reader_laws import untracked


def saved(array, version=(1, 0)) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version=version)
    return stream.getvalue()


def decode(*values: bytes):
    return NpyDecoder(ReadOptions()).decode(0, BytesColumn.of(values), untracked)


def with_header(text: str, data: bytes = b"") -> bytes:
    head = text.encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["?", "i1", "<i4", ">i4", "<f8", ">f2"])
def test_values_in_native_order(version, order, dtype):
    values = np.array([[0, 1, 0], [1, 1, 0]], dtype, order=order)
    (column,) = decode(saved(values, version)).arrays
    assert column.values.tolist() == [values.tolist()]
    assert column.dtype.isnative


def test_complex_values_are_pairs_of_floats():
    (column,) = decode(saved(np.asfortranarray([[1 + 2j, 3], [4, 5 - 6j]]))).arrays
    assert column.dtype == np.float64
    assert column.values.tolist() == [[[[1, 2], [3, 0]], [[4, 0], [5, -6]]]]


def test_one_column_for_each_shape_and_dtype():
    arrays = [np.ones(2), np.ones(3), np.zeros(2), np.ones(2, np.float32)]
    block = decode(*map(saved, arrays))
    assert [column.rows.tolist() for column in block.arrays] == [[0, 2], [1], [3]]
    assert block.nbytes == sum(len(saved(array)) for array in arrays)
    assert len(set(block.fingerprints.tolist())) == 4
    assert 0 not in block.fingerprints
    assert len(set(block.digests(np.arange(4)))) == 4


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b"\x93NUMPY", "the header is damaged"),
        (b"\x93NUMPY\x09\x09" + bytes(99), "the header is damaged"),
        (with_header("{'descr': '<f8', 'shape': (2,)}"), "the header is damaged"),
        (
            with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
            "pickled Python objects, which are never unpickled",
        ),
        (saved(np.array(["text"])), "contains <U4, not numbers"),
        (saved(np.ones(2))[:-1], r"15 bytes of data, but shape \(2,\) of float64 needs 16"),
        (saved(np.ones(2)) + b"!", r"17 bytes of data, but shape \(2,\) of float64 needs 16"),
    ],
)
def test_damage_is_a_fault(value, detail):
    block = decode(saved(np.ones(2)), value)
    (fault,) = block.faults
    assert (fault.row, fault.rule) == (1, "malformed-record")
    assert re.search(detail, fault.detail)
    assert block.unreadable.tolist() == [False, True]


@pytest.mark.parametrize("shape", ["(-1, -2)", "(4611686018427387905, 4)", "(1,) * 70"])
def test_impossible_shapes_are_faults(shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    block = decode(with_header(header, bytes(16)))
    assert [fault.rule for fault in block.faults] == ["malformed-record"]
