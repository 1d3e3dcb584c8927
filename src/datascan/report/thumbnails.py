"""Thumbnails of records: of encoded images, even damaged ones, and of arrays shaped like images."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from datascan.decoders.image.header import ImageHeader, sniff_format
from datascan.decoders.image.outcomes import OversizedImageError, check_size
from datascan.decoders.image.pillow import (
    capture_library_output,
    collect_pillow_warnings,
    open_with_pillow,
    to_plain_mode,
)
from datascan.decoders.image.structure import read_header
from datascan.records.statistics import in_float64

EDGE = 96
"""The largest width and height of a thumbnail, in pixels."""

MAX_PIXELS = 1 << 25
"""The most pixels decoded for a thumbnail, even if ``--max-pixels`` allows more."""

EXACT_EDGE = 32
"""Images up to this size are kept exactly, as PNG; larger ones become JPEGs."""

SAMPLE_EDGE = 1024
MAX_BYTES = 12_000
MARK = 3
"""The least width and height of a mark, in pixels."""

MIN_STRIP = 12
PINK = (255, 0, 160)

MIN_EDGE = 4
"""Arrays with fewer rows or columns are features rather than images."""


def thumbnail(data: bytes, max_pixels: int) -> str | None:
    """A data: URI of an encoded image, or of the part before the damage. Never raises."""
    image = open_image(data, max_pixels, EDGE, damaged=True)
    return None if image is None else uri(image)


def pixels(data: bytes, max_pixels: int) -> NDArray[Any] | None:
    """The values of an intact encoded image, a JPEG at about 1,024 pixels an edge. Never raises."""
    image = open_image(data, max_pixels, SAMPLE_EDGE, damaged=False)
    return None if image is None else np.asarray(image)


def open_image(data: bytes, max_pixels: int, edge: int, *, damaged: bool) -> Image.Image | None:
    """The first frame, with its palette resolved; None if it cannot be decoded.

    ``damaged``: accept an image of which only a part can be decoded.
    """
    kind = sniff_format(data)
    if kind is None:
        return None
    try:
        header = check_header(kind, data, max_pixels)
        with (
            collect_pillow_warnings(),
            capture_library_output(kind),
            accept_truncated(allowed=damaged),
        ):
            reduced = edge if header.is_scalable else None
            return load_image(kind, data, max_pixels, reduced, damaged=damaged)
    except Exception:  # noqa: BLE001  (decoders raise all kinds of errors on damaged images)
        return None


def check_header(kind: str, data: bytes, max_pixels: int) -> ImageHeader:
    """The header; raises :class:`OversizedImageError` if it declares too many pixels."""
    shape = read_header(kind, data)
    if kind == "JPEG" and shape.damage is not None:
        raise OversizedImageError(shape.damage)
    if shape.size is not None:
        check_size(*shape.size, max_pixels if kind == "JPEG" else min(max_pixels, MAX_PIXELS))
    return shape


def load_image(
    kind: str, data: bytes, max_pixels: int, edge: int | None, *, damaged: bool
) -> Image.Image:
    """Open and load an image; a JPEG at reduced scale, down to ``edge`` (None: in full)."""
    image: Any = open_with_pillow(kind, data)
    width, height = image.size
    check_size(width, height, max_pixels)
    # A progressive JPEG is held in memory in full, even if decoded at reduced scale.
    if edge is not None and not image.info.get("progressive"):
        image.draft(None, (edge, edge))
    width, height = image.size
    check_size(width, height, MAX_PIXELS)
    if getattr(image, "tile", None) and image.format == "TIFF":
        for tile in image.tile:
            check_size(tile[1][2] - tile[1][0], tile[1][3] - tile[1][1], MAX_PIXELS)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError):
        # Pillow keeps what it decoded before the damage, if anything.
        if not damaged or getattr(image, "_im", None) is None:
            raise
        image.tile = []  # otherwise it is decoded again and fails again
    return to_plain_mode(image.convert("RGB") if image.mode == "YCbCr" else image)


@contextmanager
def accept_truncated(*, allowed: bool) -> Iterator[None]:
    """Let Pillow accept truncated images within the context."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = allowed
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def thumbnail_of_array(values: NDArray[Any], *, bgr: bool = False) -> str | None:
    """A data: URI of an array shaped like an image, or of one with NaN or Inf. Never raises.

    Shapes: (1 or 3, height, width), (height, width) or (height, width, 1 or 3). ``bgr``: the three
    channels are blue, green and red. NaN and Inf are marked, in any shape; None for all others.
    """
    try:
        if has_gaps(values):
            return uri(marked_picture(values), exact=True)
        planes = picture_of(values)
        if bgr and planes is not None and planes.ndim == 3:
            planes = planes[:, :, ::-1]
        return None if planes is None else uri(Image.fromarray(to_uint8(planes)))
    except Exception:  # noqa: BLE001  (a missing thumbnail is not an error)
        return None


