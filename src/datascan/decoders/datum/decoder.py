"""Caffe's Datum: records with shape, label, and values as bytes, floats or an encoded image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import xxhash
from numpy.typing import NDArray

from datascan.decoders.base import Decoder, Tracker
from datascan.decoders.datum.template import Template, datum_error, template_of
from datascan.records.block import (
    ArrayColumn,
    Block,
    Fault,
    Labels,
    compute_digests,
    compute_fingerprints,
)
from datascan.records.buffers import BytesColumn

if TYPE_CHECKING:
    from datascan.decoders.datum.message import Datum

MAX_TEMPLATES = 8
"""Records of one length are tried against so many templates before the exact path takes them."""

FEW = 4
"""Fewer records of one length than this are not worth a template."""

Numbers = NDArray[np.int64]


@dataclass
class DatumBatch:
    """A block in the making."""

    values: BytesColumn
    labels: NDArray[np.int32]
    present: NDArray[np.bool_]
    arrays: list[ArrayColumn] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    encoded: dict[int, bytes | memoryview] = field(default_factory=dict)
    single: dict[tuple[Any, ...], list[tuple[int, NDArray[Any]]]] = field(default_factory=dict)


class DatumDecoder(Decoder):
    """Serialized Caffe Datums."""

    name: ClassVar[str] = "caffe-datum"
    is_bgr: ClassVar[bool] = True
    """Caffe's own tools write what OpenCV decodes."""

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether the bytes parse, and hold values and nothing that a Datum has not."""
        template = template_of(value)
        if template is not None:
            return template.count > 0
        from datascan.decoders.datum.message import parse  # noqa: PLC0415  (as above)

        try:
            datum = parse(value)
        except ValueError:
            return False
        return bool(datum.data or len(datum.floats)) and min(datum.shape) >= 0

    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """Records of one length together, by template; the odd ones one by one."""
        count = len(values)
        draft = DatumBatch(values, np.zeros(count, np.int32), np.zeros(count, np.bool_))
        for rows in self._leftover(draft):
            decode_by_message(draft, rows)
        stack_singles(draft)
        if not decode_images:
            nbytes = int(values.lengths.sum())
            return Block(start, count, nbytes, arrays=tuple(draft.arrays), encoded=draft.encoded)
        pictures, signatures = None, np.zeros(count, np.uint64)
        float_pixels: tuple[ArrayColumn, ...] = ()
        for part in draft.arrays:
            signatures[part.rows] = compute_fingerprints(part)
        if draft.encoded:
            rows_seen = sorted(draft.encoded)
            images = [draft.encoded[row] for row in rows_seen]
            for row, image in zip(rows_seen, images, strict=True):
                signatures[row] = max(1, xxhash.xxh3_64_intdigest(image))
            # The decoders take longer to import than a small store takes to scan.
            from datascan.decoders.image.decoder import inspect_images  # noqa: PLC0415

            seen = inspect_images(
                images,
                rows_seen,
                max_pixels=self.options.max_pixels,
                track=partial(track_image, track, rows_seen),
            )
            pictures, draft.faults = seen.images, [*draft.faults, *seen.faults]
            float_pixels = seen.arrays
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            arrays=(*draft.arrays, *float_pixels),
            images=pictures,
            labels=Labels(draft.labels, draft.present),
            faults=tuple(sorted(draft.faults, key=lambda fault: fault.row or 0)),
            fingerprints=signatures,
            has_exact_fingerprints=not draft.arrays,
            digests=partial(compute_digests, tuple(draft.arrays), draft.encoded),
        )

    def _leftover(self, draft: DatumBatch) -> Iterator[Numbers]:
        """Take what templates can take; yield the rows that they cannot."""
        lengths, which = np.unique(draft.values.lengths, return_inverse=True)
        if len(lengths) * FEW > len(draft.values):
            yield np.arange(len(draft.values))
            return
        for i in range(len(lengths)):
            rows = np.flatnonzero(which == i)
            for _ in range(MAX_TEMPLATES):
                template = template_of(draft.values[int(rows[0])])
                if template is None:
                    break
                fits = template.fits(draft.values.take(rows))
                unsound = decode_by_template(draft, rows[fits], template)
                rows = np.sort(np.concatenate([rows[~fits], unsound]))
                if not len(rows):
                    break
            if len(rows):
                yield rows


def track_image(track: Tracker, rows: list[int], image: int, count: int) -> None:
    """Track the row of an image."""
    track(rows[image], count)


def decode_by_template(draft: DatumBatch, rows: Numbers, template: Template) -> Numbers:
    """Slice what fits; the rows that do not fit after all."""
    values = draft.values.take(rows)
    why = template.error
    if why is None and not template.encoded:
        data, sound = template.values(values)
    else:
        data, sound = None, template.sound(values)
    unsound = rows[~sound]
    if len(unsound):
        rows, values = rows[sound], values.take(sound)
        data = None if data is None else data.select(sound)
    if template.label_bytes:
        draft.labels[rows] = template.labels(values)
        draft.present[rows] = True
    if data is not None and len(rows):
        draft.arrays.append(ArrayColumn("data", rows, data))
    elif why is not None:
        draft.faults += [Fault(int(row), "malformed-record", why) for row in rows]
    else:
        for i, row in enumerate(rows.tolist()):
            draft.encoded[row] = values.view(i)[template.offset : template.offset + template.count]
    return unsound


def decode_by_message(draft: DatumBatch, rows: Numbers) -> None:
    """Parse one by one."""
    from datascan.decoders.datum.message import (  # noqa: PLC0415  (protobuf: most stores never need it)
        parse,
    )

    for row in rows.tolist():
        try:
            datum = parse(draft.values[row])
        except ValueError as error:
            draft.faults.append(Fault(row, "malformed-record", str(error)))
            continue
        if datum.label is not None:
            draft.labels[row], draft.present[row] = datum.label, True
        why = datum_error(datum.shape, len(datum.data), len(datum.floats), encoded=datum.encoded)
        if why is not None:
            draft.faults.append(Fault(row, "malformed-record", why))
        elif datum.encoded:
            draft.encoded[row] = datum.data
        else:
            values = values_of(datum)
            draft.single.setdefault((values.shape, values.dtype.str), []).append((row, values))


def values_of(datum: Datum) -> NDArray[Any]:
    """The values of a whole Datum that is not encoded, in its shape."""
    flat: NDArray[Any] = np.frombuffer(datum.data, np.uint8) if datum.data else datum.floats
    return flat.reshape(datum.shape)


def stack_singles(draft: DatumBatch) -> None:
    """Lay records of one shape and dtype side by side."""
    for same in draft.single.values():
        rows = np.array([row for row, _ in same], np.int64)
        draft.arrays.append(ArrayColumn("data", rows, np.stack([values for _, values in same])))
