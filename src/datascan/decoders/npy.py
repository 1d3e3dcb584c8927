"""Values that are NumPy ``.npy`` files."""

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
    """Numeric arrays. Arrays of objects are pickles and become faults; they are never loaded."""

    name: ClassVar[str] = "npy"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether ``value`` starts with the magic bytes of a ``.npy`` file."""
        return value.startswith(npy.MAGIC_PREFIX)

    def decode(
        self,
        start: int,
        values: BytesColumn,
        track: Tracker,  # noqa: ARG002  (no native decoder that could crash)
        *,
        decode_images: bool = True,  # noqa: ARG002  (there are no images)
    ) -> Block:
        """One column for each shape and dtype."""
        groups: dict[tuple[Any, ...], list[tuple[int, NDArray[Any]]]] = {}
        faults = []
        for row in range(len(values)):
            try:
                array = read_array(values.view(row))
            except ValueError as error:
                faults.append(Fault(row, "malformed-record", str(error)))
            else:
                groups.setdefault((array.shape, array.dtype.str), []).append((row, array))
        columns = tuple(
            ArrayColumn(
                "data",
                np.array([row for row, _ in group], np.int64),
                np.stack([array for _, array in group]),
            )
            for group in groups.values()
        )
        fingerprints = np.zeros(len(values), np.uint64)
        for column in columns:
            fingerprints[column.rows] = compute_fingerprints(column)
        return Block(
            start,
            len(values),
            int(values.lengths.sum()),
            arrays=columns,
            faults=tuple(faults),
            fingerprints=fingerprints,
            has_exact_fingerprints=False,
            digests=partial(compute_digests, columns, {}),
        )


def read_array(value: memoryview) -> NDArray[Any]:
    """Read the array of a ``.npy`` file (NEP 1) in native byte order.

    Complex arrays of shape (...) are returned as floats of shape (..., 2).

    Raises:
        ValueError: if the file is damaged or not numeric. The message is the fault's detail.
    """
    stream = io.BytesIO(value[: 1 << 16])
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:
        raise ValueError("not a .npy file: the header is damaged") from error
    if dtype.hasobject:
        raise ValueError("contains pickled Python objects, which are never unpickled")
    if dtype.kind not in "biufc":
        raise ValueError(f"contains {dtype}, not numbers")
    count = int(np.prod(shape, dtype=object))
    octets = value[stream.tell() :]
    if len(octets) != count * dtype.itemsize:
        expected = count * dtype.itemsize
        raise ValueError(
            f"{len(octets):,} bytes of data, but shape {shape} of {dtype} needs {expected:,}"
        )
    flat = np.frombuffer(octets, dtype).astype(dtype.newbyteorder("="), copy=False)
    array = flat.reshape(shape, order="F" if fortran else "C")
    if dtype.kind == "c":
        array = np.ascontiguousarray(array)
        array = array.view(array.real.dtype).reshape(*shape, 2)
    return array
