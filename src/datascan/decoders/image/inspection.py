"""Inspect encoded images: decode them, and find what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.base import Tracker
from datascan.decoders.image.decode import decode
from datascan.decoders.image.formats.metadata import describe_exif
from datascan.decoders.image.header import (
    ImageHeader,
    add_file_header,
    describe_content,
    format_from_name,
    sniff_format,
)
from datascan.decoders.image.outcomes import (
    CorruptImageError,
    DecodedImage,
    OversizedImageError,
    PixelFigures,
    UnsupportedImageError,
    check_size,
    measure_values,
)
from datascan.decoders.image.structure import ORIENTATIONS, read_header, read_orientation
from datascan.errors import describe_exception
from datascan.records.block import ArrayColumn, Fault, ImageColumn

MISSING = (np.nan,) * 4
"""The ends of channels that an image does not have."""

MAX_NOTES = 3


class InspectedImages(Struct, frozen=True):
    """The results for some images. ``arrays``: pixels of float images, as columns of their own."""

    images: ImageColumn | None
    faults: tuple[Fault, ...]
    arrays: tuple[ArrayColumn, ...]


class ImageStats(NamedTuple):
    """What is kept of a decoded image in place of its pixels, which may be large."""

    format: str
    height: int
    width: int
    mode: str
    dtype: str
    approximate: bool
    figures: PixelFigures


class InspectedImage(Struct, frozen=True, eq=False):
    """The result for one image.

    ``stats``: None if it does not decode. ``faults``: rules and details. ``pixels``: the values of
    a float image, (1, channels, values).
    """

    stats: ImageStats | None = None
    faults: tuple[tuple[str, str], ...] = ()
    pixels: NDArray[Any] | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether the data is not an image at all."""
        return any(rule == "not-an-image" for rule, _ in self.faults)


def inspect_images(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    *,
    max_pixels: int,
    track: Tracker,
    names: Sequence[str] | None = None,
) -> InspectedImages:
    """Decode ``images``, which are the block's ``rows``, ascending.

    ``track(i, 1)`` is called before image i is decoded. ``names`` are the file names, if there are
    any; their extensions are compared with the content.
    """
    found = []
    for i, image in enumerate(images):
        track(i, 1)
        name = names[i] if names is not None else None
        found.append(inspect_image(bytes(image), name, max_pixels))
    return collect_images(found, rows)


def inspect_image(data: bytes, name: str | None, max_pixels: int) -> InspectedImage:
    """Decode one image; the extension of its file's ``name`` is compared with the content.

    Whatever a decoder raises is a fault of the image, except for a lack of memory.
    """
    image_format = sniff_format(data)
    if image_format is None and name is not None and name.lower().endswith(".dib"):
        bitmap = add_file_header(data)
        image_format, data = (None, data) if bitmap is None else ("BMP", bitmap)
    if image_format is None:
        return InspectedImage(faults=(("not-an-image", describe_content(data)),))
    try:
        return inspect_format(image_format, data, name, max_pixels)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (a defect of a decoder, or of ours)
        return InspectedImage(faults=(("reader-crash", describe_exception(error)),))


def inspect_format(
    image_format: str, data: bytes, name: str | None, max_pixels: int
) -> InspectedImage:
    """Decode one image of a known format."""
    header = read_header(image_format, data)
    try:
        decoded = decode_image(image_format, data, header, max_pixels)
    except CorruptImageError as why:
        return InspectedImage(faults=(("corrupt-image", f"{image_format}: {why}"),))
    except UnsupportedImageError as why:
        return InspectedImage(faults=(("unsupported-image", f"{image_format}: {why}"),))
    except OversizedImageError as why:
        return InspectedImage(faults=(("oversized-image", str(why)),))
    # Float pixels can be NaN or Inf, so the rules about those need the values.
    return InspectedImage(
        compute_image_stats(image_format, decoded),
        tuple(find_image_faults(image_format, data, name, header, decoded)),
        decoded.planes[None] if decoded.values.dtype.kind == "f" else None,
    )


