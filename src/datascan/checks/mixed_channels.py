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
    Only if at least 80% of the images share one mode, others are exceptions that are named. A
    collection of several modes, like the pictures that scikit-image and desktops come with
    (``docs/healthy.md``), is one line: its loader has to convert anyhow. The mode is that of the
    file. An RGB image that is really greyscale, with three equal channels,
    is not detected.

Source
    The modes are named as Pillow names them (Concepts: Modes). Caffe, data_transformer.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from datascan.checks.base import Check, Issue
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.shapes import ShapeTally, measure_shapes
from datascan.metrics.traits import IMAGES

WORDS = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "I": "32-bit grey",
    "I;16": "16-bit grey",
    "I;16B": "16-bit grey",
    "F": "grey as fractions",
    "P": "few colours",
    "PA": "few colours with transparency",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "printing colours",
    "YCbCr": "colour as in video",
    "LAB": "colour as seen",
}
"""What an owner of images calls the modes of Pillow."""

MIN_SHARE = 0.8
"""Images are expected to have one mode if at least this share of them has."""


class MixedChannels(Check[ShapeTally]):
    """The image's colour mode differs from the most frequent one."""

    rule = "mixed-channels"
    title = "Colour differs from the others"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "convert all images to one colour mode, before training or in the loader"
    measure = staticmethod(measure_shapes)

    def evaluate(self, tally: ShapeTally, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (the tally is enough)
        """One issue with all images that differ from the most frequent mode, if most have it.

        Otherwise, the issue names the modes, and no image.
        """
        counts = tally.counts()
        modes: dict[str, int] = {}
        for kind, count in zip(tally.kinds, counts.tolist(), strict=True):
            if kind.mode:
                modes[kind.mode] = modes.get(kind.mode, 0) + count
        if len(modes) < 2:
            return
        usual = max(modes, key=modes.__getitem__)
        total = sum(modes.values())
        if modes[usual] < MIN_SHARE * total:
            yield self.dataset_issue(
                f"the images have {len(modes)} kinds of colours: {describe_modes(modes)}",
                severity=Severity.INFO,
            )
            return
        differs = np.array([bool(kind.mode) and kind.mode != usual for kind in tally.kinds])
        addresses, kinds = tally.addresses(differs)
        order = np.argsort(addresses)
        flagged = Flagged.of(addresses[order], kinds[order])
        count = len(addresses)
        verb = "has" if count == 1 else "have"
        message = (
            f"{count:,} of {total:,} images {verb} other colours than most, "
            f"which are {in_words(usual)}"
        )
        yield self.record_issue(
            flagged,
            message,
            lambda kind: f"{in_words(tally.kinds[int(kind)].mode)}, most are {in_words(usual)}",
        )


def describe_modes(modes: Mapping[str, int]) -> str:
    """The modes and how many images have them, the most frequent first."""
    ordered = sorted(modes.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count:,} {in_words(mode)}" for mode, count in ordered)


def in_words(mode: str | None) -> str:
    """A mode of Pillow in plain words, with its name."""
    return f"{WORDS[mode]} ({mode})" if mode in WORDS else f"mode {mode}"
