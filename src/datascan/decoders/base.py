"""What a decoder is, and how the decoder of a value is detected."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

from datascan.config.options import Options
from datascan.plugins import DECODERS, load
from datascan.records.block import Block
from datascan.records.buffers import Bytes

Mark = Callable[[int, int], None]
"""Called with a row, counted from the block's first, and a number of rows about to be decoded."""


class Layout(ABC):
    """How the values of a key-value store are to be understood."""

    name: ClassVar[str]
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


def layout_of(value: bytes) -> type[Layout]:
    """The layout of one value."""
    kinds: Iterator[type[Layout]] = (load(target) for target in DECODERS.values())
    return next(kind for kind in kinds if kind.matches(value))


def layout_named(name: str) -> type[Layout]:
    """The layout of that name."""
    kind: type[Layout] = load(DECODERS[name])
    return kind
