"""A datascan decoder for float vectors: ``FVEC``, a length as uint32, float32 numbers."""

from __future__ import annotations

import struct
from functools import partial
from typing import ClassVar

import numpy as np

from datascan.decoders.base import Decoder, Tracker
from datascan.records.block import ArrayColumn, Block, Fault, compute_digests, compute_fingerprints
from datascan.records.buffers import BytesColumn

MAGIC = b"FVEC"
HEADER = struct.Struct("<4sI")


class FloatVectorDecoder(Decoder):
    """Vectors of float32 numbers; those of one length become one column."""

    name: ClassVar[str] = "float-vector"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the value starts with the magic bytes."""
        return value.startswith(MAGIC)

    def decode(
        self,
        start: int,
        values: BytesColumn,
        track: Tracker,  # noqa: ARG002  (no native code that could crash)
        *,
        decode_images: bool = True,  # noqa: ARG002  (there are no images)
    ) -> Block:
        """Vectors as columns, damaged values as faults."""
        rows: dict[int, list[int]] = {}
        faults = []
        for row in range(len(values)):
            error, length = parse(values[row])
            if error:
                faults.append(Fault(row, "malformed-record", error))
            else:
                rows.setdefault(length, []).append(row)
        columns = tuple(
            ArrayColumn(
                "data",
                np.array(same, np.int64),
                np.stack([np.frombuffer(values[row], "<f4", length, HEADER.size) for row in same]),
            )
            for length, same in rows.items()
        )
        fingerprints = np.zeros(len(values), np.uint64)
        for column in columns:
            fingerprints[column.rows] = compute_fingerprints(column)
        return Block(
            start=start,
            records=len(values),
            nbytes=int(values.lengths.sum()),
            arrays=columns,
            faults=tuple(faults),
            fingerprints=fingerprints,
            has_exact_fingerprints=False,
            digests=partial(compute_digests, columns, {}),
        )


def parse(value: bytes) -> tuple[str, int]:
    """What is wrong with a value, or "", and how many numbers it has."""
    if len(value) < HEADER.size or not value.startswith(MAGIC):
        return "not a float vector: its header is damaged", 0
    _, length = HEADER.unpack_from(value)
    expected = HEADER.size + 4 * length
    if not length or len(value) != expected:
        return f"{len(value):,} bytes, not the {expected:,} of a vector of {length:,} numbers", 0
    return "", length
