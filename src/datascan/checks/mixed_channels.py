"""The image's colour mode differs from the most frequent one.

What it is
    Most images have one colour mode (RGB, say), and this one has another: grey (L), with alpha
    (RGBA), with a palette (P), for print (CMYK), or with 16 bits a channel.

Why it breaks training
    A loader that does not convert hands out arrays with 1 or 4 channels instead of 3: the batch
    cannot be stacked, or the first convolution refuses it, in the middle of an epoch. Caffe ends
    with ``Check failed: channels == datum_channels``, without naming the record, and where the odd
    one comes first in its batch it blames the next. A loader that does convert may do so badly:
    CMYK read as RGB has inverted colours, and an alpha channel that is dropped uncovers whatever
    colour lay below it.

How to find the cause
    Look at some of the records. Grey scans among colour photos, logos with alpha, and pictures from
    print are the usual sources.

How to fix it
    Convert all images to one mode before training (``image.convert("RGB")``; put images with alpha
    on a background first; CMYK by its colour profile), or do so in the loader, for every image.

Example
    ``mixed-channels: #40  cat/0040.png  mode RGBA, most are RGB``

Limits
    The mode is the file's. Whether an RGB image is grey in truth, with three equal channels, is not
    looked at.

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


class MixedChannels(Check[ShapeTally]):
    """The image's colour mode differs from the most frequent one."""

    rule = "mixed-channels"
    severity = Severity.WARNING
    fix = "convert all images to one colour mode before training, or in the loader"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002
        """All images of another mode than most; of equally frequent ones the first counts."""
        counts = tally.counts()
        modes: dict[str, int] = {}
        for kind, count in zip(tally.kinds, counts.tolist(), strict=True):
            if kind.mode:
                modes[kind.mode] = modes.get(kind.mode, 0) + count
        if len(modes) < 2:
            return
        usual = max(modes, key=modes.__getitem__)
        odd = np.array([bool(kind.mode) and kind.mode != usual for kind in tally.kinds])
        addresses, kinds = tally.addresses(odd)
        order = np.argsort(addresses)
        flagged = Flagged.of(addresses[order], kinds[order])
        count, total = len(addresses), sum(modes.values())
        verb = "has" if count == 1 else "have"
        message = f"{count:,} of {total:,} images {verb} another colour mode than most ({usual})"
        yield self.record_issue(
            flagged, message, lambda kind: f"mode {tally.kinds[int(kind)].mode}, most are {usual}"
        )
