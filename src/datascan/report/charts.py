"""What only the HTML page shows: gap curve, positions, image sizes, thumbnails, histogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from datascan.checks.base import Issue
from datascan.executors.base import Executor, Progress, ScanCancelled
from datascan.metrics.base import DatasetSummary, sorted_distinct
from datascan.metrics.labels import LabelSummary, is_whole, summarize_labels
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.report.build import sort_issues
from datascan.report.examples import may_have_pattern
from datascan.report.figures import ClassPositions, ClassPositionsRow, Finding, GapCurve, ImageSize
from datascan.report.model import DatasetReport
from datascan.report.sampling import take_samples
from datascan.report.stopped import stopped
from datascan.scanner.result import ScanResult

CURVE_SIZES = 48
BINS = 200
MAX_ROWS = 60
MAX_SIZES = 10_000

Numbers = NDArray[np.int64]


def add_charts(
    report: DatasetReport,
    scanned: ScanResult,
    progress: Progress,
    executor: Executor | None = None,
) -> DatasetReport:
    """The report with its charts. The reader must still be open.

    A few records are read again, unless the scan was stopped early. If it is stopped now, the
    report has no charts and is marked incomplete.
    """
    dataset = scanned.summary
    labels = dataset.derive(summarize_labels)
    try:
        thumbnails, histogram = take_samples(report, scanned, progress, executor)
    except ScanCancelled:
        return stopped(report)
    return replace(
        report,
        findings=add_positions(report.findings, sort_issues(scanned.issues), dataset),
        thumbnails=thumbnails or None,
        histogram=histogram,
        gap_curve=gap_curve(report, labels),
        strip=class_positions(dataset, labels) if report.dataset.read_in_order else None,
        image_sizes=image_sizes(dataset) if len(report.shapes) >= 100 else None,
    )


def add_positions(
    findings: Sequence[Finding], issues: Sequence[Issue], dataset: DatasetSummary
) -> list[Finding]:
    """The findings, which are those of ``issues``, with the positions of their records."""
    pairs = zip(findings, issues, strict=True)
    return [replace(one, positions=count_positions(issue, dataset)) for one, issue in pairs]


def count_positions(issue: Issue, dataset: DatasetSummary) -> list[int] | None:
    """How many of the records are in each of at most 200 stretches; None for a few records."""
    if issue.flagged is None or not may_have_pattern(issue):
        return None
    bins = min(BINS, dataset.records)
    positions = sorted_distinct(dataset.positions(issue.flagged.addresses.array))
    places = positions * bins // dataset.records
    return [int(count) for count in np.bincount(places, minlength=bins)]


def gap_curve(report: DatasetReport, labels: LabelSummary) -> GapCurve | None:
    """Shares of batches that lack a class, at sizes from 1 to all records, spaced evenly in log.

    Requested sizes and the smallest safe ones are included. None without labels in range.
    """
    count = len(labels.in_range)
    if labels.kind != "class" or not count:
        return None
    epoch = labels.epoch
    sizes = {int(size) for size in np.round(np.geomspace(1, count, CURVE_SIZES))}
    sizes |= {min(figures.batch_size, count) for figures in report.batch_sizes[:CURVE_SIZES]}
    if report.min_batch_size is not None:
        safe = report.min_batch_size
        # The size before shows how steeply the line ends.
        sizes |= {safe.sequential - 1, safe.sequential, safe.shuffled_1pct}
    ascending = sorted(size for size in sizes if 0 < size <= count)
    sequential = [lacking / batches for batches, lacking in map(epoch.count_lacking, ascending)]
    return GapCurve(ascending, sequential, [epoch.compute_p_lacking(size) for size in ascending])


def class_positions(dataset: DatasetSummary, labels: LabelSummary) -> ClassPositions | None:
    """Records of each class, or run of classes, per stretch of the store."""
    if labels.kind != "class" or not len(labels.in_range):
        return None
    values = labels.values
    inside = is_whole(values) & (values >= 0) & (values <= labels.num_classes - 1)
    indices, whole = labels.indices[inside], labels.in_range
    classes = np.unique(whole)
    rows = min(len(classes), MAX_ROWS)
    # If there are too many classes, neighbours share a row.
    row_of_class = np.arange(len(classes)) * rows // len(classes)
    row = row_of_class[np.searchsorted(classes, whole)]
    bins = min(BINS, dataset.records)
    counts = np.bincount(row * bins + indices * bins // dataset.records, minlength=rows * bins)
    counts = counts.reshape(rows, bins)
    first_index, last_index = index_ranges(row, indices, rows)
    first = classes[np.searchsorted(row_of_class, np.arange(rows))]
    last = classes[np.searchsorted(row_of_class, np.arange(rows), side="right") - 1]
    columns = (first, last, counts.sum(axis=1), first_index, last_index)
    lists = zip(*(column.tolist() for column in columns), counts.tolist(), strict=True)
    return ClassPositions(bins, [ClassPositionsRow(*row) for row in lists])


def index_ranges(row: Numbers, indices: Numbers, rows: int) -> tuple[Numbers, Numbers]:
    """The smallest and the largest of the ascending ``indices`` of each row."""
    first, last = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    # Of repeated assignments to one element, the last wins.
    first[row[::-1]], last[row] = indices[::-1], indices
    return first, last


def image_sizes(dataset: DatasetSummary) -> list[ImageSize] | None:
    """Sizes of encoded images in pixels, the most frequent first."""
    tally: ShapeTally | None = dataset.tally(measure_shapes)
    if tally is None:
        return None
    total: dict[tuple[int, int], int] = {}
    for kind, count in zip(tally.kinds, tally.counts().tolist(), strict=True):
        if kind.mode and count:
            _, height, width = kind.shape
            total[width, height] = total.get((width, height), 0) + count
    frequent = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MAX_SIZES]
    return [ImageSize(width, height, count) for (width, height), count in frequent] or None