def picture_of(values: NDArray[Any], *, whole: bool = False) -> NDArray[Any] | None:
    """Values as (height, width) or (height, width, 3).

    They are subsampled to at most 383 pixels an edge, unless ``whole``.
    """
    if values.ndim == 3 and values.shape[0] in (1, 3):
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] != 3):
        return None
    if min(values.shape[:2]) < MIN_EDGE or values.dtype.kind not in "biuf":
        return None
    step = 1 if whole else max(1, max(values.shape[:2]) // (2 * EDGE))
    return values[::step, ::step]


def to_uint8(planes: NDArray[Any]) -> NDArray[np.uint8]:
    """Values as uint8; other types are scaled from their finite range, NaN and Inf become black."""
    if planes.dtype == np.uint8:
        return np.ascontiguousarray(planes)
    floats = in_float64(planes)
    finite = np.isfinite(floats)
    if not finite.any():
        return np.zeros(planes.shape, np.uint8)
    low, high = floats[finite].min(), floats[finite].max()
    # Halved, because the range of float64 overflows float64.
    span = high / 2 - low / 2
    scaled = np.where(finite, floats / 2 - low / 2, 0.0) / (span or 1.0)
    return (scaled * 255).astype(np.uint8)


def uri(image: Image.Image, *, exact: bool = False) -> str | None:
    """An image of at most 96 x 96 pixels as a data: URI; None if even that is too long.

    ``exact``: without loss, if it is short enough.
    """
    image = to_viewable(image)
    image.thumbnail((EDGE, EDGE), Image.Resampling.BILINEAR)
    small = exact or max(image.size) <= EXACT_EDGE
    kind, name = ("PNG", "png") if small else ("JPEG", "jpeg")
    for quality in (80, 50, 20):
        stream = io.BytesIO()
        image.save(stream, kind, **({} if small else {"quality": quality}))
        if stream.tell() <= MAX_BYTES:
            return f"data:image/{name};base64,{base64.b64encode(stream.getvalue()).decode()}"
    return uri(image) if exact else None


def has_gaps(values: NDArray[Any]) -> bool:
    """Whether any value is NaN or Inf."""
    return values.dtype.kind == "f" and not np.isfinite(values).all()


def marked_picture(values: NDArray[Any]) -> Image.Image:
    """An array in grey, of at most 96 x 96 pixels, with its NaN and Inf in pink.

    An array that is not shaped like an image is drawn row by row, each value as a cell.
    """
    planes = picture_of(values, whole=True)
    if planes is None:
        planes = cells_of(values)
    gaps = ~np.isfinite(planes)
    step = max(1, max(planes.shape[:2]) // (2 * EDGE))
    grey = to_uint8(planes[::step, ::step])
    if planes.ndim == 3:
        grey, gaps = grey.mean(axis=2).astype(np.uint8), gaps.any(axis=2)
    size = fit(gaps.shape[1], gaps.shape[0])
    image = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.NEAREST))
    colours = np.repeat(image[:, :, None], 3, axis=2)
    colours[mark(gaps, *size)] = PINK
    return Image.fromarray(colours)


def mark(gaps: NDArray[np.bool_], width: int, height: int) -> NDArray[np.bool_]:
    """``gaps`` at another size: of a single one among many, at least 3 x 3 pixels are marked."""
    cells = Image.fromarray(gaps.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)
    marks = np.asarray(cells) > 0
    rows, columns = np.nonzero(gaps)
    top, left = rows * height // gaps.shape[0], columns * width // gaps.shape[1]
    for down in range(MARK):
        for right in range(MARK):
            marks[np.minimum(top + down, height - 1), np.minimum(left + right, width - 1)] = True
    return marks


def fit(width: int, height: int) -> tuple[int, int]:
    """The size of a picture of ``width`` x ``height`` cells: 96 pixels at its longer edge."""
    longer = max(width, height)
    return max(MIN_STRIP, width * EDGE // longer), max(MIN_STRIP, height * EDGE // longer)


def cells_of(values: NDArray[Any]) -> NDArray[Any]:
    """Values as (rows, columns), thinned to at most 192 an edge without losing any NaN or Inf."""
    flat = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values.reshape(1, -1)
    for axis in (0, 1):
        step = -(-flat.shape[axis] // (2 * EDGE))
        if step > 1:
            starts = np.arange(0, flat.shape[axis], step)
            # A sum has a gap if any of its terms has one; the scale does not matter here.
            with np.errstate(all="ignore"):
                flat = np.add.reduceat(flat.astype(np.float64) / step, starts, axis=axis)
    return flat


def to_viewable(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey or RGB; deeper greys are scaled, transparency is shown on grey."""
    if image.mode in ("L", "RGB"):
        return image.copy()
    if image.mode in ("1", "CMYK", "YCbCr", "LAB", "HSV"):
        return image.convert("L" if image.mode == "1" else "RGB")
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        clear = image.convert("RGBA")
        ground = Image.new("RGBA", clear.size, (128, 128, 128, 255))
        return Image.alpha_composite(ground, clear).convert("RGB")
    return Image.fromarray(to_uint8(np.asarray(image)))
