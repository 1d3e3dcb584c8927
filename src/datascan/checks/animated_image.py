"""The image has more than one frame.

What it is
    The file holds an animation (GIF, WebP, APNG) or several pages (TIFF). Loaders take the first
    frame and drop the others without a word.

Why it breaks training
    The first frame of an animation is often blank or a title, so the record does not show what its
    label says. Some loaders return all frames, and then the shape differs and the batch cannot be
    built.

How to find the cause
    Animations come with images from the web; several pages from scanners and microscopes, where
    each page may be a channel, a slice or a thumbnail.

How to fix it
    Extract the frame or page that is meant, and store it as an image. If the pages are channels or
    slices, write them as an array.

Example
    ``animated-image: #8 0008.gif 12 frames``

Limits
    All frames are decoded, as far as they have no more pixels together than ``--max-pixels``. The
    layers of a Photoshop document and the sizes of an icon are no frames.

Source
    GIF89a, the WebP container specification, the APNG specification, TIFF 6.0.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class AnimatedImage(FaultCheck):
    """The image has more than one frame."""

    rule = "animated-image"
    severity = Severity.WARNING
    fix = "keep the frame that is meant, as an image of its own"
    phrases = ("has several frames", "have several frames")
