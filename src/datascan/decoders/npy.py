"""NumPy ``.npy`` files as values."""

from __future__ import annotations

import io
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from datascan.decoders.base import Decoder, Tracker
from datascan.records.block import ArrayColumn, Block, Fault, compute_digests, compute_fingerprints
from datascan.records.buffers import BytesColumn


class NpyDecoder(Decoder):
    """Arrays of numbers; arrays of objects are pickles, and stay unread."""

    name: ClassVar[str] = "npy"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the bytes begin as a ``.npy`` file."""
        return value.startswith(npy.MAGIC_PREFIX)

    def decode(
        self,
        start: int,
        values: BytesColumn,
        track: Tracker,  # noqa: ARG002
        *,
        decode_images: bool = True,  # noqa: ARG002
    ) -> Block:
        """Arrays of one shape and dtype side by side."""
        alike: dict[tuple[Any, ...], list[tuple[int, NDArray[Any]]]] = {}
        faults = []
        for row in range(len(values)):
            try:
                array = read_array(values.view(row))
            except ValueError as error:
                faults.append(Fault(row, "malformed-record", str(error)))
            else:
                alike.setdefault((array.shape, array.dtype.str), []).append((row, array))
        parts = tuple(
            ArrayColumn(
                "data", np.array([row for row, _ in same], np.int64), np.stack([a for _, a in same])
            )
            for same in alike.values()
        )
        signatures = np.zeros(len(values), np.uint64)
        for part in parts:
            signatures[part.rows] = compute_fingerprints(part)
        return Block(
            start,
            len(values),
            int(values.lengths.sum()),
            arrays=parts,
            faults=tuple(faults),
            fingerprints=signatures,
            has_exact_fingerprints=False,
            digests=partial(compute_digests, parts, {}),
        )


def read_array(value: memoryview) -> NDArray[Any]:
    """The array of a ``.npy`` file, in native byte order; complex numbers as pairs of floats.

    Raises:
        ValueError: where it is damaged, or holds anything but numbers; says why in a few words.
    """
    stream = io.BytesIO(value[: 1 << 16])
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:
        raise ValueError("not a .npy file: its header is damaged") from error
    if dtype.hasobject:
        raise ValueError("holds pickled Python objects, which are never unpickled")
    if dtype.kind not in "biufc":
        raise ValueError(f"holds {dtype}, not numbers")
    count = int(np.prod(shape, dtype=object))
    octets = value[stream.tell() :]
    if len(octets) != count * dtype.itemsize:
        wanted = count * dtype.itemsize
        raise ValueError(f"{len(octets):,} bytes of data for {shape} of {dtype} = {wanted:,}")
    flat = np.frombuffer(octets, dtype).astype(dtype.newbyteorder("="), copy=False)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "c":
        array = np.ascontiguousarray(array)
        array = array.view(array.real.dtype).reshape(*shape, 2)
    return array
