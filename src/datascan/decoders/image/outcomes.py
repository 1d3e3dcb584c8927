"""What decoding one image leads to: its pixels, or an error whose message is a fault's detail."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.native import loops
from datascan.records.statistics import compute_stats

MODE_BYTES = {"1": 1, "L": 1, "LA": 2, "I;16": 2, "RGB": 3, "YCbCr": 3, "LAB": 3, "HSV": 3}
"""Bytes per pixel once decoded, by mode; 4 for all others, as palettes may become RGBA."""

WORKING_MEMORY = {"JPEG 2000": 1.8, "WebP": 1.7, "AVIF": 1.2}
"""How much more memory the decoders of some formats need than others, with all their copies."""

FREE_BYTES = 64 << 20
MEMORY_WORDS = ("insufficient memory", "out of memory")


class CorruptImageError(Exception):
    """The image cannot be decoded in full. The message is the fault's detail."""


class OversizedImageError(Exception):
    """The image has more pixels than allowed. The message is the fault's detail."""


class UnsupportedImageError(Exception):
    """The decoder lacks the variant of the image. The message is the fault's detail."""


class PixelFigures(NamedTuple):
    """Figures of the finite values of an image, kept in place of its pixels, which may be large.

    ``low``, ``high``: the range of each channel; 0 for a channel without a finite value.
    ``total``, ``square``: sums of the ``size`` finite values and of their squares.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    total: float
    square: float
    size: int


class DecodedImage(Struct, frozen=True, eq=False):
    """A decoded image. ``values``: (height, width) or (height, width, channels).

    They are at 1/8 scale if ``approximate``. ``notes``: what the decoder says about metadata that
    is damaged. ``figures``: of the values, if they were needed for decoding.
    """

    height: int
    width: int
    mode: str
    values: NDArray[Any]
    frames: int = 1
    approximate: bool = False
    notes: tuple[str, ...] = ()
    figures: PixelFigures | None = None

    @property
    def planes(self) -> NDArray[Any]:
        """The values as (channels, height * width)."""
        return to_planes(self.values)


def measure_values(values: NDArray[Any]) -> PixelFigures:
    """The figures of pixels, (height, width) or (height, width, channels)."""
    if values.dtype.char == "B":
        pixels = np.ascontiguousarray(values)
        channels = 1 if values.ndim == 2 else values.shape[2]
        low, high, total, square = loops.measure_pixels(pixels, channels)
        return PixelFigures(low, high, float(total), float(square), values.size)
    planes = to_planes(values)
    if planes.dtype.kind == "f" and not np.isfinite(planes).all():
        return measure_finite_values(planes)
    stats = compute_stats(planes)
    return PixelFigures(
        tuple(stats.low.tolist()),
        tuple(stats.high.tolist()),
        float(stats.totals.sum()),
        float(stats.squares.sum()),
        planes.size,
    )


def measure_finite_values(planes: NDArray[Any]) -> PixelFigures:
    """The figures of the finite values of float planes, (channels, values)."""
    finite = [plane[np.isfinite(plane)] for plane in planes]
    stats = [compute_stats(values.reshape(1, -1)) if values.size else None for values in finite]
    return PixelFigures(
        tuple(float(one.low[0]) if one else 0.0 for one in stats),
        tuple(float(one.high[0]) if one else 0.0 for one in stats),
        float(sum(one.totals[0] for one in stats if one)),
        float(sum(one.squares[0] for one in stats if one)),
        sum(values.size for values in finite),
    )


def check_size(width: int, height: int, limit: int) -> None:
    """Raise :class:`OversizedImageError` for an image of more than ``limit`` pixels."""
    if width * height > limit:
        raise OversizedImageError(
            f"{width:,} x {height:,} = {width * height:,} pixels exceed the limit of {limit:,}"
        )


def check_bytes(image_format: str, width: int, height: int, mode: str, limit: int) -> None:
    """Raise :class:`OversizedImageError` for an image that takes more bytes than an RGB image may.

    ``limit`` is the number of pixels that are allowed; below 64 MiB only those count.
    """
    factor = WORKING_MEMORY.get(image_format, 1.0)
    nbytes = int(width * height * MODE_BYTES.get(mode, 4) * factor)
    allowed = max(MODE_BYTES["RGB"] * limit, FREE_BYTES)
    if nbytes > allowed:
        raise OversizedImageError(
            f"{width:,} x {height:,} pixels ({mode}) take {nbytes:,} bytes, "
            f"more than the {allowed:,} of an RGB image at the limit"
        )


def has_memory_words(message: object) -> bool:
    """Whether libjpeg, libtiff or Pillow says that it could not allocate memory."""
    return any(words in str(message).lower() for words in MEMORY_WORDS)


def to_planes(values: NDArray[Any]) -> NDArray[Any]:
    """Reshape (height, width) or (height, width, channels) to (channels, height * width)."""
    if values.ndim == 2:
        return values.reshape(1, -1)
    return np.ascontiguousarray(values.reshape(-1, values.shape[2]).T)


def one_line(error: object) -> str:
    """A decoder's message on one line of at most 200 characters, without object addresses."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(" <_io")[0][:200]
