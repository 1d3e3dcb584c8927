"""Looking at many encoded images: columns of what is known, and faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from datascan.block import Fault, Part, Pictures
from datascan.pictures.decode import Corrupt, Oversized, Picture, decode
from datascan.pictures.markers import TURNS, Outline, orientation, outline
from datascan.pictures.signature import first_bytes, kind_of, promised
from datascan.survey import survey

CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Gallery:
    """What was seen of some images: columns, faults, and float pixels as parts of their own."""

    pictures: Pictures | None
    faults: tuple[Fault, ...]
    parts: tuple[Part, ...]


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
    seen: list[tuple[int, str, Picture]] = []
    for i, (image, row) in enumerate(zip(images, rows, strict=True)):
        mark(i, 1)
        data = bytes(image)
        kind = kind_of(data)
        if kind is None:
            faults.append(Fault(row, "not-an-image", first_bytes(data)))
            continue
        shape = outline(kind, data)
        try:
            if shape.damage is not None:
                raise_oversized_first(kind, data, max_pixels, shape.damage)
            picture = decode(kind, data, max_pixels)
        except Corrupt as why:
            faults.append(Fault(row, "corrupt-image", f"{kind}: {why}"))
        except Oversized as why:
            faults.append(Fault(row, "oversized-image", str(why)))
        else:
            seen.append((row, kind, picture))
            name = names[i] if names is not None else None
            faults += (Fault(row, *said) for said in remarks(kind, data, name, shape, picture))
    return Gallery(columns(seen), tuple(faults), tuple(float_parts(seen)))


def raise_oversized_first(kind: str, data: bytes, max_pixels: int, damage: str) -> None:
    """A broken structure is corrupt, unless the image would not be decoded at all."""
    with suppress(Corrupt):
        decode(kind, data[:4096], max_pixels)
    raise Corrupt(damage)


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


def columns(seen: Sequence[tuple[int, str, Picture]]) -> Pictures | None:
    """What was seen, side by side; None where there is nothing."""
    if not seen:
        return None
    low = np.full((len(seen), CHANNELS), np.nan)
    high = np.full((len(seen), CHANNELS), np.nan)
    totals, squares = np.empty(len(seen)), np.empty(len(seen))
    counts = np.empty(len(seen), np.int64)
    for i, (_, _, picture) in enumerate(seen):
        planes = finite_planes(picture.planes)
        low[i, : len(planes)] = planes.min(axis=1)
        high[i, : len(planes)] = planes.max(axis=1)
        seen_once = survey(planes.reshape(1, -1))
        totals[i], squares[i] = seen_once.totals[0], seen_once.squares[0]
        counts[i] = planes.size
    pictures = [picture for _, _, picture in seen]
    return Pictures(
        rows=np.array([row for row, _, _ in seen], np.int64),
        height=np.array([picture.height for picture in pictures], np.int64),
        width=np.array([picture.width for picture in pictures], np.int64),
        channels=np.array([len(picture.planes) for picture in pictures], np.int64),
        mode=np.array([picture.mode for picture in pictures]),
        format=np.array([kind for _, kind, _ in seen]),
        dtype=np.array([picture.dtype for picture in pictures]),
        low=low,
        high=high,
        totals=totals,
        squares=squares,
        counts=counts,
        approximate=np.array([picture.approximate for picture in pictures]),
    )


def finite_planes(planes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The planes with 0 for NaN and Inf, which the float rules report."""
    if planes.dtype.kind != "f" or np.isfinite(planes).all():
        return planes
    return np.asarray(np.nan_to_num(planes, nan=0.0, posinf=0.0, neginf=0.0))


def float_parts(seen: Sequence[tuple[int, str, Picture]]) -> Iterator[Part]:
    """Images of floats as parts: they can hold NaN and Inf."""
    for row, _, picture in seen:
        if picture.planes.dtype.kind == "f":
            yield Part("pixels", np.array([row]), picture.planes[None], primary=False)
