"""Encoded images as values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.base import Decoder, Tracker
from datascan.decoders.image.decode import (
    CorruptImageError,
    DecodedImage,
    OversizedImageError,
    check_size,
    decode,
)
from datascan.decoders.image.header import ImageHeader, first_bytes, format_from_name, sniff_format
from datascan.decoders.image.structure import TURNS, read_header, read_orientation
from datascan.records.block import ArrayColumn, Block, Fault, ImageColumn
from datascan.records.buffers import BytesColumn, hash_values
from datascan.records.statistics import compute_stats


class ImageDecoder(Decoder):
    """The value is an image file."""

    name: ClassVar[str] = "image"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the bytes begin as an image."""
        return sniff_format(value) is not None

    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """Every image decoded; no labels."""
        if not decode_images:
            encoded = {row: values.view(row) for row in range(len(values))}
            return Block(start, len(values), int(values.lengths.sum()), encoded=encoded)
        count = len(values)
        images = [values.view(row) for row in range(count)]
        seen = inspect_images(images, range(count), max_pixels=self.options.max_pixels, track=track)
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            arrays=seen.arrays,
            images=seen.images,
            faults=seen.faults,
            fingerprints=hash_values(values),
        )


CHANNELS = 4


@dataclass(frozen=True, slots=True)
class InspectedImages:
    """What was seen of some images: columns, faults, and float pixels as parts of their own."""

    images: ImageColumn | None
    faults: tuple[Fault, ...]
    arrays: tuple[ArrayColumn, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageStats:
    """What is kept of a decoded image: all but its pixels, which may be large.

    ``low`` and ``high``, (channels,), are of finite values, 0 where a channel has none.
    """

    row: int
    kind: str
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


def inspect_images(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    *,
    max_pixels: int,
    track: Tracker,
    names: Sequence[str] | None = None,
) -> InspectedImages:
    """Decode ``images``, which are the block's ``rows``, ascending.

    ``track(i, 1)`` is called before image i is decoded. ``names`` are file names, if there are
    any: their extensions are compared with the content.
    """
    faults: list[Fault] = []
    seen: list[ImageStats] = []
    floats: list[ArrayColumn] = []
    for i, (image, row) in enumerate(zip(images, rows, strict=True)):
        track(i, 1)
        data = bytes(image)
        kind = sniff_format(data)
        if kind is None:
            faults.append(Fault(row, "not-an-image", first_bytes(data)))
            continue
        shape = read_header(kind, data)
        try:
            picture = decode_image(kind, data, shape, max_pixels)
        except CorruptImageError as why:
            faults.append(Fault(row, "corrupt-image", f"{kind}: {why}"))
        except OversizedImageError as why:
            faults.append(Fault(row, "oversized-image", str(why)))
        else:
            if picture.planes.dtype.kind == "f":
                # Floats can hold NaN and Inf: a part of their own, for the rules about those.
                pixels = picture.planes[None]
                floats.append(ArrayColumn("pixels", np.array([row]), pixels, primary=False))
            seen.append(compute_image_stats(row, kind, picture))
            name = names[i] if names is not None else None
            faults += (
                Fault(row, *said) for said in find_image_faults(kind, data, name, shape, picture)
            )
    return InspectedImages(stack_stats(seen), tuple(faults), tuple(floats))


def decode_image(kind: str, data: bytes, shape: ImageHeader, max_pixels: int) -> DecodedImage:
    """The image decoded, if its structure is whole and it is not too large.

    Raises:
        Corrupt: where it cannot be decoded in full.
        Oversized: where it has too many pixels, whether it is whole or not.
    """
    if shape.size is not None:
        check_size(*shape.size, max_pixels)
    if shape.damage is not None:
        raise CorruptImageError(shape.damage)
    return decode(kind, data, max_pixels)


def find_image_faults(
    kind: str, data: bytes, name: str | None, shape: ImageHeader, picture: DecodedImage
) -> Iterator[tuple[str, str]]:
    """Rules and details of what is odd about a whole image."""
    if name is not None and (told := format_from_name(name)) is not None and told != kind:
        yield "misnamed-image", f"{kind} named {name[name.rfind('.') :]}"
    if shape.end is not None and shape.end < len(data):
        count = len(data) - shape.end
        yield "trailing-bytes", f"{count:,} byte{'s' * (count > 1)} after the end of the image"
    turned = read_orientation(shape.exif if kind != "TIFF" else data)
    if turned in TURNS:
        yield "exif-orientation", f"orientation {turned}: {TURNS[turned]}"
    frames = max(picture.frames, shape.frames or 1)
    if frames > 1:
        yield "animated-image", f"{frames:,} {'pages' if kind == 'TIFF' else 'frames'}"


def compute_image_stats(row: int, kind: str, picture: DecodedImage) -> ImageStats:
    """Figures of an image, so that its pixels need not be kept."""
    planes = picture.planes
    if planes.dtype.kind == "f" and not np.isfinite(planes).all():
        finite = [plane[np.isfinite(plane)] for plane in planes]
        found = [compute_stats(values.reshape(1, -1)) if values.size else None for values in finite]
        low = np.array([one.low[0] if one else 0.0 for one in found])
        high = np.array([one.high[0] if one else 0.0 for one in found])
        count = sum(values.size for values in finite)
        total = float(sum(one.totals[0] for one in found if one))
        square = float(sum(one.squares[0] for one in found if one))
    else:
        whole = compute_stats(planes)
        low, high, count = whole.low, whole.high, planes.size
        total, square = float(whole.totals.sum()), float(whole.squares.sum())
    return ImageStats(
        row,
        kind,
        picture.height,
        picture.width,
        picture.mode,
        picture.dtype,
        picture.approximate,
        low,
        high,
        total,
        square,
        count,
    )


def stack_stats(seen: Sequence[ImageStats]) -> ImageColumn | None:
    """What was seen, side by side; None where there is nothing."""
    if not seen:
        return None
    low = np.full((len(seen), CHANNELS), np.nan)
    high = np.full((len(seen), CHANNELS), np.nan)
    for i, one in enumerate(seen):
        low[i, : len(one.low)] = one.low
        high[i, : len(one.high)] = one.high
    return ImageColumn(
        rows=np.array([one.row for one in seen], np.int64),
        height=np.array([one.height for one in seen], np.int64),
        width=np.array([one.width for one in seen], np.int64),
        channels=np.array([len(one.low) for one in seen], np.int64),
        mode=np.array([one.mode for one in seen]),
        format=np.array([one.kind for one in seen]),
        dtype=np.array([one.dtype for one in seen]),
        low=low,
        high=high,
        totals=np.array([one.total for one in seen]),
        squares=np.array([one.square for one in seen]),
        counts=np.array([one.count for one in seen], np.int64),
        approximate=np.array([one.approximate for one in seen]),
    )
