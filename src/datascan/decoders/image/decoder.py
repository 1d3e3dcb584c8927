"""The decoder of values that are image files."""

from __future__ import annotations

from typing import ClassVar

from datascan.decoders.base import Decoder, Tracker
from datascan.decoders.image.header import sniff_format
from datascan.records.block import Block
from datascan.records.buffers import BytesColumn, hash_values


class ImageDecoder(Decoder):
    """Values that are image files; they have no labels."""

    name: ClassVar[str] = "image"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether ``value`` starts like an image file."""
        return sniff_format(value) is not None

    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """Decode every image into one :class:`ImageColumn`."""
        if not decode_images:
            encoded = {row: values.view(row) for row in range(len(values))}
            return Block(start, len(values), int(values.lengths.sum()), encoded=encoded)

        count = len(values)
        images = [values.view(row) for row in range(count)]
        # These decoders take longer to import than a small store takes to scan.
        from datascan.decoders.image.inspection import inspect_images  # noqa: PLC0415  (imports Pillow)

        inspected = inspect_images(
            images, range(count), max_pixels=self.options.max_pixels, track=track
        )
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            arrays=inspected.arrays,
            images=inspected.images,
            faults=inspected.faults,
            fingerprints=hash_values(values),
        )
