"""How values of known types are stored: as MessagePack that cannot name a type or a function.

The form of a value follows from its type alone, as the metric declares it. What is stored has no
names: numbers, texts as bytes, and arrays as dtype, shape and bytes. Reading it compares each part
with the expected type, and creates nothing but values of the types that the metric declares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from math import prod
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import Concatenated, TallyMap

TEXTS = "text"
"""The dtype of stored arrays of objects; the objects are texts."""

KINDS = "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"
NATIVE = np.dtype(np.longdouble), np.dtype(np.clongdouble)
DTYPES = {
    dtype.str: dtype
    for dtype in (*(np.dtype(order + kind) for kind in KINDS for order in "<>"), *NATIVE)
}
"""The dtypes of all arrays that can be stored, by name. Objects have no entry."""

MAX_DIMENSIONS = 32
MAX_LENGTH = 1 << 48


class UnstorableError(TypeError):
    """A type or a value that cannot be stored."""


class DamagedError(ValueError):
    """Stored data that is not a value of the expected type."""


class StoredArray(msgspec.Struct, array_like=True, frozen=True):
    """An array: the name of its dtype, its shape, and its values in C order.

    For texts, ``octets`` is their UTF-8 and ``lengths`` is the length of each, in bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    octets: bytes
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Form:
    """How values of one type are stored.

    ``wire`` is the type that msgspec expects; ``encode`` turns a value into a value of that type,
    and ``decode`` turns it back.
    """

    wire: Any
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def make_form(kind: Any) -> Form:
    """The form of values of type ``kind``.

    Raises:
        UnstorableError: if such values cannot be stored.
    """
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in SCALARS:
        return SCALARS[origin]
    if origin in (Union, UnionType):
        return make_optional(arguments)
    if origin is tuple and arguments:
        return make_tuple(arguments)
    if origin is TallyMap and len(arguments) == 2:
        return make_tally_map(*map(make_form, arguments))
    if isinstance(origin, type) and is_dataclass(origin) and not arguments and origin != TallyMap:
        return make_record(origin)
    raise UnstorableError(f"values of type {getattr(kind, '__name__', kind)} cannot be stored")


def make_record(kind: type[Any]) -> Form:
    """The form of a dataclass: its fields in order."""
    hints = get_type_hints(kind)
    if not all(field.init for field in fields(kind)):
        raise UnstorableError(f"values of type {kind.__name__} cannot be stored")
    names = [field.name for field in fields(kind)]
    forms = [make_form(hints[name]) for name in names]

    def encode(value: Any) -> tuple[Any, ...]:
        require(value, kind)
        return tuple(f.encode(getattr(value, name)) for f, name in zip(forms, names, strict=True))

    def decode(stored: Sequence[Any]) -> Any:
        values = (form.decode(part) for form, part in zip(forms, stored, strict=True))
        return kind(**dict(zip(names, values, strict=True)))

    return Form(tuple[tuple(form.wire for form in forms)], encode, decode)  # type: ignore[misc]  # types made at run time


def make_optional(arguments: Sequence[Any]) -> Form:
    """The form of values that may be None."""
    kinds = [kind for kind in arguments if kind is not NoneType]
    if len(kinds) != 1 or len(arguments) != 2:
        raise UnstorableError("values of one of several types cannot be stored")
    form = make_form(kinds[0])
    return Form(
        form.wire | None,
        lambda value: None if value is None else form.encode(value),
        lambda stored: None if stored is None else form.decode(stored),
    )


def make_tuple(arguments: Sequence[Any]) -> Form:
    """The form of tuples, either of one type and any length, or of the given types."""
    if arguments[-1] is Ellipsis:
        each = make_form(arguments[0])
        return Form(
            tuple[each.wire, ...],  # type: ignore[name-defined]  # types made at run time
            lambda value: tuple(map(each.encode, require(value, tuple))),
            lambda stored: tuple(map(each.decode, stored)),
        )
    forms = [make_form(kind) for kind in arguments]

    def encode(value: Any) -> tuple[Any, ...]:
        if len(require(value, tuple)) != len(forms):
            raise UnstorableError("a tuple is not of the length that its type has")
        return tuple(form.encode(part) for form, part in zip(forms, value, strict=True))

    return Form(
        tuple[tuple(form.wire for form in forms)],  # type: ignore[misc]  # types made at run time
        encode,
        lambda stored: tuple(f.decode(part) for f, part in zip(forms, stored, strict=True)),
    )


