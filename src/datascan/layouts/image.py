"""Encoded images as values."""

from __future__ import annotations

from typing import ClassVar

from datascan.block import Block
from datascan.layout import Bytes, Layout, Mark
from datascan.layouts.raw import signatures
from datascan.pictures.signature import kind_of


class ImageLayout(Layout):
    """The value is an image file."""

    name: ClassVar[str] = "image"
    precedence: ClassVar[int] = 2

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the bytes begin as an image."""
        return kind_of(value) is not None

    def block(self, start: int, values: Bytes, mark: Mark) -> Block:
        """Every image decoded; no labels."""
        if self.options.undecoded:
            encoded = {row: values.view(row) for row in range(len(values))}
            return Block(start, len(values), int(values.lengths.sum()), encoded=encoded)
        # The decoders take longer to import than a small store takes to scan.
        from datascan.pictures.gallery import look_at  # noqa: PLC0415

        count = len(values)
        images = [values.view(row) for row in range(count)]
        seen = look_at(images, range(count), max_pixels=self.options.max_pixels, mark=mark)
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            parts=seen.parts,
            pictures=seen.pictures,
            faults=seen.faults,
            signatures=signatures(values),
        )
