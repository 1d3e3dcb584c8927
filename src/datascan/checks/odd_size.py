"""An image is far larger, smaller, wider or taller than the others.

What it is
    The images have many sizes, but this one is an outlier: its side (the square root of its pixels)
    or its aspect ratio differs from the median by a large factor.

Why it breaks training
    The loader scales every image to one size. A tracking pixel, an icon or a thumbnail becomes a
    blur without content, and a banner or a scanned receipt is squeezed or cropped until its label
    no longer applies. A huge image makes the loader slow or runs out of memory.

How to find the cause
    Look at the images. Tiny ones are often placeholders of a web server or thumbnails downloaded in
    place of the originals; long ones are banners, panoramas and sprite sheets.

How to fix it
    Download the originals, or leave these images out. Crop panoramas and sprite sheets if they
    contain what the label says.

Example
    ``odd-size: #7 cat/007.jpg 1x1 pixels; half of the images are between 333x400 and 500x375``

Limits
    Only for images of many sizes; if at least 99% share one, the others are ``shape-mismatch``. The
    side must differ from the median by a factor of 8, the aspect ratio by a factor of 4, and both
    by more than the spread of the middle half of the images explains. At least 20 images are
    needed, and if more than a tenth of them stand out, the dataset is just varied and nothing is
    reported.

Source
    Tukey (1977), Exploratory Data Analysis: fences at a multiple of the interquartile range.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.checks.base import Check, Issue
from datascan.checks.shape_mismatch import comparable_shape, find_usual_shape, share_one_size
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.traits import IMAGES
from datascan.text import format_shape

MIN_IMAGES = 20
MAX_SHARE = 0.1
"""If more images than this share stand out, none does."""

MIN_SIDE, MIN_ASPECT = 3.0, 2.0
"""Powers of two by which side and aspect ratio must differ from the median: factors of 8 and 4."""

SPREADS = 3.0
"""They must also differ by this many interquartile ranges."""


class OddSize(Check[ShapeTally]):
    """The size or aspect ratio of an image is an outlier."""

    rule = "odd-size"
    title = "Unusual size or proportions"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "check these images: icons, placeholders, banners; download the originals"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (the tally is enough)
        """One issue with all outliers."""
        is_image = np.array([bool(kind.mode) and min(kind.shape) > 0 for kind in tally.kinds])
        counts = np.where(is_image, tally.counts(), 0)
        images = int(counts.sum())
        if images < MIN_IMAGES:
            return
        usual = find_usual_shape(tally, is_image)
        same = np.array([comparable_shape(kind) == usual for kind in tally.kinds])
        if share_one_size(images - int(counts[same].sum()), images):
            return
        sizes = ImageSizes.of(tally, counts)
        addresses, kinds = tally.addresses(sizes.find_outliers())
        if not 0 < len(addresses) <= MAX_SHARE * images:
            return
        order = np.argsort(addresses)
        verb = "is" if len(addresses) == 1 else "are"
        middle = sizes.describe_middle()
        yield self.record_issue(
            Flagged.of(addresses[order], kinds[order]),
            f"{len(addresses):,} of {images:,} images {verb} far from the usual size or aspect "
            f"ratio ({middle})",
            lambda kind: f"{format_shape(comparable_shape(tally.kinds[kind]))} pixels; {middle}",
        )


class ImageSizes(Struct, frozen=True, eq=False):
    """Sizes of images by kind: ``widths`` and ``heights``, float64 (kinds,), and ``counts``.

    Kinds without images have a count of 0 and sizes of 1.
    """

    widths: NDArray[np.float64]
    heights: NDArray[np.float64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, tally: ShapeTally, counts: NDArray[np.int64]) -> ImageSizes:
        """The sizes of the kinds of a tally, of which there are ``counts`` images."""
        sizes = np.ones((len(tally.kinds), 2))
        for i, kind in enumerate(tally.kinds):
            if counts[i]:
                sizes[i] = comparable_shape(kind)
        return cls(sizes[:, 0], sizes[:, 1], counts)

    @property
    def sides(self) -> NDArray[np.float64]:
        """The binary logarithms of the square roots of the numbers of pixels."""
        return (np.log2(self.widths) + np.log2(self.heights)) / 2

    def find_outliers(self) -> NDArray[np.bool_]:
        """Which kinds are outliers, bool (kinds,)."""
        aspects = np.log2(self.widths) - np.log2(self.heights)
        odd = self._is_outlier(self.sides, MIN_SIDE) | self._is_outlier(aspects, MIN_ASPECT)
        return odd & (self.counts > 0)

    def _is_outlier(self, values: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
        low, middle, high = (values[self._quantile(values, q)] for q in (0.25, 0.5, 0.75))
        return np.asarray(np.abs(values - middle) > max(least, SPREADS * (high - low)))

    def _quantile(self, values: NDArray[np.float64], share: float) -> int:
        """The kind at the ``share`` quantile of the images, in the order of ``values``."""
        order = np.argsort(values, kind="stable")
        before = np.cumsum(self.counts[order])
        return int(order[np.searchsorted(before, share * before[-1], side="left")])

    def describe_middle(self) -> str:
        """The sizes between which half of the images are."""
        low, high = (self._quantile(self.sides, share) for share in (0.25, 0.75))
        ends = [format_shape((int(self.widths[i]), int(self.heights[i]))) for i in (low, high)]
        if ends[0] == ends[1]:
            return f"most are {ends[0]}"
        return f"half of the images are between {ends[0]} and {ends[1]}"
