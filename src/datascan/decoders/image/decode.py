"""Decoding one image: in full, and strictly.

JPEGs are decoded at 1/8 scale by libjpeg-turbo with every warning an error: all entropy-coded bytes
are read, and only the DC coefficients are transformed. All else is decoded by Pillow.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageSequence, UnidentifiedImageError

from datascan.decoders.image.png import missing_data

# Else Python prints the errors that Pillow logs; they are raised or said as warnings, too.
logging.getLogger("PIL").addHandler(logging.NullHandler())

SMALL_PIXELS = 1 << 14
"""JPEGs of so few pixels are decoded in full: it costs little, and their values are exact."""

FULL_DECODE_PIXELS = 1 << 24
"""A larger JPEG that looks blank at 1/8 scale is taken to be so."""

STDERR = 2
JPEG_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}
JPEG_TARGETS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
PLAIN_MODES = {"P": "RGB", "PA": "RGBA"}
UNDECODED = ("HEIC", "JPEG XL")
FRAMED = ("GIF", "WebP", "PNG", "TIFF", "AVIF")
"""Formats whose frames are frames; those of a PSD are layers."""

DAMAGE_SAID = ("truncated", "invalid apng")
TIFF_DAMAGE_SAID = (*DAMAGE_SAID, "corrupt", "larger than file", "offset too large")
"""Words of Pillow's warnings about damage. In TIFF the directory is no mere metadata."""


class CorruptImageError(Exception):
    """The image cannot be decoded in full; says why."""


class OversizedImageError(Exception):
    """The image has more pixels than allowed; says how many."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image: ``planes`` are (channels, values), perhaps at 1/8 scale."""

    height: int
    width: int
    mode: str
    dtype: str
    planes: NDArray[Any]
    frames: int = 1
    approximate: bool = False


def check_size(width: int, height: int, limit: int) -> None:
    """Raise :class:`OversizedImageError` for an image of more than ``limit`` pixels."""
    if width * height > limit:
        raise OversizedImageError(
            f"{width:,} x {height:,} = {width * height:,} pixels, the limit is {limit:,}"
        )


def decode(kind: str, data: bytes, limit: int) -> DecodedImage:
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
        raise CorruptImageError(one_line(error)) from error
    except MemoryError as error:
        raise CorruptImageError("there is not enough memory to decode it") from error


def decode_jpeg(data: bytes, limit: int) -> DecodedImage:
    """Decode at 1/8 scale; in full if the image is small, or a channel is constant.

    Raises:
        ValueError: with libjpeg's own message, also where it is only a warning.
    """
    height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    check_size(width, height, limit)
    mode = JPEG_MODES.get(colorspace, "RGB")
    if width * height <= SMALL_PIXELS:
        planes = planes_of(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return DecodedImage(height, width, mode, "uint8", planes)
    quick = {"min_height": 1, "min_width": 1, "min_factor": 8, "fastdct": True}
    values = simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode], fastupsample=True, **quick)
    planes = planes_of(values)
    blank = bool((planes.min(axis=1) == planes.max(axis=1)).any())
    if blank and width * height <= FULL_DECODE_PIXELS:
        planes = planes_of(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return DecodedImage(height, width, mode, "uint8", planes)
    return DecodedImage(height, width, mode, "uint8", planes, approximate=True)


def decode_with_pillow(kind: str, data: bytes, limit: int) -> DecodedImage:
    """Decode all frames, as long as they have no more than ``limit`` pixels together."""
    with without_pillow_warnings() as said, quiet_library(kind) as printed:
        try:
            picture = open_and_load(kind, data, limit)
        except (CorruptImageError, OversizedImageError):
            raise
        except UnidentifiedImageError as error:
            why = "" if kind in UNDECODED else ", or its header is damaged"
            raise CorruptImageError(f"no decoder for {kind}{why}") from error
        except MemoryError as error:
            raise CorruptImageError("there is not enough memory to decode it") from error
        except Exception as error:
            raise CorruptImageError(one_line(error)) from error
    complaint = first_damage_message(kind, [str(warning.message) for warning in said], printed)
    if complaint is not None:
        raise CorruptImageError(one_line(complaint))
    return picture


def first_damage_message(kind: str, warned: list[str], printed: list[str]) -> str | None:
    """What was said about damage while an image was decoded nevertheless."""
    words = TIFF_DAMAGE_SAID if kind == "TIFF" else DAMAGE_SAID
    about = [said for said in warned if any(word in said.lower() for word in words)]
    return next(iter((*printed, *about)), None)


def open_and_load(kind: str, data: bytes, limit: int) -> DecodedImage:
    """Open, look at the size, then load every frame."""
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
        check_size(width, height, limit)
        mode = image.mode
        frames = getattr(image, "n_frames", 1) if kind in FRAMED else 1
        image.load()
        if kind == "PNG" and (image.info.get("interlace") or ends_blank(image)):
            require_all_rows(data)
        values = np.asarray(to_plain_mode(image))
        within = max(1, limit // max(1, width * height))
        for i, frame in enumerate(ImageSequence.Iterator(image) if frames > 1 else ()):
            if i >= within:
                break
            check_size(*frame.size, limit)
            frame.load()
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return DecodedImage(height, width, mode, str(values.dtype), planes_of(values), frames)


def ends_blank(image: Image.Image) -> bool:
    """Whether the last row is all zeros, as are rows that a decoder never came to."""
    return not np.asarray(image.crop((0, image.height - 1, image.width, image.height))).any()


def require_all_rows(data: bytes) -> None:
    """Raise :class:`CorruptImageError` if the pixels of a PNG end too early.

    Pillow leaves the missing rows black.
    """
    lack = missing_data(data)
    if lack is not None:
        raise CorruptImageError(lack)


def to_plain_mode(image: Image.Image) -> Image.Image:
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
def without_pillow_warnings() -> Iterator[list[warnings.WarningMessage]]:
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
    # Where standard error was closed, number 2 may be any file by now: it is left alone.
    if kind != "TIFF" or sys.stderr is None:
        yield printed
        return
    with unnamed_file() as file:
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


def unnamed_file() -> IO[bytes]:
    """A file that goes as it is closed: in memory where there is such, for no folder may do."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("printed"), "w+b")
    return tempfile.TemporaryFile()


def one_line(error: object) -> str:
    """What a decoder says, without addresses and line breaks."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words.split(" <_io")[0][:200]
