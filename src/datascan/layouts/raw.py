"""Values of no known layout: bytes. Only emptiness and copies are looked at."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from datascan.block import Block
from datascan.layout import Bytes, Layout, Mark


class RawLayout(Layout):
    """Any bytes. Pickled values stay pickled."""

    name: ClassVar[str] = "raw"
    precedence: ClassVar[int] = 9

    @classmethod
    def matches(cls, value: bytes) -> bool:  # noqa: ARG003  (anything is bytes)
        """Always."""
        return True

    def block(self, start: int, values: Bytes, mark: Mark) -> Block:  # noqa: ARG002
        """Signatures of the whole values, and nothing else."""
        return Block(
            start,
            len(values),
            int(values.lengths.sum()),
            signatures=signatures(values),
            opaque=True,
        )


def signatures(values: Bytes) -> NDArray[np.uint64]:
    """A 64-bit hash of every value's bytes, never 0, uint64 (n,)."""
    hashes = (signature(values.view(row)) for row in range(len(values)))
    return np.fromiter(hashes, np.uint64, len(values))


def signature(content: bytes | memoryview) -> int:
    """A 64-bit hash of some bytes, never 0."""
    return max(1, xxhash.xxh3_64_intdigest(content))
