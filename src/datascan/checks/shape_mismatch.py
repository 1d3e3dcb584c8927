"""The shape of a record differs from the most frequent one.

What it is
    Most records have one shape, and this one has another: an image of a different size, or a vector
    with one value too many.

Why it breaks training
    A batch is one array, so its records must have one shape. Caffe ends with ``Check failed: height
    <= datum_height (32 vs. 16)`` and does not name the record; if the exception is the first record
    of its batch, the error points to the next one. Other frameworks refuse to stack the batch.
    Since batches are drawn at random, this may happen hours into the run.

How to find the cause
    The detail gives both shapes. Swapped width and height point to a rotated image, a single
    channel to a greyscale one, and a vector of another length to another version of the feature
    extractor.

How to fix it
    Scale, crop or convert these records like all the others and rewrite them, or drop those listed
    by ``--bad-records``.

Example
    ``shape-mismatch: #40 00000040 shape 1x8x8, most are 3x8x8``

Limits
    Encoded images are usually scaled by the loader, so only their size (width x height) is
    compared, with other images, and only if at least 99% of them share one; the finding is then a
    warning. Other folders have ``odd-size`` (for channels see ``mixed-channels``).
    If two shapes are equally frequent, the one that occurs first is considered correct. A different
    dtype alone is not a mismatch. Different datasets of one HDF5 file may have different shapes.

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
from datascan.metrics.shapes import RecordKind, ShapeTally, measure_shapes
from datascan.metrics.traits import VALUES
from datascan.text import format_shape

MIN_SHARE = 0.99
"""Images are expected to have one size if at least this share of them has."""

UNRELATED_LAYOUT = "hdf5-datasets"
"""The layout of files whose datasets are unrelated to one another."""


class ShapeMismatch(Check[ShapeTally]):
    """The shape of the record differs from the most frequent one."""

    rule = "shape-mismatch"
    title = "Size differs from the others"
    severity = Severity.ERROR
    needs = (VALUES,)
    fix = "scale, crop or convert these records like the others, or drop them"
    fix_many = "scale, crop or convert the records to one shape before training"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:
        """Issues for records with unusual shapes; arrays and images are compared separately."""
        if dataset.plan.layout == UNRELATED_LAYOUT:
            return
        is_image = np.array([bool(kind.mode) for kind in tally.kinds])
        for chosen, severity in ((~is_image, Severity.ERROR), (is_image, Severity.WARNING)):
            if chosen.any():
                yield from self._compare_shapes(tally, chosen, severity)

    def _compare_shapes(
        self, tally: ShapeTally, chosen: NDArray[np.bool_], severity: Severity
    ) -> Iterator[Issue]:
        """The records of ``chosen`` kinds, bool (kinds,), that differ from most of them."""
        usual = find_usual_shape(tally, chosen)
        differs = chosen & np.array([comparable_shape(kind) != usual for kind in tally.kinds])
        addresses, kinds = tally.addresses(differs)
        count, records = len(addresses), int(tally.counts()[chosen].sum())
        if not count or (severity == Severity.WARNING and not share_one_size(count, records)):
            return
        order = np.argsort(addresses)
        verb = "has" if count == 1 else "have"
        noun, aspect = ("records", "shape") if severity == Severity.ERROR else ("images", "size")
        most = format_shape(usual)
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{count:,} of {records:,} {noun} {verb} a different {aspect} from most ({most})",
            lambda kind: (
                f"{aspect} {format_shape(comparable_shape(tally.kinds[kind]))}, most are {most}"
            ),
            severity=severity,
        )


def share_one_size(others: int, records: int) -> bool:
    """Whether ``records`` images have one size, but for ``others``: 99% or more share it."""
    return others <= (1 - MIN_SHARE) * records


def find_usual_shape(tally: ShapeTally, chosen: NDArray[np.bool_]) -> tuple[int, ...]:
    """The most frequent shape of ``chosen`` kinds; the first to occur if there are several."""
    runs, counts = tally.runs.array, tally.counts().tolist()
    firsts = np.full(len(counts), np.iinfo(np.int64).max)
    np.minimum.at(firsts, runs[:, 0], runs[:, 1])
    total: dict[tuple[int, ...], tuple[int, int]] = {}
    for i in np.flatnonzero(chosen).tolist():
        shape, first = comparable_shape(tally.kinds[i]), -int(firsts[i])
        count, earliest = total.get(shape, (0, first))
        total[shape] = count + counts[i], max(earliest, first)
    return max(total, key=total.__getitem__)


def comparable_shape(kind: RecordKind) -> tuple[int, ...]:
    """The part of the shape that is compared: for an image, width and height."""
    return kind.shape[:0:-1] if kind.mode else kind.shape
