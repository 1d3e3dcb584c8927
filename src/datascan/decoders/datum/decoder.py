"""Caffe's Datum: a shape, a label, and values as bytes, floats or an encoded image.

Source: Caffe, src/caffe/proto/caffe.proto, message Datum.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.base import Decoder, Tracker
from datascan.decoders.datum.template import (
    MeasuredRecords,
    Template,
    build_template,
    datum_error,
)
from datascan.records.block import (
    ArrayColumn,
    Block,
    Fault,
    Labels,
    compute_digests,
    compute_fingerprints,
)
from datascan.records.buffers import BytesColumn, hash_bytes

if TYPE_CHECKING:
    from datascan.decoders.datum.message import Datum

MAX_TEMPLATES = 8
"""Records of one length are tried against this many templates before the exact path."""

MIN_TEMPLATE_RECORDS = 4
"""A template does not pay for fewer records of one length than this."""

Numbers = NDArray[np.int64]


class DatumBatch(Struct):
    """The records of a block while they are decoded.

    ``single``: rows and values from the exact path, grouped by shape and dtype.
    """

    values: BytesColumn
    labels: NDArray[np.int32]
    present: NDArray[np.bool_]
    arrays: list[ArrayColumn] = []
    faults: list[Fault] = []
    encoded: dict[int, bytes | memoryview] = {}
    single: dict[tuple[Any, ...], list[tuple[int, NDArray[Any]]]] = {}


class DatumDecoder(Decoder):
    """Serialized Caffe Datums."""

    name: ClassVar[str] = "caffe-datum"
    is_bgr: ClassVar[bool] = True
    """Caffe's own tools write images in OpenCV's channel order."""

    @classmethod
    def matches(cls, value: bytes) -> bool:
        """Whether ``value`` parses as a Datum that has values."""
        template = build_template(value)
        if template is not None:
            return template.count > 0
        from datascan.decoders.datum.message import parse  # noqa: PLC0415  (protobuf: most stores never need it)

        try:
            datum = parse(value)
        except ValueError:
            return False
        return bool(datum.data or len(datum.floats)) and min(datum.shape) >= 0

    def decode(
        self, start: int, values: BytesColumn, track: Tracker, *, decode_images: bool = True
    ) -> Block:
        """Decode records of one length together by template, and the rest one at a time."""
        count = len(values)
        batch = DatumBatch(values, np.zeros(count, np.int32), np.zeros(count, np.bool_))
        for rows in self._decode_by_templates(batch):
            decode_by_message(batch, rows)
        stack_singles(batch)
        if not decode_images:
            nbytes = int(values.lengths.sum())
            return Block(start, count, nbytes, arrays=tuple(batch.arrays), encoded=batch.encoded)
        images, fingerprints = None, np.zeros(count, np.uint64)
        float_pixels: tuple[ArrayColumn, ...] = ()
        for column in batch.arrays:
            fingerprints[column.rows] = compute_fingerprints(column)
        if batch.encoded:
            image_rows = sorted(batch.encoded)
            encoded = [batch.encoded[row] for row in image_rows]
            for row, image in zip(image_rows, encoded, strict=True):
                fingerprints[row] = hash_bytes(image)
            # The image decoders take longer to import than a small store takes to scan.
            from datascan.decoders.image.inspection import inspect_images  # noqa: PLC0415  (only encoded Datums need it)

            inspected = inspect_images(
                encoded,
                image_rows,
                max_pixels=self.options.max_pixels,
                track=partial(track_image, track, image_rows),
            )
            images, batch.faults = inspected.images, [*batch.faults, *inspected.faults]
            float_pixels = inspected.arrays
        return Block(
            start,
            count,
            int(values.lengths.sum()),
            arrays=(*batch.arrays, *float_pixels),
            images=images,
            labels=Labels(batch.labels, batch.present),
            faults=tuple(sorted(batch.faults, key=lambda fault: fault.row or 0)),
            fingerprints=fingerprints,
            has_exact_fingerprints=not batch.arrays,
            digests=partial(compute_digests, tuple(batch.arrays), batch.encoded),
        )

    def _decode_by_templates(self, batch: DatumBatch) -> Iterator[Numbers]:
        """Decode the records that match a template; yield the rows of all others."""
        groups = group_by_length(batch.values.lengths)
        if len(groups) * MIN_TEMPLATE_RECORDS > len(batch.values):
            yield np.arange(len(batch.values))
            return
        for group in groups:
            rows = group
            for _ in range(MAX_TEMPLATES):
                template = build_template(batch.values[int(rows[0])])
                if template is None:
                    break
                found = template.measure(batch.values.take(rows))
                add_matching(batch, rows[found.matches], template, found.select_matching())
                rows = rows[~found.matches]
                if not len(rows):
                    break
            if len(rows):
                yield rows


def track_image(track: Tracker, rows: list[int], image: int, count: int) -> None:
    """Track the rows of images that are about to be decoded."""
    track(rows[image], count)


def group_by_length(lengths: Numbers) -> list[Numbers]:
    """The rows of each length, ascending, shorter records first."""
    if len(lengths) and (lengths == lengths[0]).all():
        return [np.arange(len(lengths))]
    order = np.argsort(lengths, kind="stable")
    edges = np.flatnonzero(np.diff(lengths[order])) + 1
    return np.split(order, edges) if len(lengths) else []


def add_matching(
    batch: DatumBatch, rows: Numbers, template: Template, found: MeasuredRecords
) -> None:
    """Add the ``rows`` that match ``template``, as ``found``."""
    if not len(rows):
        return
    if template.label_bytes:
        batch.labels[rows] = found.labels
        batch.present[rows] = True
    why = template.error
    if found.data is not None:
        batch.arrays.append(ArrayColumn("data", rows, found.data))
    elif why is not None:
        batch.faults += [Fault(row, "malformed-record", why) for row in rows.tolist()]
    else:
        for row in rows.tolist():
            value = batch.values.view(row)
            batch.encoded[row] = value[template.offset : template.offset + template.count]


def decode_by_message(batch: DatumBatch, rows: Numbers) -> None:
    """Parse the messages of ``rows`` one at a time."""
    from datascan.decoders.datum.message import (  # noqa: PLC0415  (protobuf: most stores never need it)
        parse,
    )

    for row in rows.tolist():
        try:
            datum = parse(batch.values[row])
        except ValueError as error:
            batch.faults.append(Fault(row, "malformed-record", str(error)))
            continue
        if datum.label is not None:
            batch.labels[row], batch.present[row] = datum.label, True
        why = datum_error(datum.shape, len(datum.data), len(datum.floats), encoded=datum.encoded)
        if why is not None:
            batch.faults.append(Fault(row, "malformed-record", why))
        elif datum.encoded:
            batch.encoded[row] = datum.data
        else:
            values = datum_values(datum)
            batch.single.setdefault((values.shape, values.dtype.str), []).append((row, values))


def datum_values(datum: Datum) -> NDArray[Any]:
    """The values of a valid Datum that is not an encoded image: (channels, height, width)."""
    flat: NDArray[Any] = np.frombuffer(datum.data, np.uint8) if datum.data else datum.floats
    return flat.reshape(datum.shape)


def stack_singles(batch: DatumBatch) -> None:
    """Make one column of all records of the exact path that share shape and dtype."""
    for group in batch.single.values():
        rows = np.array([row for row, _ in group], np.int64)
        batch.arrays.append(ArrayColumn("data", rows, np.stack([values for _, values in group])))
