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
from msgspec.structs import replace
from PIL import Image, ImageSequence, UnidentifiedImageError

from datascan.decoders.image.formats.png import find_missing_data, remove_metadata
from datascan.decoders.image.header import ImageHeader
from datascan.decoders.image.outcomes import (
    CorruptImageError,
    DecodedImage,
    OversizedImageError,
    UnsupportedImageError,
    check_bytes,
    check_size,
    has_memory_words,
    one_line,
)
from datascan.decoders.image.structure import count_frames
from datascan.errors import describe_exception
from datascan.text import pluralize

# Without a handler Python prints what Pillow logs, although it also raises or warns.
logging.getLogger("PIL").addHandler(logging.NullHandler())

STDERR = 2
PLAIN_MODES = {"P": "RGB", "PA": "RGBA"}
EXPECTED_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises on purpose for damaged images; all else is shown with its type."""

MAX_FRAMES = 10_000
"""How many frames or pages are decoded; they are also limited by their pixels."""

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
"""Words in Pillow's warnings about damage."""

TEXT_WORDS = ("MAX_TEXT_CHUNK", "MAX_TEXT_MEMORY", "Too much memory used in text chunks")
METADATA_WORDS = (("corrupt exif", "malformed mpo"), ("corrupt", "larger than file", "offset too"))
"""Words in its warnings about metadata: in general, and of TIFFs."""

DIRECTORY_MODULES = (
    *("TIFFReadDir", "TIFFReadCustomDirectory", "TIFFFetch", "TIFFFieldWith", "TIFFSetField"),
    *("_TIFFVSetField", "TIFFReadEXIF", "TIFFReadGPS", "EstimateStripByteCounts"),
)
"""The parts of libtiff that read tags. What the others print is about pixels."""


def decode_with_pillow(
    image_format: str, data: bytes, limit: int, header: ImageHeader
) -> DecodedImage:
    """Decode the first frames, up to ``limit`` pixels in all, and at least one frame.

    Raises:
        CorruptImageError: if the image cannot be decoded in full.
        UnsupportedImageError: if Pillow lacks its variant.
        OversizedImageError: if a frame has more than ``limit`` pixels.
        MemoryError: if there is not enough memory.
    """
    with collect_pillow_warnings() as warned, capture_library_output(image_format) as printed:
        failure: Exception | None = None
        try:
            image = open_and_load(image_format, data, limit, header)
        except (CorruptImageError, OversizedImageError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  (decoders raise all kinds of errors)
            failure = error
    if failure is not None:
        if image_format == "PNG" and (header.notes or is_about_texts(failure)):
            # Pillow refuses damaged profiles and texts that expand too far.
            plain = header._replace(notes=())
            decoded = decode_with_pillow("PNG", remove_metadata(data), limit, plain)
            return decoded if header.notes else replace(decoded, notes=(one_line(failure),))
        raise explain_failure(image_format, data, failure, printed) from failure
    warned_of = [str(warning.message) for warning in warned]
    message = first_damage_message(image_format, warned_of, printed)
    if message is not None:
        raise MemoryError if has_memory_words(message) else CorruptImageError(one_line(message))
    return replace(image, notes=tuple(metadata_messages(image_format, warned_of, printed)))


def is_about_texts(error: Exception) -> bool:
    """Whether Pillow stopped at the texts of a PNG because they are too large."""
    return any(words in str(error) for words in TEXT_WORDS)


def explain_failure(
    image_format: str, data: bytes, error: Exception, printed: list[str]
) -> Exception:
    """What it means that Pillow cannot decode an image: damage, or a variant that it lacks."""
    if has_memory_words(error) or any(map(has_memory_words, printed)):
        return MemoryError()
    from datascan.decoders.image.variants import describe_variant  # noqa: PLC0415  (seldom needed)

    variant = describe_variant(image_format, data)
    if variant is not None:
        return UnsupportedImageError(variant)
    if isinstance(error, UnidentifiedImageError):
        return CorruptImageError("the header is damaged")
    if printed:
        return CorruptImageError(one_line(printed[0]))
    text = error if isinstance(error, EXPECTED_ERRORS) else describe_exception(error)
    return CorruptImageError(one_line(text))


def first_damage_message(image_format: str, warned: list[str], printed: list[str]) -> str | None:
    """The first report of damage by a decoder that decoded the image anyway."""
    relevant = [text for text in printed if not text.startswith(DIRECTORY_MODULES)]
    if image_format != "TIFF":  # of which the strips and tiles are verified
        relevant += [text for text in warned if any(word in text.lower() for word in DAMAGE_WORDS)]
    return next(iter(relevant), None)


def metadata_messages(image_format: str, warned: list[str], printed: list[str]) -> Iterator[str]:
    """What a decoder says about the metadata of an image that it decoded."""
    for text in printed:
        if text.startswith(DIRECTORY_MODULES) and "Unknown field" not in text:
            yield one_line(text)
    for text in warned:
        if any(word in text.lower() for word in METADATA_WORDS[image_format == "TIFF"]):
            yield one_line(text)


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


def open_and_load(image_format: str, data: bytes, limit: int, header: ImageHeader) -> DecodedImage:
    """Open the image, check its size, then load its frames."""
    with open_with_pillow(image_format, data) as image:
        width, height = image.size
        check_size(width, height, limit)
        mode = image.mode
        check_bytes(image_format, width, height, mode, limit)
        frames = count_frames(image_format, data, image)
        if image_format == "TIFF":
            check_tiff_data(data, limit)
        image.load()
        if image_format == "PNG" and (image.info.get("interlace") or ends_blank(image)):
            check_all_rows(data)
        if header.palette is not None and image.mode == "P":
            check_palette_indices(image, header.palette)
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
    return DecodedImage(height, width, mode, values, frames)


def ends_blank(image: Image.Image) -> bool:
    """Whether the last row is all zeros, like rows that the decoder never reached."""
    return not np.asarray(image.crop((0, image.height - 1, image.width, image.height))).any()


def check_tiff_data(data: bytes, limit: int) -> None:
    """Raise :class:`CorruptImageError` if a strip, tile or directory of a TIFF is damaged."""
    from datascan.decoders.image.formats.tiff_data import find_tiff_damage  # noqa: PLC0415  (only TIFFs need it)

    damage = find_tiff_damage(data, limit)
    if damage is not None:
        raise CorruptImageError(damage)


def check_all_rows(data: bytes) -> None:
    """Raise :class:`CorruptImageError` if the pixel data of a PNG ends early.

    Pillow leaves the missing rows black and does not report it.
    """
    why = find_missing_data(data)
    if why is not None:
        raise CorruptImageError(why)


def check_palette_indices(image: Image.Image, colours: int) -> None:
    """Raise :class:`CorruptImageError` if pixels have a colour that the palette does not have."""
    largest = int(np.asarray(image).max())
    if largest >= colours:
        raise CorruptImageError(
            f"pixels have colour {largest}, but the palette has {pluralize(colours, 'colour')}"
        )


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
