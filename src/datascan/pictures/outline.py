"""What is known of an image before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outline:
    """An image as its structure tells it.

    ``end``: where it ends, None if unknown. ``size``: width and height of the largest of its
    frames, None if only the decoder knows. ``damage``: what is broken in its structure.
    """

    end: int | None = None
    frames: int | None = None
    exif: bytes = b""
    damage: str | None = None
    size: tuple[int, int] | None = None
