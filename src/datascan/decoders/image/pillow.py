"""Strict and complete decoding by Pillow: all of its warnings about damage count."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from datascan.decoders.image.formats.png import find_missing_data
from datascan.decoders.image.frames import count_frames
from datascan.decoders.image.outcomes import (
    CorruptImageError,
    DecodedImage,
    OversizedImageError,
    check_bytes,
    check_size,
    has_memory_words,
    one_line,
    to_planes,
)
from datascan.errors import describe_exception

# Without a handler Python prints what Pillow logs, although it also raises or warns.
logging.getLogger("PIL").addHandler(logging.NullHandler())

STDERR = 2
PLAIN_MODES = {"P": "RGB", "PA": "RGBA"}
EXPECTED_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises on purpose for damaged images; all else is shown with its type."""

MAX_FRAMES = 10_000
"""How many frames or pages are decoded; they are also limited by their pixels."""

UNDECODED = ("HEIC", "JPEG XL")
PLUGINS = {
    "JPEG": ("JPEG", "Jpeg"),
    "PNG": ("PNG", "Png"),
    "GIF": ("GIF", "Gif"),
    "TIFF": ("TIFF", "Tiff"),
    "JPEG 2000": ("JPEG2000", "Jpeg2K"),
    "PSD": ("PSD", "Psd"),
    "WebP": ("WEBP", "WebP"),
    "BMP": ("BMP", "Bmp"),
    "PNM": ("PPM", "Ppm"),
    "ICO": ("ICO", "Ico"),
    "AVIF": ("AVIF", "Avif"),
}
"""By format, the one plugin of Pillow that may see the bytes, and the start of its module's name.

Other plugins run external programs (EPS) or are rarely used, and some accept any bytes.
"""

DAMAGE_WORDS = ("truncated", "invalid apng")
TIFF_DAMAGE_WORDS = (*DAMAGE_WORDS, "corrupt", "larger than file", "offset too large")
"""Words in Pillow's warnings about damage. A damaged TIFF directory affects the pixels."""


def decode_with_pillow(image_format: str, data: bytes, limit: int) -> DecodedImage:
    """Decode the first frames, up to ``limit`` pixels in all, and at least one frame.

    Raises:
        CorruptImageError: if the image cannot be decoded in full.
        OversizedImageError: if a frame has more than ``limit`` pixels.
        MemoryError: if there is not enough memory.
    """
    with collect_pillow_warnings() as warned, capture_library_output(image_format) as printed:
        try:
            image = open_and_load(image_format, data, limit)
        except (CorruptImageError, OversizedImageError, MemoryError):
            raise
        except UnidentifiedImageError as error:
            why = "" if image_format in UNDECODED else ", or the header is damaged"
            raise CorruptImageError(f"no decoder for {image_format}{why}") from error
        except Exception as error:
            if has_memory_words(error):
                raise MemoryError from error
            text = error if isinstance(error, EXPECTED_ERRORS) else describe_exception(error)
            raise CorruptImageError(one_line(text)) from error
    message = first_damage_message(
        image_format, [str(warning.message) for warning in warned], printed
    )
    if message is not None:
        raise MemoryError if has_memory_words(message) else CorruptImageError(one_line(message))
    return image


def first_damage_message(image_format: str, warned: list[str], printed: list[str]) -> str | None:
    """The first report of damage by a decoder that decoded the image anyway."""
    words = TIFF_DAMAGE_WORDS if image_format == "TIFF" else DAMAGE_WORDS
    relevant = [text for text in warned if any(word in text.lower() for word in words)]
    return next(iter((*printed, *relevant)), None)


def open_with_pillow(image_format: str, data: bytes) -> Any:
    """Open an image with the one plugin of Pillow for its format.

    Raises:
        UnidentifiedImageError: if Pillow has no decoder for the format, or it rejects the bytes.
    """
    if image_format not in PLUGINS:
        raise UnidentifiedImageError(f"no decoder for {image_format}")
    name, module = PLUGINS[image_format]
    import_module(f"PIL.{module}ImagePlugin")
    return Image.open(io.BytesIO(data), formats=[name])


def open_and_load(image_format: str, data: bytes, limit: int) -> DecodedImage:
    """Open the image, check its size, then load its frames."""
    with open_with_pillow(image_format, data) as image:
        width, height = image.size
        check_size(width, height, limit)
        mode = image.mode
        check_bytes(image_format, width, height, mode, limit)
        frames = count_frames(image_format, data, image)
        image.load()
        if image_format == "PNG" and (image.info.get("interlace") or ends_blank(image)):
            check_all_rows(data)
        values = np.asarray(to_plain_mode(image))
        left = limit
        for i, frame in enumerate(ImageSequence.Iterator(image) if frames > 1 else ()):
            check_size(*frame.size, limit)
            check_bytes(image_format, *frame.size, frame.mode, limit)
            # Pages may be larger than the first one, so each counts by its own size.
            left -= frame.size[0] * frame.size[1]
            if i == MAX_FRAMES or (i and left < 0):
                break
            frame.load()
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return DecodedImage(height, width, mode, str(values.dtype), to_planes(values), frames)


def ends_blank(image: Image.Image) -> bool:
    """Whether the last row is all zeros, like rows that the decoder never reached."""
    return not np.asarray(image.crop((0, image.height - 1, image.width, image.height))).any()


def check_all_rows(data: bytes) -> None:
    """Raise :class:`CorruptImageError` if the pixel data of a PNG ends early.

    Pillow leaves the missing rows black and does not report it.
    """
    why = find_missing_data(data)
    if why is not None:
        raise CorruptImageError(why)


def to_plain_mode(image: Image.Image) -> Image.Image:
    """Convert palette images to colours; return others as they are."""
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert(PLAIN_MODES[image.mode]) if image.mode in PLAIN_MODES else image


@contextmanager
def collect_pillow_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Collect Pillow's warnings and suspend its limit on pixels, because we check our own."""
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield warned
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextmanager
def capture_library_output(image_format: str) -> Iterator[list[str]]:
    """Capture what libtiff prints to standard error, which it does only for damaged data."""
    printed: list[str] = []
    # If standard error was closed, descriptor 2 may belong to any file by now.
    if image_format != "TIFF" or sys.stderr is None:
        yield printed
        return
    with unnamed_file() as file:
        sys.stderr.flush()
        original = os.dup(STDERR)
        os.dup2(file.fileno(), STDERR)
        try:
            yield printed
        finally:
            sys.stderr.flush()
            os.dup2(original, STDERR)
            os.close(original)
            file.seek(0)
            printed += file.read().decode("utf-8", "replace").splitlines()


def unnamed_file() -> IO[bytes]:
    """A file that vanishes when it is closed; in memory if possible, as no folder is needed."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("printed"), "w+b")
    return tempfile.TemporaryFile()
