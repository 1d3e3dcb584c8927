"""The interface of decoders, and detection of the decoder for a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import ReadOptions
from datascan.plugins import DECODERS, load
from datascan.records.block import Block
from datascan.records.buffers import BytesColumn

Tracker = Callable[[int, int], None]
"""Called with a row, relative to the block, and the number of rows about to be decoded."""


class Decoder(ABC):
    """Interprets the values of a key-value store."""

    name: ClassVar[str]
    is_bgr: ClassVar[bool] = False
    """Whether records of three planes are in the order blue, green, red."""

    def __init__(self, options: ReadOptions) -> None:
        self.options = options

    @classmethod
    @abstractmethod
    def matches(cls, value: bytes) -> bool:
        """Whether this decoder can read ``value``. Never raises, never unpickles."""

    @abstractmethod
    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """Decode the values of consecutive records, none of them empty.

        ``start`` is the address of the first one. Values that cannot be decoded become faults.
        Without ``decode_images``, encoded images are returned in ``Block.encoded`` as they are.
        """


def track_among(track: Tracker, rows: NDArray[np.int64], value: int, count: int) -> None:
    """Track ``count`` values from ``value`` on, which are the ascending ``rows``, int64 (n,)."""
    first, last = int(rows[value]), int(rows[min(value + count, len(rows)) - 1])
    track(first, last - first + 1)


def detect_decoder(value: bytes) -> type[Decoder]:
    """The first decoder that matches ``value``."""
    decoders: Iterator[type[Decoder]] = (load(target) for target in DECODERS.values())
    return next(decoder for decoder in decoders if decoder.matches(value))


def load_decoder(name: str) -> type[Decoder]:
    """The decoder called ``name``."""
    decoder: type[Decoder] = load(DECODERS[name])
    return decoder