def make_tally_map(key: Form, tally: Form) -> Form:
    """The form of tallies by name: pairs in order."""

    def encode(value: Any) -> list[Any]:
        entries = require(value, TallyMap).entries
        return [(key.encode(name), tally.encode(entry)) for name, entry in entries.items()]

    def decode(stored: Sequence[Any]) -> TallyMap[Any, Any]:
        return TallyMap({key.decode(name): tally.decode(entry) for name, entry in stored})

    return Form(list[tuple[key.wire, tally.wire]], encode, decode)  # type: ignore[name-defined]  # types made at run time


def require(value: Any, kind: type[Any]) -> Any:
    """``value``, which must be of exactly this type, or it would be read back as another one.

    Raises:
        UnstorableError: if it is not.
    """
    if type(value) is not kind:
        raise UnstorableError(f"a value is {type(value).__name__}, not {kind.__name__}")
    return value


def encode_int(value: Any) -> int | bytes:
    """An integer; those of more than 64 bits as little-endian bytes."""
    number: int = require(value, int)
    if -(1 << 63) <= number < 1 << 64:
        return number
    return number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)


def decode_int(stored: int | bytes) -> int:
    """The reverse of :func:`encode_int`."""
    return stored if isinstance(stored, int) else int.from_bytes(stored, "little", signed=True)


def encode_text(value: Any) -> bytes:
    """A text, which may have lone surrogates: those of file names that are not UTF-8."""
    text: str = require(value, str)
    return text.encode("utf-8", "surrogatepass")


def decode_text(stored: bytes) -> str:
    """The reverse of :func:`encode_text`."""
    return stored.decode("utf-8", "surrogatepass")


def encode_array(value: Any) -> StoredArray:
    """An array of numbers or texts."""
    array: NDArray[Any] = require(value, np.ndarray)
    if array.dtype == object:
        if array.ndim != 1:
            raise UnstorableError(f"an array of objects has {array.ndim} axes")
        texts = [encode_text(text) for text in array.tolist()]
        return StoredArray(TEXTS, array.shape, b"".join(texts), tuple(map(len, texts)))
    if array.dtype.str not in DTYPES or array.dtype != DTYPES[array.dtype.str]:
        raise UnstorableError(f"arrays of dtype {array.dtype} cannot be stored")
    return StoredArray(array.dtype.str, array.shape, array.tobytes())


def decode_array(stored: StoredArray) -> NDArray[Any]:
    """The reverse of :func:`encode_array`. Its size is compared with the bytes before use."""
    shape, octets = stored.shape, stored.octets
    if len(shape) > MAX_DIMENSIONS or not all(0 <= length < MAX_LENGTH for length in shape):
        raise DamagedError("an array has an impossible shape")
    if stored.dtype == TEXTS:
        return decode_texts(stored)
    dtype = DTYPES.get(stored.dtype)
    if dtype is None or stored.lengths:
        raise DamagedError("an array has an unknown dtype")
    if prod(shape) * dtype.itemsize != len(octets):
        raise DamagedError("an array does not have as many bytes as its shape needs")
    if dtype.kind == "b" and octets.strip(b"\0\1"):
        raise DamagedError("an array of truth values has others")
    return np.frombuffer(octets, dtype).reshape(shape).copy()


def decode_texts(stored: StoredArray) -> NDArray[Any]:
    """An array of texts, (n,)."""
    lengths = stored.lengths
    if stored.shape != (len(lengths),) or any(length < 0 for length in lengths):
        raise DamagedError("an array of texts has an impossible shape")
    if sum(lengths) != len(stored.octets):
        raise DamagedError("an array does not have as many bytes as its texts need")
    texts = np.empty(len(lengths), object)
    start = 0
    for row, length in enumerate(lengths):
        texts[row] = decode_text(stored.octets[start : start + length])
        start += length
    return texts


def encode_concatenated(value: Any) -> StoredArray:
    """Chunks, as the array that they are together."""
    return encode_array(np.ascontiguousarray(require(value, Concatenated).array))


def decode_concatenated(stored: StoredArray) -> Concatenated:
    """One chunk."""
    if not stored.shape:
        raise DamagedError("an array has no axes")
    return Concatenated((decode_array(stored),))


def make_scalar(kind: type[Any]) -> Form:
    """The form of a type that MessagePack has."""
    return Form(kind, lambda value: require(value, kind), lambda stored: stored)


ARRAY = Form(StoredArray, encode_array, decode_array)
SCALARS: dict[Any, Form] = {
    bool: make_scalar(bool),
    float: make_scalar(float),
    bytes: make_scalar(bytes),
    int: Form(int | bytes, encode_int, decode_int),
    str: Form(bytes, encode_text, decode_text),
    np.ndarray: ARRAY,
    Concatenated: Form(StoredArray, encode_concatenated, decode_concatenated),
}
