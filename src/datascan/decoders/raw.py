"""Values of no known layout: bytes. Only emptiness and copies are looked at."""

from __future__ import annotations

from typing import ClassVar

from datascan.decoders.base import Decoder, Tracker
from datascan.records.block import Block
from datascan.records.buffers import BytesColumn, hash_values


class RawDecoder(Decoder):
    """Any bytes. Pickled values stay pickled."""

    name: ClassVar[str] = "raw"

    @classmethod
    def matches(cls, value: bytes) -> bool:  # noqa: ARG003  (anything is bytes)
        """Always."""
        return True

    def decode(
        self,
        start: int,
        values: BytesColumn,
        track: Tracker,  # noqa: ARG002
        *,
        decode_images: bool = True,  # noqa: ARG002
    ) -> Block:
        """Signatures of the whole values, and nothing else."""
        return Block(
            start,
            len(values),
            int(values.lengths.sum()),
            fingerprints=hash_values(values),
            is_opaque=True,
        )
