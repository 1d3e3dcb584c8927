"""The interface of decoders, and detection of the decoder for a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import ClassVar, cast

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.config.options import ReadOptions
from datascan.errors import DatasetError, RecordError
from datascan.plugins import (
    DECODERS,
    Plugin,
    decoder_names,
    find_plugin,
    leave_out,
    load,
    load_class,
    unusable,
)
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


class GuardedDecoder(Decoder):
    """The decoder of another package. What it raises is an error that names the plug-in."""

    def __init__(self, plugin: Plugin, decoder: Decoder) -> None:
        super().__init__(decoder.options)
        self.plugin, self.decoder = plugin, decoder
        # Class variables of other decoders, but each guarded one has those of what it guards.
        vars(self).update(name=decoder.name, is_bgr=decoder.is_bgr)

    @classmethod
    def matches(cls, value: bytes) -> bool:  # noqa: ARG003  (it is chosen by name)
        """Always False: the guard is chosen by the name of what it guards."""
        return False

    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """The block of the decoder. What it raises concerns the values."""
        with self.plugin.failures_as(RecordError):
            block = self.decoder.decode(start, values, track, decode_images=decode_images)
        with self.plugin.failures_as(DatasetError):
            return self.plugin.require(block, Block, "decode")


def detect_decoders(values: Iterable[bytes]) -> list[str]:
    """The name of the first decoder that recognises each value; "raw" takes any."""
    candidates = [Candidate(name) for name in decoder_names()]
    return [next(one.name for one in candidates if one.matches(value)) for value in values]


class Candidate(Struct, dict=True):
    """A decoder that may recognise values; it is loaded when it is first asked."""

    name: str

    @cached_property
    def kind(self) -> type[Decoder] | None:
        """The decoder; None if it cannot be used."""
        return load_decoder(self.name)

    @cached_property
    def plugin(self) -> Plugin | None:
        """The plug-in of another package, if the decoder is one."""
        return find_plugin("decoder", self.name)

    def matches(self, value: bytes) -> bool:
        """Whether the decoder recognises ``value``; a plug-in that raises is not asked again."""
        if self.kind is None or self.plugin is None:
            return self.kind is not None and self.kind.matches(value)
        try:
            return self.kind.matches(value)
        except Exception as error:  # noqa: BLE001  (the code of others may raise anything)
            leave_out(self.plugin, error)
            self.kind = None
            return False


def load_decoder(name: str) -> type[Decoder] | None:
    """The decoder of that name; None if it is another package's and cannot be used."""
    if name in DECODERS:
        return cast("type[Decoder]", load(DECODERS[name]))
    return load_class("decoder", name, Decoder, ("name",))


def make_decoder(name: str, options: ReadOptions) -> Decoder:
    """A decoder by its name.

    Raises:
        UsageError: if it is another package's and cannot be used.
        DatasetError: if it is another package's and cannot be made.
    """
    kind, plugin = load_decoder(name), find_plugin("decoder", name)
    if kind is None:
        raise unusable("decoder", name)
    if plugin is None:
        return kind(options)
    with plugin.failures_as(DatasetError):
        return GuardedDecoder(plugin, kind(options))
