"""Extra bytes after the end of the image.

What it is
    The image is complete, but its end marker is followed by more bytes: padding, a second image,
    the video of a "motion photo", or an archive.

Why it breaks training
    Usually it does not: decoders stop at the end marker. The bytes cost space and reading time, and
    some strict decoders reject the file. Occasionally they come from a program that writes into a
    buffer larger than the image, and then other records may contain the wrong image.

How to find the cause
    The same small number everywhere is padding by the writer; numbers that vary from image to image
    are appended content. Inspect the bytes with a hex viewer.

How to fix it
    Keep them, or remove them with a lossless rewrite (``jpegtran -copy none``, ``optipng``).

Example
    ``trailing-bytes: #12 0012.jpg 512 bytes after the end of the image``

Limits
    Detected for JPEG, PNG, GIF, WebP, BMP and ICO. JPEGs that declare several images (multi-picture
    format) are not checked.

Source
    ITU-T T.81, annex B; ISO/IEC 15948; GIF89a; the RIFF container of WebP.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class TrailingBytes(FaultCheck):
    """Extra bytes after the end of the image."""

    rule = "trailing-bytes"
    title = "Extra data after the picture"
    severity = Severity.INFO
    needs = (IMAGES,)
    fix = "usually harmless; remove the bytes if a strict decoder rejects the file"
    phrases = ("has bytes after the end of its image", "have bytes after the end of their image")
