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
    Encoded images are usually scaled by the loader, so for them only the size (height x width) is
    compared, with that of other images, and the finding is a warning (channels are
    ``mixed-channels``). Of two shapes that are equally frequent the first met is taken for right.
    Another dtype alone is no mismatch. Different datasets of one HDF5 file may have different
    shapes.

Source
    Caffe, src/caffe/data_transformer.cpp; tried on 50,000 records.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import Kind, ShapeTally, measure_shapes

UNRELATED = "hdf5-datasets"
"""The layout of files whose datasets have nothing to do with one another."""


class ShapeMismatch(Check[ShapeTally]):
    """The shape of the record differs from the most frequent one."""

    rule = "shape-mismatch"
    severity = Severity.ERROR
    fix = "scale, crop or convert these records as all the others, or drop them"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """All records of another shape than most: arrays among arrays, images among images."""
        if dataset.plan.layout == UNRELATED:
            return
        pictured = np.array([bool(kind.mode) for kind in tally.kinds])
        for chosen, severity in ((~pictured, Severity.ERROR), (pictured, Severity.WARNING)):
            if chosen.any():
                yield from self._among(tally, chosen, severity)

    def _among(
        self, tally: ShapeTally, chosen: NDArray[np.bool_], severity: Severity
    ) -> Iterator[Issue]:
        """The odd ones among the records of ``chosen`` kinds, bool (kinds,)."""
        usual = most_frequent(tally, chosen)
        odd = chosen & np.array([comparable_shapes(kind) != usual for kind in tally.kinds])
        addresses, kinds = tally.addresses(odd)
        if not len(addresses):
            return
        order = np.argsort(addresses)
        count, records = len(addresses), int(tally.counts()[chosen].sum())
        verb = "has" if count == 1 else "have"
        what = ("records", "shape") if severity == Severity.ERROR else ("images", "size")
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {records:,} {what[0]} {verb} another {what[1]} than most "
            f"({text(usual)})",
            lambda kind: (
                f"{what[1]} {text(comparable_shapes(tally.kinds[kind]))}, most are {text(usual)}"
            ),
            severity=severity,
        )


def most_frequent(tally: ShapeTally, chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    """The shape of most records of ``chosen`` kinds; of equally frequent ones the first met."""
    runs, counts = tally.runs.array, tally.counts().tolist()
    firsts = np.full(len(counts), np.iinfo(np.int64).max)
    np.minimum.at(firsts, runs[:, 0], runs[:, 1])
    total: dict[tuple[int, ...], tuple[int, int]] = {}
    for i in np.flatnonzero(chosen).tolist():
        shape, first = comparable_shapes(tally.kinds[i]), -int(firsts[i])
        count, earliest = total.get(shape, (0, first))
        total[shape] = count + counts[i], max(earliest, first)
    return max(total, key=total.__getitem__)


def comparable_shapes(kind: Kind) -> tuple[int, ...]:
    """What is compared of a record: its shape; of an image height and width."""
    return kind.shape[1:] if kind.mode else kind.shape


def text(shape: tuple[int, ...]) -> str:
    """A shape for people: 3x32x32."""
    return "x".join(map(str, shape)) or "scalar"
