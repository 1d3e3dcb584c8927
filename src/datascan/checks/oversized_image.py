"""The image has more pixels than --max-pixels allows and was not decoded.

What it is
    The image's header declares more pixels than ``--max-pixels`` (178,956,970 by default, which is
    512 MiB as RGB), or the image takes more bytes than an RGB image of that size, as float images
    do. It was not decoded, so nothing else about it was checked.

Why it breaks training
    A file of a few kilobytes can declare 60,000 x 60,000 pixels and unpack to 10 GB. In training,
    such a record makes a data worker run out of memory at a moment that depends on shuffling, and
    most frameworks report only that a worker died.

How to find the cause
    Check whether the image is real. Scans, satellite images and medical images have many bytes as
    well as many pixels; a decompression bomb or a broken header has few bytes and a huge number of
    pixels.

How to fix it
    Remove broken and hostile files. Crop or resize real ones to the network's input size before
    training. If they are meant to be this large, scan again with a higher ``--max-pixels``.

Example
    ``oversized-image: #3 scan.png 60,000 x 60,000 = 3,600,000,000 pixels exceed the limit
    of 178,956,970``

Limits
    The size is read from the header; for a GIF, from the headers of all its frames. The frames of
    an animation are added up, and decoding stops at the limit.

Source
    The default is twice Pillow's MAX_IMAGE_PIXELS, the size at which Pillow itself refuses.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class OversizedImage(FaultCheck):
    """The image has more pixels than --max-pixels allows and was not decoded."""

    rule = "oversized-image"
    title = "Picture too large to open"
    severity = Severity.ERROR
    needs = (IMAGES,)
    fix = "check whether the image is real; if it is, resize it or raise --max-pixels"
    phrases = ("has too many pixels to be decoded", "have too many pixels to be decoded")
