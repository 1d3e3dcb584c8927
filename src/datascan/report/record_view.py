"""What a person sees of one record: its fields, label, statistics and picture, made in a worker.

Nothing here judges a record; see :mod:`datascan.scanner.one_record` for its findings.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.executors.base import WorkerSlot
from datascan.readers.base import Reader
from datascan.readers.tracked import tracked_blocks
from datascan.records.block import ArrayColumn, Block, ImageColumn
from datascan.records.shard import Shard
from datascan.records.statistics import in_float64

AROUND = 5
"""The number of values shown before and after the first one that is not finite."""

FIRST_VALUES = 12
HEAD_BYTES = 48
"""Bytes of a file that is not an image that are shown."""

PICTURE_EDGE = 384
"""The largest width and height of a picture, in pixels."""

FULL_EDGE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """A numeric field of a record.

    ``low``, ``high``, ``mean`` and ``std`` are those of its finite values; None without any.
    ``first_bad``: the place of the first NaN or Inf. ``excerpt``: values in a row, from the place
    ``excerpt_from`` (a flat index) on.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float | None
    high: float | None
    mean: float | None
    std: float | None
    nan: int
    inf: int
    first_bad: int | None
    excerpt_from: int
    excerpt: tuple[float | int, ...]

    @property
    def size(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView:
    """A decoded image; ``ranges``: the smallest and largest value of each channel."""

    format: str
    mode: str
    width: int
    height: int
    ranges: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record. ``label`` is None without one; ``head`` are the first bytes of an encoded value.

    ``picture`` is a PNG, at most 384 pixels wide and high. ``saved`` is what ``--save`` asked for.
    ``faults``: what could not be read, as pairs of rule and detail.
    """

    key: str
    nbytes: int
    fields: tuple[FieldView, ...] = ()
    image: ImageView | None = None
    label: Any = None
    encoding: str = ""
    head: bytes = b""
    picture: bytes | None = None
    saved: bytes | None = None
    faults: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ViewTask:
    """The task that makes views of the records in slices of shards.

    ``content``: whether the first bytes of encoded images are wanted. ``picture``: whether to make
    pictures. ``save``: "png", "npy" or "own" (an encoded image as it is); "" saves nothing.
    """

    reader: Reader
    content: bool = False
    picture: bool = False
    save: str = ""
    is_bgr: bool = False

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows of the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> tuple[RecordView, ...]:
        """The view of each record."""
        encoded: dict[int, bytes] = {}
        if self.content or self.picture or self.save:
            for block in tracked_blocks(self.reader, shard, slot, decode=False):
                first = block.start - shard.base
                encoded |= {first + row: bytes(data) for row, data in block.encoded.items()}
        views: list[RecordView] = []
        for block in tracked_blocks(self.reader, shard, slot):
            first = block.start - shard.base
            rows = range(first, first + block.records)
            keys = self.reader.keys(shard, rows)
            for row, key in zip(rows, keys, strict=True):
                views.append(self._view(block, row - first, key, encoded.get(row)))
        return tuple(views)

    def on_failure(self, shard: Shard, reason: str) -> tuple[RecordView, ...]:
        """Views of records that crash workers: only the reason."""
        count = 1 if shard.last is None else shard.last - shard.first
        fault = ("reader-crash", reason)
        return (RecordView(key="?", nbytes=0, faults=(fault,)),) * count

    def _view(self, block: Block, row: int, key: str, encoded: bytes | None) -> RecordView:
        arrays = {part.name: values for part, values in arrays_of(block, row)}
        view = RecordView(
            key=key,
            nbytes=block.nbytes if block.records == 1 else 0,
            fields=tuple(view_field(name, values) for name, values in arrays.items()),
            image=view_image(block.images, row),
            label=label_of(block, row),
            faults=tuple((f.rule, f.detail) for f in block.faults if f.row in (row, None)),
        )
        main = next((part.name for part, _ in arrays_of(block, row) if part.primary), None)
        values = arrays.get(main) if main is not None else None
        if encoded is not None:
            view = replace(view, head=encoded[:HEAD_BYTES], encoding=format_of(encoded))
        limit = self.reader.options.read.max_pixels
        picture = draw(encoded, values, limit, bgr=self.is_bgr) if self.picture else None
        return replace(view, picture=picture, saved=self._saved(encoded, values, limit))

    def _saved(self, encoded: bytes | None, values: Any, limit: int) -> bytes | None:
        """What is written to the file that the user named; None if the record has no such thing."""
        if self.save == "own":
            return encoded
        if self.save == "npy":
            if encoded is not None:
                values = pixels_of(encoded, limit)
            return None if values is None else to_npy(values)
        if self.save == "png":
            return draw(encoded, values, limit, bgr=self.is_bgr, edge=FULL_EDGE)
        return None


def arrays_of(block: Block, row: int) -> Iterator[tuple[ArrayColumn, NDArray[Any]]]:
    """The columns that have values of a record, and the values."""
    for part in block.arrays:
        at = int(np.searchsorted(part.rows, row))
        if at < len(part.rows) and part.rows[at] == row:
            values = part.take(np.array([at])).reshape(part.shape)
            yield part, values.view(np.bool_) if part.dtype == np.bool_ else values


def view_field(name: str, values: NDArray[Any]) -> FieldView:
    """The statistics of an array, and some of its values."""
    flat = values.ravel()
    floats = in_float64(flat.view(np.uint8) if flat.dtype == np.bool_ else flat)
    finite = np.isfinite(floats)
    bad = np.flatnonzero(~finite)
    first_bad = int(bad[0]) if len(bad) else None
    start = 0 if first_bad is None else max(0, first_bad - AROUND)
    stop = FIRST_VALUES if first_bad is None else first_bad + AROUND + 1
    inside = floats[finite]
    scale = max(1.0, float(np.abs(inside).max())) if len(inside) else 1.0
    mean = float((inside / scale).mean()) * scale if len(inside) else None
    std = float((inside / scale).std()) * scale if len(inside) else None
    return FieldView(
        name=name,
        shape=values.shape,
        dtype=values.dtype.name,
        low=float(inside.min()) if len(inside) else None,
        high=float(inside.max()) if len(inside) else None,
        mean=mean,
        std=std,
        nan=int(np.isnan(floats).sum()),
        inf=int(np.isinf(floats).sum()),
        first_bad=first_bad,
        excerpt_from=start,
        excerpt=tuple(flat[start:stop].tolist()),
    )


def view_image(images: ImageColumn | None, row: int) -> ImageView | None:
    """A decoded image of a block."""
    if images is None:
        return None
    at = int(np.searchsorted(images.rows, row))
    if at >= len(images.rows) or images.rows[at] != row:
        return None
    channels = int(images.channels[at])
    pairs = zip(
        images.low[at, :channels].tolist(), images.high[at, :channels].tolist(), strict=True
    )
    return ImageView(
        format=str(images.format[at]),
        mode=str(images.mode[at]),
        width=int(images.width[at]),
        height=int(images.height[at]),
        ranges=tuple(pairs),
    )


def label_of(block: Block, row: int) -> Any:
    """The label of a record: a number, or a list of numbers."""
    if block.labels is None or not block.labels.present[row]:
        return None
    return block.labels.values[row].tolist()


def format_of(encoded: bytes) -> str:
    """The format of an encoded image; empty if it is not one."""
    from datascan.decoders.image.header import sniff_format  # noqa: PLC0415  (most records are arrays)

    return sniff_format(encoded) or ""


def draw(
    encoded: bytes | None,
    values: NDArray[Any] | None,
    max_pixels: int,
    *,
    bgr: bool,
    edge: int = PICTURE_EDGE,
) -> bytes | None:
    """A PNG of an encoded image, or of an array shaped like one. Never raises.

    It is at most ``edge`` pixels wide and high; arrays are scaled from their range to 0..255.
    """
    from PIL import Image  # noqa: PLC0415  (imports Pillow, which neighbours do not need)

    from datascan.report import thumbnails  # noqa: PLC0415  (imports Pillow)

    try:
        if encoded is not None:
            image = thumbnails.open_image(encoded, max_pixels, edge, damaged=True)
        else:
            step = edge == FULL_EDGE
            planes = None if values is None else thumbnails.picture_of(values, whole=step)
            if bgr and planes is not None and planes.ndim == 3:
                planes = planes[:, :, ::-1]
            image = None if planes is None else Image.fromarray(thumbnails.to_uint8(planes))
        if image is None:
            return None
        image = thumbnails.to_viewable(image)
        image.thumbnail((edge, edge), Image.Resampling.BILINEAR)
        stream = io.BytesIO()
        image.save(stream, "PNG")
        return stream.getvalue()
    except Exception:  # noqa: BLE001  (decoders raise all kinds of errors on damaged images)
        return None


def pixels_of(encoded: bytes, max_pixels: int) -> NDArray[Any] | None:
    """The values of an encoded image at full size; None if it cannot be decoded."""
    from datascan.report import thumbnails  # noqa: PLC0415  (imports Pillow)

    image = thumbnails.open_image(encoded, max_pixels, FULL_EDGE, damaged=False)
    return None if image is None else np.asarray(image)


def to_npy(values: NDArray[Any]) -> bytes:
    """An array as a ``.npy`` file."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()
