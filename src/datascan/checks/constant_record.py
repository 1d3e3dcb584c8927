"""All values of a record are equal.

What it is
    A record of two values or more holds one and the same value everywhere: a black or white image,
    a sensor that was dead or switched off, a buffer that was never filled.

Why it breaks training
    The record teaches nothing but its label. Normalising it by its own standard deviation (as
    speech and medical pipelines do, and instance normalisation) divides 0 by 0, which is NaN, and
    that makes the loss NaN. Blank images under several labels also set a floor below which the loss
    cannot fall.

How to find the cause
    Look at the value: 0 points to a buffer that was allocated and never written, or to a failed
    read that was answered with zeros; 255 or another end of the range to an over-exposed or masked
    picture. Neighbouring keys point to one broken file or one session of the sensor.

How to fix it
    Write these records again, or drop those listed by ``--bad-records``. Where blank records are
    meant (empty sky), add an epsilon to every division by a standard deviation.

Example
    ``constant-record: #88 00000088 all 3,072 values are 0``

Limits
    An image of one colour whose channels differ (pure red) is not constant. JPEGs that look blank
    at 1/8 scale are decoded in full to be sure.

Source
    Ioffe and Szegedy (2015), Batch Normalization, use an epsilon for this very reason.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.records.block import Block


class ConstantRecord(Check[Flagged]):
    """All values of the record are equal."""

    rule = "constant-record"
    severity = Severity.WARNING
    fix = "write these records again or drop them; look for buffers that were never filled"

    def measure(self, block: Block) -> Flagged | None:
        """Constant records; the facts are how many values, and which."""
        found = [*find_constant_arrays(block), *find_constant_images(block)]
        rows = np.concatenate([rows for rows, _ in found]) if found else np.empty(0, np.int64)
        if not len(rows):
            return None
        facts = np.concatenate([facts for _, facts in found])
        order = np.argsort(rows, kind="stable")
        return Flagged.of(block.start + rows[order], facts[order])

    def evaluate(self, tally: Flagged, dataset: DatasetSummary) -> Iterator[Issue]:
        """All constant records."""
        count = len(tally.addresses.array)
        verb = "holds" if count == 1 else "hold"
        message = f"{count:,} of {dataset.records:,} records {verb} one value throughout"
        yield self.record_issue(tally, message, describe)


def describe(fact: NDArray[np.float64]) -> str:
    """Words for the number of values and the value."""
    return f"all {int(fact[0]):,} values are {fact[1]:g}"


ConstantValues = tuple[NDArray[np.int64], NDArray[np.float64]]


def find_constant_arrays(block: Block) -> Iterator[ConstantValues]:
    """Rows and facts of constant arrays."""
    for part in block.arrays:
        if part.primary and part.size >= 2:
            low, high = part.ranges
            constant = low == high
            if constant.any():
                value = low[constant].astype(np.float64) + 0.0  # not -0.0
                sizes = np.full(len(value), float(part.size))
                yield part.rows[constant], np.stack([sizes, value], axis=1)


def find_constant_images(block: Block) -> Iterator[ConstantValues]:
    """Rows and facts of blank images: one value in all channels."""
    pictures = block.images
    if pictures is None or not len(pictures.rows):
        return
    low, high = np.nanmin(pictures.low, axis=1), np.nanmax(pictures.high, axis=1)
    sizes = pictures.channels * pictures.height * pictures.width
    constant = (low == high) & (sizes >= 2)
    yield pictures.rows[constant], np.stack([sizes, low], axis=1)[constant]
