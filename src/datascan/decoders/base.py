"""What a decoder is, and how the decoder of a value is detected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.plugins import DECODERS, load
from datascan.records.block import Block
from datascan.records.buffers import BytesColumn

Tracker = Callable[[int, int], None]
"""Called with a row, counted from the block's first, and a number of rows about to be decoded."""


class Decoder(ABC):
    """How the values of a key-value store are to be understood."""

    name: ClassVar[str]
    is_bgr: ClassVar[bool] = False
    """Whether planes stand in the order blue, green, red."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @classmethod
    @abstractmethod
    def matches(cls, value: bytes) -> bool:
        """Whether a record's value is of this layout. Never raises, never unpickles."""

    @abstractmethod
    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """The values of consecutive records, none of zero bytes, as a block from ``start`` on.

        Without ``decode_images``, encoded images are handed out in ``Block.encoded`` as they are.
        """


def track_among(track: Tracker, rows: NDArray[np.int64], value: int, count: int) -> None:
    """Track the rows, int64 (n,) ascending, of ``count`` of n values from ``value`` on."""
    first, last = int(rows[value]), int(rows[min(value + count, len(rows)) - 1])
    track(first, last - first + 1)


def detect_decoder(value: bytes) -> type[Decoder]:
    """The layout of one value."""
    kinds: Iterator[type[Decoder]] = (load(target) for target in DECODERS.values())
    return next(kind for kind in kinds if kind.matches(value))


def load_decoder(name: str) -> type[Decoder]:
    """The layout of that name."""
    kind: type[Decoder] = load(DECODERS[name])
    return kind
