"""Records with a content fault, which take no part in comparisons of content.

A record that is empty, damaged or blank has its own finding. If several have the same broken
content, that is one cause and not also a duplicate or a conflict of labels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.records.block import Block
from datascan.records.statistics import in_float64

CONTENT_FAULTS = frozenset(
    {
        "corrupt-image",
        "empty-record",
        "malformed-record",
        "not-an-image",
        "oversized-image",
        "unsupported-image",
    }
)
"""The rules of faults that describe the content of a record; ``constant-record`` is one, too."""

ConstantValues = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Rows, int64 (n,), and for each the number of values and the value, float64 (n, 2)."""


def find_content_faults(block: Block) -> NDArray[np.int64]:
    """The rows of a block whose content is faulty, int64 (n,), in any order."""
    faulty = [
        fault.row
        for fault in block.faults
        if fault.row is not None and fault.rule in CONTENT_FAULTS
    ]
    constant = [rows for rows, _ in find_constant_records(block)]
    return np.concatenate([np.array(faulty, np.int64), *constant])


def find_constant_records(block: Block) -> Iterator[ConstantValues]:
    """The records of two values or more that are all equal, for each column."""
    yield from find_constant_arrays(block)
    yield from find_constant_images(block)


def find_constant_arrays(block: Block) -> Iterator[ConstantValues]:
    """Rows and facts of constant arrays."""
    for column in block.arrays:
        if column.primary and column.size >= 2:
            low, high = column.ranges
            constant = low == high
            if constant.any():
                value = in_float64(low[constant]) + 0.0  # never -0.0
                sizes = np.full(len(value), float(column.size))
                yield column.rows[constant], np.stack([sizes, value], axis=1)


def find_constant_images(block: Block) -> Iterator[ConstantValues]:
    """Rows and facts of blank images: a single value in all channels."""
    images = block.images
    if images is None or not len(images.rows):
        return
    low, high = np.nanmin(images.low, axis=1), np.nanmax(images.high, axis=1)
    sizes = images.channels * images.height * images.width
    constant = (low == high) & (sizes >= 2)
    yield images.rows[constant], np.stack([sizes, low], axis=1)[constant]
