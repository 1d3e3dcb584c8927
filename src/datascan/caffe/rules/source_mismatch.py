"""A data source is not what the net takes it for.

What it is
    A data layer says that its store is an LMDB, and it is a LevelDB, or the other way round; or the
    images of the TRAIN and the TEST source differ in channels or shape; or ``crop_size`` is larger
    than the images.

Why it breaks training
    Each ends the run with a failed check, the last two perhaps hours into it: the TEST net is first
    filled at ``test_interval``, and an image that is too small for the crop may come late. Caffe
    never names the record.

How to find the cause
    Without ``backend`` a Data layer takes LEVELDB. Channels that differ: one store was written in
    grey, the other in colour (``convert_imageset --gray``). A crop that is too large: the images
    were resized to another size than the net was made for.

How to fix it
    Set ``backend`` to what the store is, write both stores with the same options, and take a
    crop_size of at most the smaller side of the smallest image.

Example
    ``layer data: crop_size 227 is larger than the 3x32x32 images of train_lmdb (50,000 records)``

Limits
    Shapes of TRAIN and TEST are compared where every source has one shape only, after cropping and
    resizing; channels always, by the most frequent shape. Sources whose tops have different names
    are not compared. Needs the scans, so ``--no-data`` finds none of it.

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

SPOKEN = {"lmdb": "an LMDB", "leveldb": "a LevelDB"}


class SourceMismatch(NetRule):
    """A data source is of another backend, shape or size than the net takes it for."""

    rule = "source-mismatch"
    severity = Severity.ERROR
    fix = "set backend, crop_size and the way both stores are written to what the net expects"

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Backends, then crops, then pairs of TRAIN and TEST sources."""
        for source, found in evidence.backends.items():
            if source.type == "Data" and found != source.backend:
                yield self.net_issue(
                    source.layer,
                    f"backend is {source.backend.upper()}, and {source.given} is {SPOKEN[found]}"
                    + ("" if source.backend == "lmdb" else " (LEVELDB is also Caffe's default)"),
                )
        for source, report in evidence.reports.items():
            yield from self._crops(source, report)
        train = [(s, r) for s, r in evidence.reports.items() if s.phase == "TRAIN"]
        for tested, report in evidence.reports.items():
            if tested.phase == "TEST":
                for source, other in train:
                    if source.tops[:1] == tested.tops[:1]:
                        yield from self._pairs(source, other, tested, report)

    def _crops(self, source: DataSource, report: DatasetReport) -> Iterator[Issue]:
        """Images that are smaller than the crop."""
        if not source.crop_size or source.size:
            if source.size and min(source.size) < source.crop_size:
                high, wide = source.size
                text = f"crop_size {source.crop_size} is larger than new_height {high} x {wide}"
                yield self.net_issue(source.layer, text)
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

    def _pairs(
        self, train: DataSource, trained: DatasetReport, test: DataSource, tested: DatasetReport
    ) -> Iterator[Issue]:
        """A TRAIN and a TEST source whose images differ."""
        left, right = observed_shape(train, trained), observed_shape(test, tested)
        if not left or not right:
            return
        fixed = fixed_shape(train, trained) and fixed_shape(test, tested)
        what = "channels" if left[0] != right[0] else "shape"
        if left[0] != right[0] or (fixed and left != right):
            yield self.net_issue(
                test.layer,
                f"TEST and TRAIN differ in {what}: {test.given} gives {format_shape(right)}, "
                f"{train.given} gives {format_shape(left)}",
            )


def observed_shape(source: DataSource, report: DatasetReport) -> list[int]:
    """The most frequent shape as the net sees it, after resizing and cropping; channels first."""
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


def fixed_shape(source: DataSource, report: DatasetReport) -> bool:
    """Whether all records have one shape when they reach the net."""
    return len(report.shapes) == 1 or bool(source.size or source.crop_size)


def format_shape(shape: list[int]) -> str:
    """A shape for people: 3x32x32."""
    return "x".join(map(str, shape)) or "single values"
