"""Metadata of an image is damaged: its profile, header, tags or texts.

What it is
    The pixels decode in full, but the file has bytes between the segments of its header that belong
    to none, a colour profile or EXIF block that is cut off, tags of a TIFF with an invalid type or
    count, or a compressed text that is damaged or too large.

Why it breaks training
    It rarely does, because the pixels are intact. Loaders that apply colour profiles or read EXIF
    may raise an exception or ignore the profile, some strict decoders reject the file, and tools
    that print warnings flood the log. A damaged profile changes the colours between loaders.

How to find the cause
    The same detail in every file comes from the program that wrote them (scanners and old cameras
    write invalid tags). If only a few files have it, check whether a transfer changed line endings
    or cut the files, and whether ``corrupt-image`` names their neighbours.

How to fix it
    Remove the metadata without touching the pixels: ``jpegtran -copy none``,
    ``optipng -strip all``, ``tiffset``, or ``exiftool -all=``. Otherwise ignore the rule.

Example
    ``damaged-metadata: #3 cat/003.jpg JPEG: 18 bytes before byte 160 belong to no segment``

Limits
    Only what a decoder needs to find its way is checked: the structure of the EXIF block but not
    its values, the size and signature of a profile but not its curves.

Source
    ITU-T T.81, annex B; ISO 15076-1 (ICC profiles), section 7.2; CIPA DC-008 (EXIF); messages of
    libtiff.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class DamagedMetadata(FaultCheck):
    """Metadata of an image is damaged: its profile, header, tags or texts."""

    rule = "damaged-metadata"
    title = "Damaged extra information in the file"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "remove the metadata of these images if a loader stumbles over it; the pixels are intact"
    phrases = ("has damaged metadata", "have damaged metadata")
