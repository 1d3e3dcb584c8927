"""What turns record bytes into columns of a block, and the byte columns it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.block import Block, Fault, Labels
from datascan.model import Options
from datascan.native import loops
from datascan.native.plain import FLOAT_STRIDE, TAGGED, untagged
from datascan.survey import Survey, survey_at


@dataclass(frozen=True, eq=False)
class Bytes:
    """``n`` byte strings that lie in one buffer: uint8, and int64 (n,) offsets and lengths."""

    buffer: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> Bytes:
        """Lay ``strings`` end to end."""
        lengths = np.fromiter(map(len, strings), np.int64, len(strings))
        buffer = np.frombuffer(b"".join(strings), np.uint8)
        return cls(buffer, np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, row: int) -> bytes:
        """One string, copied."""
        return bytes(self.view(row))

    def view(self, row: int) -> memoryview:
        """One string, as it lies in the buffer."""
        start = int(self.offsets[row])
        return self.buffer.data[start : start + int(self.lengths[row])]

    def take(self, rows: Any) -> Bytes:
        """The strings of ``rows``: an index array, a mask or a slice."""
        return Bytes(self.buffer, self.offsets[rows], self.lengths[rows])

    def matrix(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The strings of ``rows``, all of one length k, side by side: a new array (m, k)."""
        width = int(self.lengths[rows[0]]) if len(rows) else 0
        out = np.empty((len(rows), width), np.uint8)
        if width:
            offsets = np.ascontiguousarray(self.offsets[rows], np.int64)
            loops.gather(self.buffer, offsets, width, out)
        return out


@dataclass(frozen=True, eq=False)
class InPlace:
    """Values of records that stand in a buffer of bytes: :class:`datascan.block.Rows`.

    ``kind`` and ``offsets`` as in :func:`datascan.survey.survey_at`; ``shape`` begins with the
    number of records; ``figures`` are those of all of them.
    """

    buffer: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    kind: str
    shape: tuple[int, ...]
    figures: Survey

    @classmethod
    def of(
        cls, strings: Bytes, offset: int, kind: str, shape: tuple[int, ...]
    ) -> tuple[InPlace, NDArray[np.bool_]]:
        """Values from ``offset`` on in each of the strings, and which have all their tags."""
        offsets = strings.offsets + offset
        figures, sound = survey_at(strings.buffer, offsets, kind, prod(shape))
        return cls(strings.buffer, offsets, kind, (len(offsets), *shape), figures), sound

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the values."""
        return np.dtype("f" if self.kind == TAGGED else self.kind)

    def only(self, rows: NDArray[np.bool_]) -> InPlace:
        """The records where ``rows`` is True."""
        shape = (int(rows.sum()), *self.shape[1:])
        return InPlace(self.buffer, self.offsets[rows], self.kind, shape, self.figures.take(rows))

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The values of some records side by side, (m, size)."""
        width = prod(self.shape[1:]) * (
            FLOAT_STRIDE if self.kind == TAGGED else self.dtype.itemsize
        )
        offsets = self.offsets[rows]
        octets = Bytes(self.buffer, offsets, np.full(len(offsets), width, np.int64))
        matrix = octets.matrix(np.arange(len(offsets)))
        return untagged(matrix)[0] if self.kind == TAGGED else matrix.view(self.dtype)

    def survey(self) -> Survey:
        """Figures of all records."""
        return self.figures


@dataclass(frozen=True, eq=False)
class Pairs:
    """Consecutive entries of a key-value store.

    ``faults`` are the store's own, their rows counted from the first entry; a row that has one
    (a value on a missing page) could not be read, and its value means nothing.
    """

    keys: Bytes
    values: Bytes
    faults: tuple[Fault, ...] = ()

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: NDArray[np.int64]) -> Pairs:
        """The entries of ``rows``, ascending; faults of no row are kept."""
        at = {int(row): i for i, row in enumerate(rows)} if self.faults else {}
        kept = tuple(
            fault if fault.row is None else replace(fault, row=at[fault.row])
            for fault in self.faults
            if fault.row is None or fault.row in at
        )
        return Pairs(self.keys.take(rows), self.values.take(rows), kept)


def clipped(pairs: Pairs, first: bytes | None, stop: bytes | None) -> Pairs:
    """The entries with ``first`` <= key < ``stop``; keys are looked at only at the two ends."""
    low, high = 0, len(pairs)
    while first is not None and low < high and pairs.keys[low] < first:
        low += 1
    while stop is not None and high > low and pairs.keys[high - 1] >= stop:
        high -= 1
    return pairs if (low, high) == (0, len(pairs)) else pairs.take(np.arange(low, high))


Mark = Callable[[int, int], None]
"""Called with a row, counted from the block's first, and a number of rows about to be decoded."""


class Layout(ABC):
    """How the values of a key-value store are to be understood."""

    name: ClassVar[str]
    precedence: ClassVar[int]
    """Where a value matches several layouts, the lowest precedence has it."""
    bgr: ClassVar[bool] = False
    """Whether planes stand in the order blue, green, red."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @classmethod
    @abstractmethod
    def matches(cls, value: bytes) -> bool:
        """Whether a record's value is of this layout. Never raises, never unpickles."""

    @abstractmethod
    def block(self, start: int, values: Bytes, mark: Mark) -> Block:
        """The values of consecutive records, none of zero bytes, as a block from ``start`` on."""


def spread(block: Block, rows: NDArray[np.int64], records: int) -> Block:
    """The block among others: its record i becomes row ``rows[i]`` of a block of ``records``."""
    if len(rows) == records:
        return block
    signatures = labels = digests = None
    if block.signatures is not None:
        signatures = np.zeros(records, np.uint64)
        signatures[rows] = block.signatures
    if block.labels is not None:
        values = np.zeros((records, *block.labels.values.shape[1:]), block.labels.values.dtype)
        present = np.zeros(records, np.bool_)
        values[rows], present[rows] = block.labels.values, block.labels.present
        labels = Labels(values, present)
    if (narrow := block.digests) is not None:
        digests = partial(digests_among, narrow, rows)
    pictures = block.pictures
    return replace(
        block,
        records=records,
        parts=tuple(replace(part, rows=rows[part.rows]) for part in block.parts),
        pictures=replace(pictures, rows=rows[pictures.rows]) if pictures else None,
        labels=labels,
        faults=tuple(
            fault if fault.row is None else replace(fault, row=int(rows[fault.row]))
            for fault in block.faults
        ),
        signatures=signatures,
        digests=digests,
        encoded={int(rows[row]): image for row, image in block.encoded.items()},
    )


def digests_among(
    narrow: Callable[[NDArray[np.int64]], list[bytes]],
    rows: NDArray[np.int64],
    wanted: NDArray[np.int64],
) -> list[bytes]:
    """Digests of ``wanted`` rows of a block whose records were ``rows``."""
    return narrow(np.searchsorted(rows, wanted).astype(np.int64))
