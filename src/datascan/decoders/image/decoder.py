"""Encoded images as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.base import Layout, Mark
from datascan.decoders.image.decode import Corrupt, Oversized, Picture, check_size, decode
from datascan.decoders.image.header import Outline, first_bytes, kind_of, promised
from datascan.decoders.image.structure import TURNS, orientation, outline
from datascan.records.block import Block, Fault, Part, Pictures
from datascan.records.buffers import Bytes, signatures
from datascan.records.statistics import survey


class ImageLayout(Layout):
    """The value is an image file."""

    name: ClassVar[str] = "image"

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the bytes begin as an image."""
        return kind_of(value) is not None

    def block(self, start: int, values: Bytes, mark: Mark) -> Block:
        """Every image decoded; no labels."""
        if self.options.undecoded:
            encoded = {row: values.view(row) for row in range(len(values))}
            return Block(start, len(values), int(values.lengths.sum()), encoded=encoded)
        # The decoders take longer to import than a small store takes to scan.
        from datascan.decoders.image.decoder import look_at  # noqa: PLC0415

        count = len(values)
        images = [values.view(row) for row in range(count)]
        seen = look_at(images, range(count), max_pixels=self.options.max_pixels, mark=mark)
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            parts=seen.parts,
            pictures=seen.pictures,
            faults=seen.faults,
            signatures=signatures(values),
        )


CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Gallery:
    """What was seen of some images: columns, faults, and float pixels as parts of their own."""

    pictures: Pictures | None
    faults: tuple[Fault, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
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


def look_at(
    images: Sequence[bytes | memoryview],
    rows: Sequence[int],
    *,
    max_pixels: int,
    mark: Callable[[int, int], None],
    names: Sequence[str] | None = None,
) -> Gallery:
    """Decode ``images``, which are the block's ``rows``, ascending.

    ``mark(i, 1)`` is called before image i is decoded. ``names`` are file names, if there are any:
    their extensions are compared with the content.
    """
    faults: list[Fault] = []
    seen: list[Glance] = []
    floats: list[Part] = []
    for i, (image, row) in enumerate(zip(images, rows, strict=True)):
        mark(i, 1)
        data = bytes(image)
        kind = kind_of(data)
        if kind is None:
            faults.append(Fault(row, "not-an-image", first_bytes(data)))
            continue
        shape = outline(kind, data)
        try:
            picture = decoded(kind, data, shape, max_pixels)
        except Corrupt as why:
            faults.append(Fault(row, "corrupt-image", f"{kind}: {why}"))
        except Oversized as why:
            faults.append(Fault(row, "oversized-image", str(why)))
        else:
            if picture.planes.dtype.kind == "f":
                # Floats can hold NaN and Inf: a part of their own, for the rules about those.
                pixels = picture.planes[None]
                floats.append(Part("pixels", np.array([row]), pixels, primary=False))
            seen.append(glance(row, kind, picture))
            name = names[i] if names is not None else None
            faults += (Fault(row, *said) for said in remarks(kind, data, name, shape, picture))
    return Gallery(columns(seen), tuple(faults), tuple(floats))


def decoded(kind: str, data: bytes, shape: Outline, max_pixels: int) -> Picture:
    """The image decoded, if its structure is whole and it is not too large.

    Raises:
        Corrupt: where it cannot be decoded in full.
        Oversized: where it has too many pixels, whether it is whole or not.
    """
    if shape.size is not None:
        check_size(*shape.size, max_pixels)
    if shape.damage is not None:
        raise Corrupt(shape.damage)
    return decode(kind, data, max_pixels)


def remarks(
    kind: str, data: bytes, name: str | None, shape: Outline, picture: Picture
) -> Iterator[tuple[str, str]]:
    """Rules and details of what is odd about a whole image."""
    if name is not None and (told := promised(name)) is not None and told != kind:
        yield "misnamed-image", f"{kind} named {name[name.rfind('.') :]}"
    if shape.end is not None and shape.end < len(data):
        count = len(data) - shape.end
        yield "trailing-bytes", f"{count:,} byte{'s' * (count > 1)} after the end of the image"
    turned = orientation(shape.exif if kind != "TIFF" else data)
    if turned in TURNS:
        yield "exif-orientation", f"orientation {turned}: {TURNS[turned]}"
    frames = max(picture.frames, shape.frames or 1)
    if frames > 1:
        yield "animated-image", f"{frames:,} {'pages' if kind == 'TIFF' else 'frames'}"


def glance(row: int, kind: str, picture: Picture) -> Glance:
    """Figures of an image, so that its pixels need not be kept."""
    planes = picture.planes
    if planes.dtype.kind == "f" and not np.isfinite(planes).all():
        finite = [plane[np.isfinite(plane)] for plane in planes]
        found = [survey(values.reshape(1, -1)) if values.size else None for values in finite]
        low = np.array([one.low[0] if one else 0.0 for one in found])
        high = np.array([one.high[0] if one else 0.0 for one in found])
        count = sum(values.size for values in finite)
        total = float(sum(one.totals[0] for one in found if one))
        square = float(sum(one.squares[0] for one in found if one))
    else:
        whole = survey(planes)
        low, high, count = whole.low, whole.high, planes.size
        total, square = float(whole.totals.sum()), float(whole.squares.sum())
    return Glance(
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


def columns(seen: Sequence[Glance]) -> Pictures | None:
    """What was seen, side by side; None where there is nothing."""
    if not seen:
        return None
    low = np.full((len(seen), CHANNELS), np.nan)
    high = np.full((len(seen), CHANNELS), np.nan)
    for i, one in enumerate(seen):
        low[i, : len(one.low)] = one.low
        high[i, : len(one.high)] = one.high
    return Pictures(
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
