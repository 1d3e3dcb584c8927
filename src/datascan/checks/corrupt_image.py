"""The image cannot be decoded in full, or its decoder reports damaged data.

What it is
    The bytes begin like an image but are truncated, overwritten or scrambled: the decoder stops
    early, finds an invalid code, or a checksum is wrong. An image also counts if the decoder
    conceals the damage with grey and continues.

Why it breaks training
    Most loaders do not notice. Caffe trains on a JPEG cut to 80 % or missing its last two bytes,
    exits 0 and prints nothing; with flipped bytes it prints one line from libjpeg; it aborts only
    if the file is cut to half, and it never names the record. The network then learns grey bars and
    shifted blocks under a label that does not match. Loaders that do notice end the whole run.

How to find the cause
    Check the keys. Files from one folder or one day point to a broken download or a full disk;
    single files spread evenly point to failing memory or storage. Compare the file sizes with those
    of the source. If the images are in a store, check the program that wrote it: a buffer that is
    reused too early damages the tail of images.

How to fix it
    Download or encode the images listed by ``--bad-records`` again, and rebuild the store from
    them. If the source is gone, drop the records. Do not repair them with a tolerant decoder: what
    it fills in is not part of the image.

Example
    ``corrupt-image: #4 cat/004.jpg JPEG: Premature end of JPEG file``

Limits
    JPEGs are decoded at 1/8 scale. Every entropy-coded byte is read, but damage that leaves the
    codes valid (a changed brightness, say) cannot be detected at any scale. In PNG files every
    checksum is verified, and chunks that libpng refuses are refused. In TIFF files every deflated
    strip and tile is inflated to its end, its checksum is verified, the lengths of PackBits are
    added up (up to 16 MiB), and JPEGs are decoded strictly. In formats without checksums (BMP, some
    TIFFs) only damage to the structure is found. JPEGs with arithmetic coding or 4:1:0 sampling are
    decoded by Pillow, which conceals some damage. A variant that cannot be decoded here is
    ``unsupported-image``, unless its file is too short; damage that leaves the pixels intact is
    ``damaged-metadata``.

Source
    ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG). Measured on 1,500 damaged JPEGs: Pillow's verify()
    notices 300, its load() 911, strict decoding 1,399.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class CorruptImage(FaultCheck):
    """The image cannot be decoded in full, or its decoder reports damaged data."""

    rule = "corrupt-image"
    title = "Damaged picture"
    severity = Severity.ERROR
    needs = (IMAGES,)
    fix = "download or encode these images again; if the source is gone, delete them"
    fix_many = "find the common cause (a failing disk, a broken copy), and copy them again"
    phrases = ("cannot be decoded in full", "cannot be decoded in full")
