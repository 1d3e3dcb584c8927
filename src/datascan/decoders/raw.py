"""Values that no other decoder reads: only emptiness, size and duplicates are checked."""

from __future__ import annotations

from typing import ClassVar

from datascan.decoders.base import Decoder, Tracker
from datascan.decoders.encodings import count_encodings
from datascan.records.block import Block, Uninspected
from datascan.records.buffers import BytesColumn, hash_values


class RawDecoder(Decoder):
    """Accepts any bytes. Pickled values are never unpickled."""

    name: ClassVar[str] = "raw"

    @classmethod
    def matches(cls, value: bytes) -> bool:  # noqa: ARG003  (any bytes match)
        """Always True."""
        return True

    def decode(
        self,
        start: int,
        values: BytesColumn,
        track: Tracker,  # noqa: ARG002  (no native decoder that could crash)
        *,
        decode_images: bool = True,  # noqa: ARG002  (there are no images)
    ) -> Block:
        """Compute fingerprints of the values; there are no columns."""
        return Block(
            start,
            len(values),
            int(values.lengths.sum()),
            uninspected=tuple(
                Uninspected("value", "", encoding, count)
                for encoding, count in count_encodings(values)
            ),
            fingerprints=hash_values(values),
            is_opaque=True,
        )
