"""Inspect encoded images: decode them, and find what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
    UnsupportedImageError,
    check_size,
)
from datascan.decoders.image.structure import ORIENTATIONS, read_header, read_orientation
from datascan.errors import describe_exception
from datascan.records.block import ArrayColumn, Fault, ImageColumn
from datascan.records.statistics import compute_stats

MAX_CHANNELS = 4
MAX_NOTES = 3


class InspectedImages(Struct, frozen=True):
    """The results for some images. ``arrays``: pixels of float images, as columns of their own."""

    images: ImageColumn | None
    faults: tuple[Fault, ...]
    arrays: tuple[ArrayColumn, ...]


class ImageStats(Struct, frozen=True, eq=False):
    """Statistics of a decoded image, kept in place of its pixels, which may be large.

    ``low``, ``high``: (channels,), the range of the finite values; 0 for a channel without any.
    ``total``, ``square``: sums of the ``count`` finite values and of their squares.
    """

    format: str
    height: int
    width: int
    mode: str
    dtype: str
    approximate: bool
    low: NDArray[Any]
    high: NDArray[Any]
    total: float
    square: float
    count: int


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
        decoded.planes[None] if decoded.planes.dtype.kind == "f" else None,
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
    planes = decoded.planes
    if planes.dtype.kind == "f" and not np.isfinite(planes).all():
        finite = [plane[np.isfinite(plane)] for plane in planes]
        stats = [compute_stats(values.reshape(1, -1)) if values.size else None for values in finite]
        low = np.array([one.low[0] if one else 0.0 for one in stats])
        high = np.array([one.high[0] if one else 0.0 for one in stats])
        count = sum(values.size for values in finite)
        total = float(sum(one.totals[0] for one in stats if one))
        square = float(sum(one.squares[0] for one in stats if one))
    else:
        all_stats = compute_stats(planes)
        low, high, count = all_stats.low, all_stats.high, planes.size
        total, square = float(all_stats.totals.sum()), float(all_stats.squares.sum())
    return ImageStats(
        image_format,
        decoded.height,
        decoded.width,
        decoded.mode,
        decoded.dtype,
        decoded.approximate,
        low,
        high,
        total,
        square,
        count,
    )


def stack_stats(found: Sequence[tuple[ImageStats, int]]) -> ImageColumn | None:
    """The statistics of all images, each with its row, as a column; None without images."""
    if not found:
        return None
    stats = [one for one, _ in found]
    low = np.full((len(stats), MAX_CHANNELS), np.nan)
    high = np.full((len(stats), MAX_CHANNELS), np.nan)
    for i, one in enumerate(stats):
        low[i, : len(one.low)] = one.low
        high[i, : len(one.high)] = one.high
    return ImageColumn(
        rows=np.array([row for _, row in found], np.int64),
        height=np.array([one.height for one in stats], np.int64),
        width=np.array([one.width for one in stats], np.int64),
        channels=np.array([len(one.low) for one in stats], np.int64),
        mode=np.array([one.mode for one in stats]),
        format=np.array([one.format for one in stats]),
        dtype=np.array([one.dtype for one in stats]),
        low=low,
        high=high,
        totals=np.array([one.total for one in stats]),
        squares=np.array([one.square for one in stats]),
        counts=np.array([one.count for one in stats], np.int64),
        approximate=np.array([one.approximate for one in stats]),
    )
