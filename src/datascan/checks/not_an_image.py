"""The content does not begin like an image of any type.

What it is
    The file or value does not begin like any known image format. It may be an HTML error page saved
    as .jpg, a text file, zeros, or an archive.

Why it breaks training
    A loader either ends the run with an error in the middle of an epoch or skips the record, which
    makes batches smaller than you think. A loader that returns a black image instead teaches the
    network that black is this class.

How to find the cause
    The detail says what the content begins with. HTML pages come from downloads that were answered
    by a login page or "404 Not Found"; zeros come from a file that was allocated but never written.
    Pointers of Git LFS, which the message counts, mean that ``git lfs pull`` was not run.
    AppleDouble files, whose names begin with ``._``, are written by macOS on foreign file systems
    and into archives.

How to fix it
    Delete the files, or download them again with a program that checks the status and content type
    of every response. Then correct the list or rebuild the store, and compare the number of records
    with what you expect.

Example
    ``not-an-image: #27 dog/007.jpg looks like an HTML page``

Limits
    The formats recognised by their first bytes are JPEG, PNG, GIF, BMP, WebP, TIFF, PNM, JPEG 2000,
    JPEG XL, ICO, PSD, AVIF and HEIC. An image whose very first bytes are damaged is also reported
    here.

Source
    The signatures in the formats' own specifications.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from datascan.checks.base import Issue
from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.faults import FaultMap
from datascan.metrics.traits import IMAGES

PAGE = "the page "
"""How the detail of an HTML page with a title begins."""

POINTER = "a Git LFS pointer"
"""How the detail of a pointer to data that was not downloaded begins."""

PULL = "run git lfs pull: the images are not here"
"""The advice if most of the files are such pointers."""


class NotAnImage(FaultCheck):
    """The content does not begin like an image of any type."""

    rule = "not-an-image"
    title = "Not a picture"
    severity = Severity.ERROR
    needs = (IMAGES,)
    fix = "delete these files or download the real images; look for failed downloads"
    fix_many = "download the real images; look for failed downloads"
    phrases = ("is not an image", "are not images")

    def evaluate(self, tally: FaultMap, dataset: DatasetSummary) -> Iterator[Issue]:
        """One issue; its message names the web page that most of the files are, if there is one.

        It also counts the pointers of Git LFS.
        """
        for issue in super().evaluate(tally, dataset):
            details = issue.flagged.facts.array.tolist() if issue.flagged else []
            pages = Counter(detail for detail in details if detail.startswith(PAGE))
            page, count = pages.most_common(1)[0] if pages else ("", 0)
            names = f"; {count:,} files are {page}" if count > 1 else ""
            pointers = sum(detail.startswith(POINTER) for detail in details)
            if pointers:
                names += f"; {pointers:,} of them {'is' if pointers == 1 else 'are'} "
                names += "a Git LFS pointer" if pointers == 1 else "Git LFS pointers"
            fix = PULL if 2 * pointers > len(details) else issue.fix
            yield replace(issue, message=issue.message + names, fix=fix)