def collect_images(found: Sequence[InspectedImage], rows: Sequence[int]) -> InspectedImages:
    """Put the results for single images, which are the block's ``rows``, into columns."""
    pairs = list(zip(found, rows, strict=True))
    return InspectedImages(
        stack_stats([(one.stats, row) for one, row in pairs if one.stats is not None]),
        tuple(Fault(row, rule, detail) for one, row in pairs for rule, detail in one.faults),
        tuple(
            ArrayColumn("pixels", np.array([row]), one.pixels, primary=False)
            for one, row in pairs
            if one.pixels is not None
        ),
    )


def decode_image(
    image_format: str, data: bytes, header: ImageHeader, max_pixels: int
) -> DecodedImage:
    """Decode an image if its structure is intact and it is not too large.

    Raises:
        CorruptImageError: if it cannot be decoded in full.
        UnsupportedImageError: if the decoder lacks its variant.
        OversizedImageError: if it has too many pixels, whether it is intact or not.
    """
    if header.size is not None:
        check_size(*header.size, max_pixels)
    if header.damage is not None:
        raise CorruptImageError(header.damage)
    if header.unsupported is not None:
        if header.is_cut:
            raise CorruptImageError(f"the file ends before its image ({header.unsupported})")
        raise UnsupportedImageError(header.unsupported)
    return decode(image_format, data, max_pixels, header)


def find_image_faults(
    image_format: str, data: bytes, name: str | None, header: ImageHeader, decoded: DecodedImage
) -> Iterator[tuple[str, str]]:
    """Yield (rule, detail) for problems of an image that decodes."""
    notes = [*header.notes, *decoded.notes]
    if header.exif and (why := describe_exif(header.exif)):
        notes.append(why)
    if notes:
        yield "damaged-metadata", f"{image_format}: {describe_notes(notes)}"
    if name is not None and format_from_name(name) not in (None, image_format):
        yield "misnamed-image", f"{image_format} named {name[name.rfind('.') :]}"
    if header.end is not None and header.end < len(data):
        count = len(data) - header.end
        yield "trailing-bytes", f"{count:,} byte{'s' * (count > 1)} after the end of the image"
    orientation = read_orientation(header.exif if image_format != "TIFF" else data)
    if orientation in ORIENTATIONS:
        yield "exif-orientation", f"orientation {orientation}: {ORIENTATIONS[orientation]}"
    frames = max(decoded.frames, header.frames or 1)
    if frames > 1:
        yield "animated-image", f"{frames:,} {'pages' if image_format == 'TIFF' else 'frames'}"


def describe_notes(notes: Sequence[str]) -> str:
    """The first few different notes about metadata."""
    found = list(dict.fromkeys(notes))
    more = f"; and {len(found) - MAX_NOTES:,} more" if len(found) > MAX_NOTES else ""
    return "; ".join(found[:MAX_NOTES]) + more


def compute_image_stats(image_format: str, decoded: DecodedImage) -> ImageStats:
    """Compute the statistics of an image."""
    return ImageStats(
        image_format,
        decoded.height,
        decoded.width,
        decoded.mode,
        "uint8" if decoded.values.dtype.char == "B" else str(decoded.values.dtype),
        decoded.approximate,
        decoded.figures or measure_values(decoded.values),
    )


def stack_stats(found: Sequence[tuple[ImageStats, int]]) -> ImageColumn | None:
    """The statistics of all images, each with its row, as a column; None without images."""
    if not found:
        return None
    formats, heights, widths, modes, dtypes, approximate, figures = zip(
        *(one for one, _ in found), strict=True
    )
    lows, highs, totals, squares, counts = zip(*figures, strict=True)
    return ImageColumn(
        rows=np.array([row for _, row in found], np.int64),
        height=np.array(heights, np.int64),
        width=np.array(widths, np.int64),
        channels=np.array([len(low) for low in lows], np.int64),
        mode=np.array(modes),
        format=np.array(formats),
        dtype=np.array(dtypes),
        low=np.array([(*low, *MISSING[len(low) :]) for low in lows]),
        high=np.array([(*high, *MISSING[len(high) :]) for high in highs]),
        totals=np.array(totals, np.float64),
        squares=np.array(squares, np.float64),
        counts=np.array(counts, np.int64),
        approximate=np.array(approximate),
    )
