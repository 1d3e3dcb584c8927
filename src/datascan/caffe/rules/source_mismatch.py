"""A data source does not match what the net expects.

What it is
    A data layer declares its store as LMDB but it is a LevelDB, or the other way round; or the
    images of the TRAIN and the TEST source differ in channels or shape; or ``crop_size`` is larger
    than the images.

Why it breaks training
    Each of these ends the run with a failed check, the last two perhaps hours into it: the TEST net
    is first filled at ``test_interval``, and an image that is too small for the crop may come late.
    Caffe never names the record.

How to find the cause
    Without ``backend``, a Data layer uses LEVELDB. If the channels differ, one store was written in
    greyscale and the other in colour (``convert_imageset --gray``). If the crop is too large, the
    images were resized to another size than the net was made for.

How to fix it
    Set ``backend`` to the type of the store, write both stores with the same options, and choose a
    crop_size no larger than the smaller side of the smallest image.

Example
    ``layer data: crop_size 227 is larger than the 3x32x32 images of train_lmdb (50,000 of 50,000
    records are too small)``

Limits
    Shapes of TRAIN and TEST are compared only if every source has a single shape after cropping and
    resizing. Channels are always compared, by the most frequent shape. Sources whose tops have
    different names are not compared. The rule needs the scans, so ``--no-data`` finds nothing.

Source
    Caffe, src/caffe/util/db.cpp, src/caffe/data_transformer.cpp, src/caffe/net.cpp:
    ShareTrainedLayersWith.
"""

from __future__ import annotations

from collections.abc import Iterator

from datascan.caffe.net.sources import DataSource
from datascan.caffe.rules.base import NetContext, NetRule
from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.model import DatasetReport

BACKEND_NOUNS = {"lmdb": "an LMDB", "leveldb": "a LevelDB"}


class SourceMismatch(NetRule):
    """A data source has a different backend, shape or size from what the net expects."""

    rule = "source-mismatch"
    title = "Data does not fit the net"
    severity = Severity.ERROR
    fix = "correct backend and crop_size, and write both stores with the same options"

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Backends, then crops, then pairs of TRAIN and TEST sources."""
        for source, backend in context.backends.items():
            if source.type == "Data" and backend != source.backend:
                yield self.net_issue(
                    source.layer,
                    f"backend is {source.backend.upper()}, but {source.given} is "
                    f"{BACKEND_NOUNS[backend]}"
                    + ("" if source.backend == "lmdb" else " (LEVELDB is also Caffe's default)"),
                )
        for source, report in context.reports.items():
            yield from self._check_crop(source, report)
        train = [(s, r) for s, r in context.reports.items() if s.phase == "TRAIN"]
        for tested, report in context.reports.items():
            if tested.phase == "TEST":
                for source, other in train:
                    if source.tops[:1] == tested.tops[:1]:
                        yield from self._compare_phases(source, other, tested, report)

    def _check_crop(self, source: DataSource, report: DatasetReport) -> Iterator[Issue]:
        """Images that are smaller than the crop."""
        if not source.crop_size or source.size:
            if source.size and min(source.size) < source.crop_size:
                height, width = source.size
                yield self.net_issue(
                    source.layer,
                    f"crop_size {source.crop_size} is larger than "
                    f"new_height x new_width, {height} x {width}",
                )
            return
        small = [
            kind
            for kind in report.shapes
            if len(kind.shape) == 3 and min(kind.shape[1:]) < source.crop_size
        ]
        if small:
            count = sum(kind.records for kind in small)
            smallest = min(small, key=lambda kind: min(kind.shape[1:]))
            yield self.net_issue(
                source.layer,
                f"crop_size {source.crop_size} is larger than the "
                f"{format_shape(smallest.shape)} images of {source.given} "
                f"({count:,} of {report.dataset.records:,} records are too small)",
            )

    def _compare_phases(
        self, train: DataSource, trained: DatasetReport, test: DataSource, tested: DatasetReport
    ) -> Iterator[Issue]:
        """A TRAIN and a TEST source whose images differ."""
        left, right = compute_net_shape(train, trained), compute_net_shape(test, tested)
        if not left or not right:
            return
        fixed = has_fixed_shape(train, trained) and has_fixed_shape(test, tested)
        aspect = "channels" if left[0] != right[0] else "shape"
        if left[0] != right[0] or (fixed and left != right):
            yield self.net_issue(
                test.layer,
                f"TEST and TRAIN differ in {aspect}: {test.given} gives {format_shape(right)}, "
                f"{train.given} gives {format_shape(left)}",
            )


def compute_net_shape(source: DataSource, report: DatasetReport) -> list[int]:
    """The most frequent shape as it reaches the net, after resizing and cropping."""
    if not report.shapes:
        return []
    shape = list(report.shapes[0].shape)
    if source.backend != "hdf5" and len(shape) == 3:
        shape[0] = source.channels or shape[0]
        if source.size:
            shape[1:] = source.size
        if source.crop_size:
            shape[1:] = [source.crop_size] * 2
    return shape


def has_fixed_shape(source: DataSource, report: DatasetReport) -> bool:
    """Whether all records have one shape when they reach the net."""
    return len(report.shapes) == 1 or bool(source.size or source.crop_size)


def format_shape(shape: list[int]) -> str:
    """Format a shape: "3x32x32"; "single values" for []."""
    return "x".join(map(str, shape)) or "single values"
