"""Datums as protobuf reads them."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.decoders.datum.message import parse
from tests.builders.lmdb import datum


def test_every_field():
    parsed = parse(datum(np.arange(6, dtype=np.uint8).reshape(1, 2, 3), 7, flag=True))
    assert (parsed.shape, parsed.data, parsed.label) == ((1, 2, 3), bytes(range(6)), 7)
    assert parsed.encoded
    assert len(parsed.floats) == 0


def test_what_is_missing():
    parsed = parse(b"")
    assert (parsed.shape, parsed.data, parsed.label, parsed.encoded) == (
        (0, 0, 0),
        b"",
        None,
        False,
    )
    assert parse(b"\x28\x00").label == 0


def test_floats():
    parsed = parse(datum(np.array([[[1.5, -2]]], np.float32)))
    assert parsed.floats.dtype == np.float32
    assert parsed.floats.tolist() == [1.5, -2]


@pytest.mark.parametrize("value", [b"\x08", b"\x22\x05abc", b"\xff" * 12])
def test_damage(value):
    with pytest.raises(ValueError, match="not a Datum: the message is truncated or damaged"):
        parse(value)
