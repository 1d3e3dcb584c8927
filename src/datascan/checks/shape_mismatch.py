"""The shape of a record differs from the most frequent one.

What it is
    Most records have one shape, and this one has another: an image of another size, a vector with a
    value too many.

Why it breaks training
    A batch is one array, so its records must have one shape. Caffe ends with ``Check failed: height
    <= datum_height (32 vs. 16)`` and names no record; where the odd one comes first in its batch,
    the next record is blamed. Other frameworks refuse to stack the batch. Since batches are drawn
    at random, this may happen hours into the run.

How to find the cause
    The detail gives both shapes. Exchanged width and height point to a rotated picture, one channel
    to a grey one, a vector of another length to another version of the feature extractor.

How to fix it
    Scale, crop or convert these records as all the others, and write them again; or drop those
    listed by ``--bad-records``.

Example
    ``shape-mismatch: #40 00000040 shape 1x8x8, most are 3x8x8``

Limits
    Encoded images are usually scaled by the loader, so for them only height and width are compared,
    and the finding is a warning (channels are ``mixed-channels``). Different datasets of one HDF5
    file may have different shapes.

Source
    Caffe, src/caffe/data_transformer.cpp; tried on 50,000 records.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.measures.shapes import Kind, ShapeTally, measure_shapes
from datascan.model import Check, Dataset, Judgement, Severity
from datascan.tally import Flagged

UNRELATED = "hdf5-datasets"
"""The layout of files whose datasets have nothing to do with one another."""


class ShapeMismatch(Check[ShapeTally]):
    """The shape of the record differs from the most frequent one."""

    rule = "shape-mismatch"
    severity = Severity.ERROR
    fix = "scale, crop or convert these records as all the others, or drop them"
    measure = staticmethod(measure_shapes)

    def judge(self, tally: ShapeTally, dataset: Dataset) -> Iterator[Judgement]:
        """All records of another shape than most; of equally frequent ones the first counts."""
        if dataset.plan.layout == UNRELATED:
            return
        total: dict[tuple[int, ...], int] = {}
        for kind, count in zip(tally.kinds, tally.counts().tolist(), strict=True):
            total[compared(kind)] = total.get(compared(kind), 0) + count
        if len(total) < 2:
            return
        usual = max(total, key=total.__getitem__)
        addresses, kinds = tally.addresses(
            np.array([compared(kind) != usual for kind in tally.kinds])
        )
        order = np.argsort(addresses)
        images = all(kind.mode for kind in tally.kinds)
        count, records = len(addresses), sum(total.values())
        verb = "has" if count == 1 else "have"
        yield self.flag(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {records:,} records {verb} another shape than most ({text(usual)})",
            lambda kind: f"shape {text(compared(tally.kinds[int(kind)]))}, most are {text(usual)}",
            severity=Severity.WARNING if images else None,
        )


def compared(kind: Kind) -> tuple[int, ...]:
    """What is compared of a record: its shape; of an image height and width."""
    return kind.shape[1:] if kind.mode else kind.shape


def text(shape: tuple[int, ...]) -> str:
    """A shape for people: 3x32x32."""
    return "x".join(map(str, shape)) or "scalar"
