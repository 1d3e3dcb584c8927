"""The image's colour mode differs from the most frequent one.

What it is
    Most images have one colour mode (RGB, say), and this one has another: greyscale (L), with alpha
    (RGBA), with a palette (P), for print (CMYK), or with 16 bits per channel.

Why it breaks training
    A loader that does not convert returns arrays with 1 or 4 channels instead of 3: the batch
    cannot be stacked, or the first convolution rejects it, in the middle of an epoch. Caffe ends
    with ``Check failed: channels == datum_channels`` and does not name the record; if the exception
    is the first record of its batch, the error points to the next one. A loader that does convert
    may do it badly: CMYK read as RGB has inverted colours, and dropping an alpha channel exposes
    the colour underneath.

How to find the cause
    View some of the records. Greyscale scans among colour photos, logos with alpha, and images made
    for print are the usual sources.

How to fix it
    Convert all images to one mode before training (``image.convert("RGB")``; flatten alpha onto a
    background first; convert CMYK by its colour profile), or convert every image in the loader.

Example
    ``mixed-channels: #40  cat/0040.png  mode RGBA, most are RGB``

Limits
    The mode is that of the file. An RGB image that is really greyscale, with three equal channels,
    is not detected.

Source
    The modes are named as Pillow names them (Concepts: Modes). Caffe, data_transformer.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.traits import IMAGES


class MixedChannels(Check[ShapeTally]):
    """The image's colour mode differs from the most frequent one."""

    rule = "mixed-channels"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "convert all images to one colour mode, before training or in the loader"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (the tally is enough)
        """One issue with all images that differ from the most frequent mode.

        If several modes are equally frequent, the one that occurs first counts.
        """
        counts = tally.counts()
        modes: dict[str, int] = {}
        for kind, count in zip(tally.kinds, counts.tolist(), strict=True):
            if kind.mode:
                modes[kind.mode] = modes.get(kind.mode, 0) + count
        if len(modes) < 2:
            return
        usual = max(modes, key=modes.__getitem__)
        differs = np.array([bool(kind.mode) and kind.mode != usual for kind in tally.kinds])
        addresses, kinds = tally.addresses(differs)
        order = np.argsort(addresses)
        flagged = Flagged.of(addresses[order], kinds[order])
        count, total = len(addresses), sum(modes.values())
        verb = "has" if count == 1 else "have"
        message = (
            f"{count:,} of {total:,} images {verb} a different colour mode from most ({usual})"
        )
        yield self.record_issue(
            flagged, message, lambda kind: f"mode {tally.kinds[int(kind)].mode}, most are {usual}"
        )
