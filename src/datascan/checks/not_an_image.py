"""The content has no image signature at all.

What it is
    The file or value begins like no image format: an HTML error page saved as .jpg, a text file,
    zeros, or an archive.

Why it breaks training
    A loader either ends the run with an error in the middle of an epoch, or skips the record, so
    that batches are smaller than you think. A loader that returns a black image instead teaches the
    network that black is this class.

How to find the cause
    The detail says what the content begins with. HTML pages come from downloads that were answered
    by a login page or "404 Not Found"; zeros from a file that was allocated and never written;
    pointers of git-lfs begin with "version https". AppleDouble files, whose names begin with
    ``._``, were written by macOS on a foreign file system or into an archive.

How to fix it
    Delete the files, or fetch them again with a program that checks the status and the content type
    of every answer. Then correct the list or rebuild the store, and compare the number of records
    with what you expect.

Example
    ``not-an-image: #27 dog/007.jpg looks like an HTML page``

Limits
    The formats known by their first bytes are JPEG, PNG, GIF, BMP, WebP, TIFF, PNM, JPEG 2000, JPEG
    XL, ICO, PSD, AVIF and HEIC. Damage to the very first bytes of an image also ends up here.

Source
    The signatures of the formats' own specifications.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class NotAnImage(FaultCheck):
    """The content has no image signature at all."""

    rule = "not-an-image"
    severity = Severity.ERROR
    fix = "delete these files or fetch the real images; look for failed downloads"
    phrases = ("is no image", "are no images")
