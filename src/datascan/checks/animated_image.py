"""The image has more than one frame.

What it is
    The file holds an animation (GIF, WebP, APNG) or several pages (TIFF). Loaders take the first
    frame and silently drop the others.

Why it breaks training
    The first frame of an animation is often blank or a title, so the record does not show what its
    label says. Some loaders return all frames; the shape then differs and the batch cannot be
    built.

How to find the cause
    Animations usually come from images scraped from the web. Multi-page files come from scanners
    and microscopes, where a page may be a channel, a slice or a thumbnail.

How to fix it
    Extract the frame or page you need and store it as a single image. If the pages are channels or
    slices, store them as an array.

Example
    ``animated-image: #8 0008.gif 12 frames``

Limits
    Frames are decoded until their total number of pixels reaches ``--max-pixels``. The layers of a
    Photoshop document and the sizes of an icon do not count as frames.

Source
    GIF89a, the WebP container specification, the APNG specification, TIFF 6.0.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class AnimatedImage(FaultCheck):
    """The image has more than one frame."""

    rule = "animated-image"
    title = "Animated picture"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "extract the frame you need and store it as a single image"
    phrases = ("has several frames", "have several frames")
