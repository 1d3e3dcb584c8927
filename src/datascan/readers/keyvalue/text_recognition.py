"""Datasets for text recognition: `image-%09d` and `label-%09d` keys."""

from __future__ import annotations

from dataclasses import dataclass

from datascan.readers.keyvalue.batch import KeyRange

TEXT_LINE = ("image-%09d", "label-%09d")
TEXT_LINES_A_SHARD = 4096


@dataclass(frozen=True, slots=True)
class TextLines:
    """Records ``first`` <= number < ``stop`` of a text recognition set: an image and its label."""

    first: int
    stop: int

    def range_of(self, name: str) -> KeyRange:
        """The keys of its images, or of its labels."""
        return KeyRange((name % self.first).encode(), (name % self.stop).encode())
