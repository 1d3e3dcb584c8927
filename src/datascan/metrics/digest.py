"""A hash of all values of a dataset, for the fingerprint in its report."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary
from datascan.metrics.duplicates import FingerprintTally, measure_fingerprints
from datascan.metrics.label_vectors import VectorTally, measure_label_vectors
from datascan.metrics.labels import LabelTally, measure_labels
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.values import ValueTally, measure_values
from datascan.records.statistics import in_float64

PART = 1 << 18
"""Labels are converted in parts of this many."""


def digest_values(dataset: DatasetSummary) -> str | None:
    """A hash of what was measured of all records; None if records were not compared.

    Call it as ``dataset.derive(digest_values)``: fingerprints are released when it has run.
    """
    prints: FingerprintTally | None = dataset.tally(measure_fingerprints)
    if prints is None:
        return None
    digest = xxhash.xxh3_128()
    labels: LabelTally | None = dataset.tally(measure_labels)
    vectors: VectorTally | None = dataset.tally(measure_label_vectors)
    if vectors is not None:
        update_with_numbers(digest, vectors.low.value, vectors.high.value)
    update_with_array(digest, prints.fingerprints.array)
    if labels is not None:
        update_with_labels(digest, labels)
    if vectors is not None:
        update_with_array(digest, vectors.hot.array)
    shapes: ShapeTally | None = dataset.tally(measure_shapes)
    if shapes is not None:
        kinds = zip(shapes.kinds, shapes.counts().tolist(), strict=True)
        digest.update(repr(sorted((k.shape, k.dtype, count) for k, count in kinds)).encode())
    values: ValueTally | None = dataset.tally(measure_values)
    if values is not None and prints.inexact_blocks:
        # Fingerprints of encoded images are hashes already, and values depend on the decoder.
        digest.update(repr((values.total.units, values.squares.units)).encode())
        update_with_numbers(digest, values.low.value, values.high.value)
    return digest.hexdigest()


def update_with_labels(digest: xxhash.xxh3_128, labels: LabelTally) -> None:
    """Add which records have a label, and their labels as float64."""
    present, values = labels.present.array, labels.values.compact
    update_with_array(digest, present)
    # Their dtype is the smallest that holds them.
    update_with_form(digest, "f", (int(np.count_nonzero(present)),))
    for first in range(0, len(values), PART):
        part = slice(first, first + PART)
        update_with_items(digest, in_float64(values[part][present[part]]))


def update_with_array(digest: xxhash.xxh3_128, array: NDArray[Any]) -> None:
    """Add an array to a hash: its kind, its shape, and its items."""
    update_with_form(digest, array.dtype.kind, array.shape)
    for first in range(0, len(array), PART):
        update_with_items(digest, array[first : first + PART])


def update_with_form(digest: xxhash.xxh3_128, kind: str, shape: tuple[int, ...]) -> None:
    """Add the kind of the dtype and the shape of an array to a hash."""
    digest.update(repr((kind, shape)).encode())


def update_with_items(digest: xxhash.xxh3_128, items: NDArray[Any]) -> None:
    """Add the items of an array to a hash, in little-endian byte order."""
    digest.update(items.astype(items.dtype.newbyteorder("<"), copy=False).tobytes())


def update_with_numbers(digest: xxhash.xxh3_128, *numbers: float) -> None:
    """Add numbers to a hash: integers or floats, of Python or NumPy."""
    digest.update(struct.pack(f"<{len(numbers)}d", *numbers))
