"""Reads a few records again, for thumbnails of examples and a histogram of values.

At most 60 examples and 256 other records are read, in workers as for the scan itself, and only if
a page is made of the report. An error here costs a thumbnail, never the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.executors.base import Executor, Progress, ScanCancelled, WorkerSlot
from datascan.metrics.base import DatasetSummary, sorted_distinct
from datascan.readers.base import Reader
from datascan.readers.tracked import tracked_blocks
from datascan.records.block import Block
from datascan.records.buffers import hash_bytes
from datascan.records.shard import Shard
from datascan.records.statistics import in_float64
from datascan.report.fair_share import share_examples
from datascan.report.figures import ValueFigures, ValueHistogram
from datascan.report.model import DatasetReport
from datascan.scanner.reread import (
    RowsByShard,
    blocks_with_rows,
    reread,
    rows_by_shard,
    slices_with_rows,
)
from datascan.scanner.result import ScanResult

MAX_THUMBNAILS = 60
MAX_SAMPLES = 256
SAMPLE_BYTES = 128 << 20
"""The most bytes read for the histogram, estimated from the mean size of the records."""

MAX_VALUES = 1 << 20
"""Of records with at least twice as many values, a part is counted."""

SMALL_FACTORS = 2 * 3 * 5 * 7

BINS = 64
Numbers = NDArray[np.int64]

Sample = tuple[str | None, Numbers | None]
"""The picture of a record as a data: URI, and the number of its values in each bin."""


@dataclass(frozen=True)
class HistogramBins:
    """Bins of equal width from ``low`` to ``high``."""

    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: ValueFigures, *, whole: bool) -> HistogramBins | None:
        """64 bins over the finite values; None without finite values.

        ``whole``: each bin holds the same number of whole values.
        """
        if values.min is None or values.max is None:
            return None
        low, high = values.min, values.max
        if values.approximate:
            # JPEGs were measured at 1/8 scale: their true range is wider.
            low, high = min(low, 0.0), max(high, 255.0)
        if whole and high - low < 1 << 52:
            step = -(-(int(high) - int(low) + 1) // BINS)
            count = -(-(int(high) - int(low) + 1) // step)
            return cls(low - 0.5, low - 0.5 + step * count, count)
        return cls(low, high, BINS) if low < high else cls(low - 0.5, low + 0.5, 1)

    @property
    def edges(self) -> list[float]:
        """The edges of the bins, one more than there are bins."""
        # Halved, because the range of float64 overflows float64.
        width = (self.high / 2 - self.low / 2) / self.count
        begins = [min(self.high, self.low + width * i + width * i) for i in range(self.count)]
        return [*begins, self.high]

    def counted(self, values: NDArray[Any]) -> Numbers:
        """The number of finite ``values`` in each bin, int64 (count,); of many, every n-th."""
        flat = values.ravel()
        step = max(1, flat.size // MAX_VALUES)
        # Steps without small factors meet all channels and columns alike.
        while step > 1 and gcd(step, SMALL_FACTORS) > 1:
            step += 1
        floats = in_float64(flat[::step])
        floats = floats[np.isfinite(floats)]
        # Half the span of subnormal numbers can be 0.
        span = (self.high / 2 - self.low / 2) or 1.0
        place = (floats / 2 - self.low / 2) / span * self.count
        bins = np.clip(place, 0, self.count - 1).astype(np.int64)
        return np.bincount(bins, minlength=self.count).astype(np.int64)


@dataclass
class Samples:
    """Thumbnails by address, values by bin, and the number of records counted in them."""

    thumbnails: dict[int, str] = field(default_factory=dict)
    counts: Numbers | None = None
    records: int = 0

    def add(self, address: int, picture: str | None, counts: Numbers | None) -> None:
        """Add the picture of a record, and the counts of its values."""
        if picture is not None:
            self.thumbnails[address] = picture
        if counts is not None:
            self.merge(counts, 1)

    def merge(self, counts: Numbers | None, records: int) -> None:
        """Add the counts of more records."""
        if counts is not None:
            self.counts = counts if self.counts is None else self.counts + counts
            self.records += records


@dataclass(frozen=True)
class SampleTask:
    """The task that draws samples: pictures of the rows ``shown``, counts of those ``sampled``."""

    reader: Reader
    max_pixels: int
    shown: RowsByShard
    sampled: RowsByShard
    bins: HistogramBins | None
    is_bgr: bool

    def count_rows(self, shard: Shard, slot: WorkerSlot) -> int:
        """The number of rows of the whole shard."""
        return self.reader.count_rows(shard, slot.mark)

    def __call__(self, shard: Shard, slot: WorkerSlot) -> Samples:
        """Thumbnails and counts of the chosen records in the shard."""
        samples = Samples()
        images = EncodedImages(self.max_pixels, self.bins)
        none = np.empty(0, np.int64)
        shown = self.shown.get(shard.index, none)
        sampled = self.sampled.get(shard.index, none)
        rows = sorted_distinct(np.concatenate([shown, sampled]))
        for part in slices_with_rows(shard, rows, one_by_one=self.reader.is_seekable):
            blocks = tracked_blocks(self.reader, part, slot, decode=False)
            for block, places in blocks_with_rows(blocks, shard, rows):
                first = block.start - shard.base
                for row in places.tolist():
                    wanted = {"show": first + row in shown, "sample": first + row in sampled}
                    if row in block.encoded:
                        found = images.sample(block.encoded[row], **wanted)
                    else:
                        found = self._sample_array(values_of(block, row), **wanted)
                    samples.add(block.start + row, *found)
        return samples

    def on_failure(self, shard: Shard, reason: str) -> Samples:  # noqa: ARG002  (a sample without these records is enough)
        """Nothing: the scan has already reported the record that crashed the worker."""
        return Samples()

    def _sample_array(self, values: NDArray[Any] | None, *, show: bool, sample: bool) -> Sample:
        """The picture of a record that is an array, and the number of its values in each bin."""
        from datascan.report import thumbnails  # noqa: PLC0415  (imports Pillow)

        if values is None:
            return None, None
        picture = thumbnails.thumbnail_of_array(values, bgr=self.is_bgr) if show else None
        return picture, self.bins.counted(values) if sample and self.bins else None


@dataclass
class EncodedImages:
    """Samples of encoded images; each content is decoded once, however many records have it."""

    max_pixels: int
    bins: HistogramBins | None
    known: dict[tuple[int, str], Any] = field(default_factory=dict)

    def sample(self, data: bytes | memoryview, *, show: bool, sample: bool) -> Sample:
        """The picture of an image, and the number of its values in each bin."""
        content = bytes(data)
        picture = self._once(content, "picture", self._show) if show else None
        counts = self._once(content, "counts", self._count) if sample and self.bins else None
        return picture, counts

    def _once(self, content: bytes, name: str, make: Callable[[bytes], Any]) -> Any:
        key = hash_bytes(content), name
        if key not in self.known:
            self.known[key] = make(content)
        return self.known[key]

    def _show(self, content: bytes) -> str | None:
        from datascan.report import thumbnails  # noqa: PLC0415  (imports Pillow)

        return thumbnails.thumbnail(content, self.max_pixels)

    def _count(self, content: bytes) -> Numbers | None:
        from datascan.report import thumbnails  # noqa: PLC0415  (imports Pillow)

        values = thumbnails.pixels(content, self.max_pixels)
        return self.bins.counted(values) if self.bins and values is not None else None


def values_of(block: Block, row: int) -> NDArray[Any] | None:
    """The values of a record; None unless it is an array."""
    for part in block.arrays:
        if part.primary:
            at = int(np.searchsorted(part.rows, row))
            if at < len(part.rows) and part.rows[at] == row:
                return part.take(np.array([at])).reshape(part.shape)
    return None


def take_samples(
    report: DatasetReport,
    scanned: ScanResult,
    progress: Progress,
    executor: Executor | None = None,
) -> tuple[dict[str, str], ValueHistogram | None]:
    """Thumbnails of examples by index, and the histogram.

    Raises:
        ScanCancelled: if the user stops the scan; no other exception.
    """
    dataset = scanned.summary
    if not dataset.is_complete or not dataset.records:
        return {}, None
    hidden = dataset.options.run.no_thumbnails
    examples = np.empty(0, np.int64) if hidden else example_indices(report)
    bins = (
        None if report.values is None else HistogramBins.of(report.values, whole=is_whole(report))
    )
    samples = sample_indices(dataset, scanned.nbytes) if bins else np.empty(0, np.int64)
    if executor is None:
        executor = scanned.reader.executor(dataset.plan)
    addresses = dataset.addresses(examples)
    sampled = rows_by_shard(dataset.addresses(samples))
    shown = rows_by_shard(addresses)
    task = SampleTask(
        scanned.reader, dataset.options.read.max_pixels, shown, sampled, bins, dataset.plan.is_bgr
    )
    tick = partial(progress.update, dataset.records, scanned.nbytes)
    total = Samples()
    try:
        for piece in reread(task, dataset.plan, executor, shown, sampled, on_tick=tick):
            total.thumbnails.update(piece.thumbnails)
            total.merge(piece.counts, piece.records)
    except ScanCancelled:
        raise
    except Exception:  # noqa: BLE001  (a report without thumbnails is better than none)
        return {}, None
    pictures = zip(examples.tolist(), addresses.tolist(), strict=True)
    found = {str(i): total.thumbnails[at] for i, at in pictures if at in total.thumbnails}
    if bins is None or total.counts is None:
        return found, None
    return found, ValueHistogram(bins.edges, total.counts.tolist(), total.records)


def example_indices(report: DatasetReport) -> Numbers:
    """Records with a thumbnail: at most 60 examples, shared by the rules; ascending."""
    return np.array(sorted(share_examples(report.findings, MAX_THUMBNAILS)), np.int64)


def sample_indices(dataset: DatasetSummary, nbytes: int) -> Numbers:
    """At most 256 records, spread evenly; fewer if they are large."""
    affordable = SAMPLE_BYTES * dataset.records // max(1, nbytes)
    count = min(dataset.records, MAX_SAMPLES, max(1, affordable))
    return np.asarray((np.arange(count) * 2 + 1) * dataset.records // (2 * count), np.int64)


def is_whole(report: DatasetReport) -> bool:
    """Whether all values are whole numbers."""
    return all(kind.dtype.startswith(("uint", "int", "bool")) for kind in report.shapes)
