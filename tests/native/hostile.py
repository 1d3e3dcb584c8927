"""Calls of the exported functions with arguments that no caller of ours would pass.

A call starts with valid arguments; then one to three of them are replaced: by arrays of other
places, layouts, types and lengths, by numbers at the edges of their range, or by other objects.
Every array has guard bytes around it.
"""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import numpy as np

from datascan.native import fallback, leaf_pages, picture_loops, record_loops, table_blocks
from tests.native.calls import CALLS, EDGES, MARGIN, ODD_INTS, Call, Memory

OTHERS = [None, 1.5, float("nan"), "1", b"", b"12345678", [0], (), {}, object(), bytearray(40)]
KINDS = ["B", "b", "f", "d", "t", "i", "q", "x", "", "ff", "\0", "\u0166", "\U0001f600", 5, b"f"]
DTYPES = ["<i8", ">i8", "<u8", "<i4", "<f8", "<f4", ">f4", "u1", "i1", "?", "S1", "V8", "<M8[s]"]
REFERENCES = (fallback, leaf_pages, picture_loops, record_loops, table_blocks)


def hostile_call(name: str, seed: int) -> Call:
    """The call of that seed, always the same."""
    chance = random.Random(f"{name} {seed}")
    call = CALLS[name](chance)
    call.memory = Memory(chance.choice([0, MARGIN]))
    call.arguments = [
        call.memory.array(value) if isinstance(value, np.ndarray) else value
        for value in call.arguments
    ]
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        at = chance.randrange(len(call.arguments))
        call.arguments[at] = replaced(call, at, chance)
    return call


def other_object(chance: random.Random) -> Any:
    """An object of another type; one that a call may write to is its own."""
    value = chance.choice(OTHERS)
    return bytearray(value) if isinstance(value, bytearray) else value


def replaced(call: Call, at: int, chance: random.Random) -> Any:
    """A hostile value in place of argument ``at``."""
    value = call.arguments[at]
    if chance.random() < 0.08:
        return other_object(chance)
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OM" or not value.ndim or not value.flags.c_contiguous:
            return value  # hostile already
        return chance.choice(ARRAYS)(call, value, chance)
    if isinstance(value, str):
        return chance.choice(KINDS)
    if isinstance(value, bytes):
        cut = chance.randrange(len(value) + 1)
        return chance.choice([value[:cut], value + b"\xff" * 8, np.frombuffer(value, np.uint8)])
    return chance.choice(EDGES) if chance.random() < 0.8 else other_object(chance)


def elsewhere(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """The same, at an odd address."""
    return call.memory.array(array, chance.randrange(1, 8))


def read_only(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """The same, read-only."""
    view = array.view()
    view.flags.writeable = False
    return view


def with_gaps(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """As many items, every other one or the last first, or one item again and again."""
    wide = call.memory.array(np.repeat(array, 2, axis=0))
    same = np.lib.stride_tricks.as_strided(array, array.shape, (0,) * array.ndim)
    return chance.choice([wide[::2], array[::-1], same, np.asfortranarray(array)])


def of_other_type(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """The same bytes under another type, or items that are objects."""
    if chance.random() < 0.2:
        return array.astype(object)
    count = array.nbytes // np.dtype(chance.choice(DTYPES)).itemsize
    dtype = np.dtype(chance.choice(DTYPES))
    return call.memory.array(np.zeros(count, dtype))


def of_other_length(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """Fewer items, or more of them."""
    count = chance.choice([0, 1, max(0, len(array) - 1), len(array) + 1, 2 * len(array) + 3])
    return call.memory.array(np.resize(array, (count, *array.shape[1:])))


def of_other_shape(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """More or fewer dimensions."""
    flat = array.reshape(-1)
    one = np.zeros((), array.dtype)
    return chance.choice([flat, flat[:, None], flat[None], one, memoryview(flat)])


def shared(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """The memory of another argument, from some byte of it on, as far as it goes."""
    others = [other for other in call.arguments if isinstance(other, np.ndarray) and other.nbytes]
    other = chance.choice(others) if others else array
    if not other.flags.c_contiguous or other.dtype.hasobject:
        return other
    octets = np.atleast_1d(other).reshape(-1).view(np.uint8)
    octets = octets[chance.choice([0, 0, 1, 8, 16]) :]
    octets = octets[: len(octets) // array.dtype.itemsize * array.dtype.itemsize]
    flat = octets.view(array.dtype)
    fits = array.size and len(flat) >= array.size
    return flat[: array.size].reshape(array.shape) if fits else flat


def with_odd_values(call: Call, array: np.ndarray[Any, Any], chance: random.Random) -> Any:
    """Some items at the edges of their range."""
    odd = array.copy()
    if array.dtype == np.int64 and array.size:
        for _ in range(chance.randrange(1, 4)):
            odd.flat[chance.randrange(odd.size)] = chance.choice([*ODD_INTS, chance.randrange(99)])
    elif array.size:
        octets = odd.reshape(-1).view(np.uint8)
        for _ in range(chance.randrange(1, 9)):
            octets[chance.randrange(len(octets))] = chance.choice([0, 1, 0x7F, 0x80, 0xF0, 0xFF])
    return call.memory.array(odd)


ARRAYS = [
    elsewhere,
    read_only,
    with_gaps,
    of_other_type,
    of_other_length,
    of_other_shape,
    shared,
    shared,
    with_odd_values,
    with_odd_values,
]


def outcome(module: ModuleType, call: Call) -> Any:
    """What the function returns and has written; None if it refuses the call.

    Any other error than ValueError and TypeError is raised.
    """
    try:
        with np.errstate(all="ignore"):
            returned = getattr(module, call.name)(*call.arguments)
    except (ValueError, TypeError):
        returned = Refused
    assert call.memory.is_intact(), f"{call.name} wrote outside of its buffers"
    if returned is Refused:
        return None
    written = [np.asarray(call.arguments[at]) for at in call.outputs]
    return returned, [array.copy() for array in written]


def as_array(value: Any) -> Any:
    """Any buffer as an array, as the reference expects it."""
    if isinstance(value, bytes | bytearray):
        return np.frombuffer(value, np.uint8)
    return np.asarray(value) if isinstance(value, memoryview) else value


class Refused:
    """A call that was refused."""


def reference_of(name: str) -> ModuleType:
    """The module that does the same in Python."""
    return next(module for module in REFERENCES if hasattr(module, name))


def is_refused_or_right(module: ModuleType, name: str, seed: int) -> bool:
    """Make a call; whether it was refused. What it returns must be what the reference returns."""
    ours = outcome(module, hostile_call(name, seed))
    if ours is None:
        return True
    call = hostile_call(name, seed)
    call.arguments = [as_array(value) for value in call.arguments]
    theirs = outcome(reference_of(name), call)
    assert theirs is not None, f"{name}, seed {seed}: only the reference refuses {call.arguments}"
    assert ours[0] == theirs[0], f"{name}, seed {seed}: {ours[0]!r} is not {theirs[0]!r}"
    for left, right in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_array_equal(left, right, f"{name}, seed {seed}")
    return False
