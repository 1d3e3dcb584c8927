"""Strict and complete decoding of one image.

libjpeg-turbo decodes JPEGs at 1/8 scale with warnings as errors: it reads all entropy-coded bytes
but transforms only the DC coefficients. Pillow decodes all other formats.
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
from importlib import import_module
from typing import IO, Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageSequence, UnidentifiedImageError

from datascan.decoders.image.frames import count_frames
from datascan.decoders.image.png import find_missing_data

# Without a handler Python prints what Pillow logs, although it also raises or warns.
logging.getLogger("PIL").addHandler(logging.NullHandler())

SMALL_PIXELS = 1 << 14
"""JPEGs of at most this many pixels are decoded in full: it is cheap and the values are exact."""

FULL_DECODE_PIXELS = 1 << 24
"""A larger JPEG that is constant at 1/8 scale is not decoded again to confirm it."""

STDERR = 2
JPEG_MODES = {"YCbCr": "RGB", "RGB": "RGB", "Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}
JPEG_TARGETS = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
PLAIN_MODES = {"P": "RGB", "PA": "RGBA"}
MODE_BYTES = {"1": 1, "L": 1, "LA": 2, "I;16": 2, "RGB": 3, "YCbCr": 3, "LAB": 3, "HSV": 3}
"""Bytes per pixel once decoded, by mode; 4 for all others, as palettes may become RGBA."""

WORKING_MEMORY = {"JPEG 2000": 1.8, "WebP": 1.7, "AVIF": 1.2}
"""How much more memory the decoders of some formats need than others, with all their copies."""

FREE_BYTES = 64 << 20
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

MEMORY_WORDS = ("insufficient memory", "out of memory")
DAMAGE_WORDS = ("truncated", "invalid apng")
TIFF_DAMAGE_WORDS = (*DAMAGE_WORDS, "corrupt", "larger than file", "offset too large")
"""Words in Pillow's warnings about damage. A damaged TIFF directory affects the pixels."""


class CorruptImageError(Exception):
    """The image cannot be decoded in full. The message is the fault's detail."""


class OversizedImageError(Exception):
    """The image has more pixels than allowed. The message is the fault's detail."""


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image. ``planes``: (channels, values), at 1/8 scale if ``approximate``."""

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


def decode(image_format: str, data: bytes, limit: int) -> DecodedImage:
    """Decode an image of at most ``limit`` pixels.

    Raises:
        CorruptImageError: if it cannot be decoded in full.
        OversizedImageError: if it has more pixels. It is not decoded then.
        MemoryError: if there is not enough memory, and nothing is wrong with the image.
    """
    if image_format != "JPEG":
        return decode_with_pillow(image_format, data, limit)
    try:
        return decode_jpeg(data, limit)
    except KeyError:
        # Sampling factors that simplejpeg has no name for, such as 4:4:1.
        return decode_with_pillow(image_format, data, limit)
    except ValueError as error:
        if str(error).startswith(("Unsupported", "Sorry")) or "subsampling level" in str(error):
            # Intact but not supported here (arithmetic coding, 12 bits, 4:1:0); Pillow may be able.
            return decode_with_pillow(image_format, data, limit)
        if has_memory_words(error):
            raise MemoryError from error
        raise CorruptImageError(one_line(error)) from error


def decode_jpeg(data: bytes, limit: int) -> DecodedImage:
    """Decode at 1/8 scale, or in full if the image is small or seems to have a constant channel.

    Raises:
        ValueError: with libjpeg's message, for its warnings as well as its errors.
        OversizedImageError: if it has more than ``limit`` pixels.
    """
    height, width, colorspace, _ = simplejpeg.decode_jpeg_header(data)
    check_size(width, height, limit)
    mode = JPEG_MODES.get(colorspace, "RGB")
    if width * height <= SMALL_PIXELS:
        planes = to_planes(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return DecodedImage(height, width, mode, "uint8", planes)
    quick = {"min_height": 1, "min_width": 1, "min_factor": 8, "fastdct": True}
    values = simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode], fastupsample=True, **quick)
    planes = to_planes(values)
    blank = bool((planes.min(axis=1) == planes.max(axis=1)).any())
    if blank and width * height <= FULL_DECODE_PIXELS:
        planes = to_planes(simplejpeg.decode_jpeg(data, JPEG_TARGETS[mode]))
        return DecodedImage(height, width, mode, "uint8", planes)
    return DecodedImage(height, width, mode, "uint8", planes, approximate=True)


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
            raise CorruptImageError(one_line(error)) from error
    message = first_damage_message(
        image_format, [str(warning.message) for warning in warned], printed
    )
    if message is not None:
        raise MemoryError if has_memory_words(message) else CorruptImageError(one_line(message))
    return image


def has_memory_words(message: object) -> bool:
    """Whether libjpeg, libtiff or Pillow says that it could not allocate memory."""
    return any(words in str(message).lower() for words in MEMORY_WORDS)


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


def to_planes(values: NDArray[Any]) -> NDArray[Any]:
    """Reshape (height, width) or (height, width, channels) to (channels, height * width)."""
    if values.ndim == 2:
        return values.reshape(1, -1)
    return np.ascontiguousarray(values.reshape(-1, values.shape[2]).T)


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


def one_line(error: object) -> str:
    """A decoder's message on one line of at most 200 characters, without object addresses."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.split(" <_io")[0][:200]
