"""Decoding one image: in full, and strictly.

JPEGs are decoded at 1/8 scale by libjpeg-turbo with every warning an error: all entropy-coded bytes
are read, and only the DC coefficients are transformed. All else is decoded by Pillow.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageSequence, UnidentifiedImageError

SMALL_PIXELS = 1 << 14
"""JPEGs of so few pixels are decoded in full: it costs little, and their values are exact."""

FULL_DECODE_PIXELS = 1 << 24
"""A larger JPEG that looks blank at 1/8 scale is taken to be so."""

STDERR = 2
JPEG_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}
JPEG_TARGETS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
PLAIN_MODES = {"P": "RGB", "PA": "RGBA"}
SHAPED_DTYPES = {"bool": "uint8"}


class Corrupt(Exception):  # noqa: N818  (a verdict, not an error)
    """The image cannot be decoded in full; says why."""


class Oversized(Exception):  # noqa: N818
    """The image has more pixels than allowed; says how many."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded image: ``planes`` are (channels, values), perhaps at 1/8 scale."""

    height: int
    width: int
    mode: str
    dtype: str
    planes: NDArray[Any]
    frames: int = 1
    approximate: bool = False


def check_size(width: int, height: int, limit: int) -> None:
    """Raise :class:`Oversized` for an image of more than ``limit`` pixels."""
    if width * height > limit:
        raise Oversized(
            f"{width:,} x {height:,} = {width * height:,} pixels, the limit is {limit:,}"
        )


def decode(kind: str, data: bytes, limit: int) -> Picture:
    """Decode an image of at most ``limit`` pixels.

    Raises:
        Corrupt: where it cannot be decoded in full.
        Oversized: where it has more pixels; nothing was decoded then.
    """
    if kind != "JPEG":
        return decode_with_pillow(kind, data, limit)
    try:
        return decode_jpeg(data, limit)
    except ValueError as error:
        if str(error).startswith(("Unsupported", "Sorry")):
            # Whole, but beyond this decoder (arithmetic coding, 12 bits): Pillow may know it.
            return decode_with_pillow(kind, data, limit)
        raise Corrupt(one_line(error)) from error


def decode_jpeg(data: bytes, limit: int) -> Picture:
    """Decode at 1/8 scale; in full if the image is small, or a channel is constant.

    Raises:
        ValueError: with libjpeg's own message, also where it is only a warning.
    """
    height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    check_size(width, height, limit)
    mode = JPEG_MODES.get(colorspace, "RGB")
    if width * height <= SMALL_PIXELS:
        planes = planes_of(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return Picture(height, width, mode, "uint8", planes)
    quick = {"min_height": 1, "min_width": 1, "min_factor": 8, "fastdct": True}
    values = simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode], fastupsample=True, **quick)
    planes = planes_of(values)
    blank = bool((planes.min(axis=1) == planes.max(axis=1)).any())
    if blank and width * height <= FULL_DECODE_PIXELS:
        planes = planes_of(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return Picture(height, width, mode, "uint8", planes)
    return Picture(height, width, mode, "uint8", planes, approximate=True)


def decode_with_pillow(kind: str, data: bytes, limit: int) -> Picture:
    """Decode all frames, as long as they have no more than ``limit`` pixels together."""
    with undisturbed() as said, quiet_library(kind) as printed:
        try:
            picture = open_and_load(data, limit)
        except (Corrupt, Oversized):
            raise
        except UnidentifiedImageError as error:
            raise Corrupt(f"no decoder for this {kind}, or its header is damaged") from error
        except Exception as error:
            raise Corrupt(one_line(error)) from error
    if printed:
        raise Corrupt(one_line(printed[0]))
    for warning in said:
        if "truncated" in str(warning.message).lower():
            raise Corrupt(one_line(warning.message))
    return picture


def open_and_load(data: bytes, limit: int) -> Picture:
    """Open, look at the size, then load every frame."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        check_size(width, height, limit)
        mode = image.mode
        frames = getattr(image, "n_frames", 1)
        image.load()
        values = np.asarray(plain(image))
        within = max(1, limit // max(1, width * height))
        for i, frame in enumerate(ImageSequence.Iterator(image) if frames > 1 else ()):
            if i >= within:
                break
            check_size(*frame.size, limit)
            frame.load()
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    return Picture(height, width, mode, str(values.dtype), planes_of(values), frames)


def plain(image: Image.Image) -> Image.Image:
    """An image without palette: its colours, not their numbers."""
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert(PLAIN_MODES[image.mode]) if image.mode in PLAIN_MODES else image


def planes_of(values: NDArray[Any]) -> NDArray[Any]:
    """(height, width) or (height, width, channels) as (channels, height * width)."""
    if values.ndim == 2:
        return values.reshape(1, -1)
    return np.ascontiguousarray(values.reshape(-1, values.shape[2]).T)


@contextmanager
def undisturbed() -> Iterator[list[warnings.WarningMessage]]:
    """Collect Pillow's warnings, and lift its own limit on pixels: ours is checked."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield said
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def quiet_library(kind: str) -> Iterator[list[str]]:
    """Collect what libtiff prints on standard error: it does so for damaged data only."""
    printed: list[str] = []
    if kind != "TIFF":
        yield printed
        return
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(STDERR)
        os.dup2(file.fileno(), STDERR)
        try:
            yield printed
        finally:
            sys.stderr.flush()
            os.dup2(kept, STDERR)
            os.close(kept)
            file.seek(0)
            printed += file.read().decode("utf-8", "replace").splitlines()


def one_line(error: object) -> str:
    """What a decoder says, without addresses and line breaks."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words.split(" <_io")[0][:200]
