"""Forms of types: what goes in comes out, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from datascan.metrics.base import Concatenated, Highest, TallyMap
from datascan.scanner.forms import (
    MAX_DIMENSIONS,
    MAX_LENGTH,
    DamagedError,
    StoredArray,
    UnstorableError,
    decode_array,
    make_form,
)
from datascan.scanner.stored_results import ResultForms
from datascan.scanner.tasks import PartialResult


def through(kind: Any, value: Any) -> Any:
    """A value that was stored and read again."""
    form = make_form(kind)
    octets = msgspec.msgpack.encode(form.encode(value))
    return form.decode(msgspec.msgpack.decode(octets, type=form.wire))


NUMBERS = [0, -1, 1 << 63, (1 << 64) - 1, -(1 << 63), 1 << 64, -(1 << 63) - 1, 1 << 4000]


@pytest.mark.parametrize("number", [*NUMBERS, 255 << 64, -(255 << 64), -(1 << 127), 1 << 127])
def test_integers_of_any_size(number):
    assert through(int, number) == number


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (bool, True),
        (float, float("-inf")),
        (bytes, b"\xff"),
        (str, "größe \udcff"),
        (int | None, None),
        (int | None, 5),
        (tuple[int, ...], (1, 2, 3)),
        (tuple[int, ...], ()),
        (tuple[int, str], (1, "a")),
        (Highest, Highest(1.5)),
        (TallyMap[str, Highest], TallyMap({"b": Highest(1.0), "a": Highest(2.0)})),
    ],
)
def test_values_of_known_types(kind, value):
    found = through(kind, value)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, TallyMap):
        assert list(found.entries) == list(value.entries)


DTYPES = ["?", "i1", "u2", "<i4", ">i4", "u8", "f2", "<f8", ">f8", "c8", "c16"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), ()])
def test_arrays(dtype, shape):
    array = np.ones(shape, dtype)
    found = through(np.ndarray, array)
    assert found.tolist() == array.tolist()
    assert (found.dtype, found.shape) == (array.dtype, shape)
    assert found.flags.writeable


def test_arrays_of_texts():
    array = np.array(["", "ä", "\udcff", "abc"], object)
    assert through(np.ndarray, array).tolist() == array.tolist()


def test_chunks_become_one():
    found = through(Concatenated, Concatenated((np.arange(2), np.arange(3))))
    assert found.array.tolist() == [0, 1, 0, 1, 2]
    assert len(found.chunks) == 1


@dataclass
class Derived:
    number: int
    double: int = field(init=False, default=0)


@pytest.mark.parametrize(
    "kind",
    [object, Any, list[int], dict[str, int], int | str, int | str | None, TallyMap, Derived, tuple],
)
def test_types_that_have_no_form(kind):
    with pytest.raises(UnstorableError, match="cannot be stored"):
        make_form(kind)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, np.int64(3)),
        (float, 3),
        (str, b"a"),
        (tuple[int, ...], [1]),
        (tuple[int, str], (1,)),
        (tuple[int, str], (1, "a", 2)),
        (Highest, 3.0),
        (TallyMap[str, Highest], {"a": Highest(1.0)}),
        (np.ndarray, [1]),
        (np.ndarray, np.array([["a"]], object)),
        (np.ndarray, np.array([1], object)),
        (np.ndarray, np.array(["a"])),
        (np.ndarray, np.zeros(1, "M8[s]")),
        (np.ndarray, np.zeros(1, [("a", "i4")])),
        (Concatenated, np.zeros(1)),
    ],
)
def test_values_of_another_type(kind, value):
    with pytest.raises(UnstorableError):
        make_form(kind).encode(value)


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (("<i4", (2,), bytes(7)), "as many bytes as its shape needs"),
        (("<i4", (2,), bytes(9)), "as many bytes as its shape needs"),
        (("<i4", (-2, -1), bytes(8)), "an impossible shape"),
        (("<i4", (MAX_LENGTH, 0), b""), "an impossible shape"),
        (("<i4", (1,) * (MAX_DIMENSIONS + 1), bytes(4)), "an impossible shape"),
        (("O", (1,), bytes(8)), "an unknown dtype"),
        (("|V8", (1,), bytes(8)), "an unknown dtype"),
        (("<i4", (1,), bytes(4), (4,)), "an unknown dtype"),
        (("|b1", (2,), b"\0\2"), "an array of truth values has others"),
        (("text", (2,), b"ab", (2,)), "an array of texts has an impossible shape"),
        (("text", (1, 1), b"a", (1,)), "an array of texts has an impossible shape"),
        (("text", (2,), b"a", (2, -1)), "an array of texts has an impossible shape"),
        (("text", (2,), b"ab", (1, 2)), "as many bytes as its texts need"),
        (("text", (1,), b"ab", (1,)), "as many bytes as its texts need"),
    ],
)
def test_arrays_that_contradict_themselves(stored, why):
    with pytest.raises(DamagedError, match=why):
        decode_array(StoredArray(*stored))


def test_the_largest_shapes():
    assert decode_array(StoredArray("|u1", (1,) * MAX_DIMENSIONS, b"a")).ndim == MAX_DIMENSIONS
    assert decode_array(StoredArray("<i4", (MAX_LENGTH - 1, 0), b"")).size == 0
    assert decode_array(StoredArray("|b1", (3,), b"\0\1\0")).tolist() == [False, True, False]


def test_chunks_have_an_axis():
    with pytest.raises(DamagedError, match="no axes"):
        make_form(Concatenated).decode(StoredArray("<i4", (), bytes(4)))


def part(shards=(0,), records=(5,), nbytes=7, dtype=np.int64) -> PartialResult:
    arrays = (Concatenated((np.array(given, dtype),)) for given in (shards, records))
    return PartialResult(*arrays, nbytes, TallyMap({}))


@pytest.mark.parametrize(
    ("piece", "why"),
    [
        (part(dtype=np.int32), "a part has no number"),
        (part(shards=[[0]], records=[[5]]), "a part has no number"),
        (part(shards=(1,)), "a part is of another shard"),
        (part(shards=(0, 1), records=(5, 5)), "a part is of another shard"),
        (part(shards=(0, 0)), "the parts do not match"),
        (part(shards=(), records=()), "the parts do not match"),
        (part(records=(-1,)), "a number of records is impossible"),
        (part(records=(1 << 32,)), "a number of records is impossible"),
        (part(nbytes=-1), "a number of bytes is impossible"),
    ],
)
def test_parts_of_a_shard(piece, why):
    forms = ResultForms({}, 3)
    with pytest.raises(DamagedError, match=why):
        forms.decode(forms.encode(0, [piece]))


@pytest.mark.parametrize("shard", [0, 2])
def test_parts_that_are_possible(shard):
    forms = ResultForms({}, 3)
    pieces = [part((shard,) * 2, (0, (1 << 32) - 1)), part((shard,), nbytes=0)]
    number, found = forms.decode(forms.encode(shard, pieces[1:]))
    assert (number, found[0].records.array.tolist(), found[0].nbytes) == (shard, [5], 0)
    _, (largest,) = forms.decode(forms.encode(shard, pieces[:1]))
    assert largest.records.array.tolist() == [0, (1 << 32) - 1]


@pytest.mark.parametrize("shard", [-1, 3])
def test_shards_that_do_not_exist(shard):
    forms = ResultForms({}, 3)
    with pytest.raises(DamagedError, match="a shard does not exist"):
        forms.decode(forms.encode(shard, [part((shard,))]))
