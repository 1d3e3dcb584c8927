"""Bytes stand after the end of the image.

What it is
    The image is whole, and behind its end marker more bytes follow: padding, a second image, a
    video of a "motion photo", an archive.

Why it breaks training
    As a rule it does not: decoders stop at the end marker. It costs space and reading time, and
    some strict decoders refuse. Once in a while the bytes tell of a program that writes into a
    buffer larger than the image, and then other records may have got the wrong image.

How to find the cause
    The same small number everywhere is padding by the writer; numbers that vary with the image are
    appended content. Look at the bytes themselves with a hex viewer.

How to fix it
    Leave them, or cut them off by a lossless rewrite (``jpegtran -copy none``, ``optipng``).

Example
    ``trailing-bytes: #12 0012.jpg 512 bytes after the end of the image``

Limits
    Known for JPEG, PNG, GIF, WebP, BMP and ICO. JPEGs that announce several pictures (multi-picture
    format) are left alone.

Source
    ITU-T T.81, annex B; ISO/IEC 15948; GIF89a; the RIFF container of WebP.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class TrailingBytes(FaultCheck):
    """Bytes stand after the end of the image."""

    rule = "trailing-bytes"
    severity = Severity.INFO
    fix = "nothing needs to be done; cut the bytes off if a strict decoder complains"
    phrases = ("has bytes after the end of its image", "have bytes after the end of their image")
