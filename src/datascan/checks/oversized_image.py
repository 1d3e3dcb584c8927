"""The image has more pixels than --max-pixels allows: it was not decoded.

What it is
    The image's header announces more pixels than the limit of ``--max-pixels`` (178,956,970 by
    default, which is 512 MiB as RGB). It was not decoded, and nothing more is known of it.

Why it breaks training
    A file of a few kilobytes can announce 60,000 x 60,000 pixels and unpack to 10 GB. In training,
    such a record kills a data worker by lack of memory, at a moment that depends on shuffling, and
    most frameworks report only that a worker has died.

How to find the cause
    Decide whether the picture is real: scans, satellite and medical images are large in bytes as
    well; a bomb or a broken header is small in bytes and huge in pixels.

How to fix it
    Remove broken and hostile files. Cut or scale real ones down to what the network takes in before
    training; if they are meant as they are, scan again with a higher ``--max-pixels``.

Example
    ``oversized-image: #3 scan.png 60,000 x 60,000 = 3,600,000,000 pixels exceed the limit
    of 178,956,970``

Limits
    The size is taken from the header, of a GIF from those of all its frames. Frames of an animation
    are added up: decoding ends at the limit.

Source
    The default is twice Pillow's MAX_IMAGE_PIXELS, from which on Pillow itself refuses.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class OversizedImage(FaultCheck):
    """The image has more pixels than --max-pixels allows: it was not decoded."""

    rule = "oversized-image"
    severity = Severity.ERROR
    fix = "look at the size before training; raise --max-pixels if the image is meant"
    phrases = ("is too large to be decoded", "are too large to be decoded")
