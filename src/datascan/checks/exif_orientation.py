"""A rotation tag that many loaders ignore.

What it is
    The EXIF orientation tag says that the picture is to be turned or mirrored for showing. Viewers
    obey it; OpenCV does by default, Pillow, simplejpeg, libjpeg and Caffe's encoded records do not.

Why it breaks training
    The network sees people lying on their side while you see them standing, and boxes or key points
    drawn in a viewer do not fit the pixels. Validation data that went through another program may
    be upright: accuracy then differs without a reason in the model.

How to find the cause
    Telephones write the tag. Compare the size that your annotation tool reports with the one of the
    file: exchanged width and height tell that the tool has turned the picture.

How to fix it
    Turn the pixels once and remove the tag (``PIL.ImageOps.exif_transpose``, ``jpegtran -rotate``),
    before annotations are made; or see to it that every program in the chain obeys it.

Example
    ``exif-orientation: #5 0005.jpg orientation 6: rotated by 90 degrees``

Limits
    The tag is read in JPEG, PNG, WebP and TIFF. Whether it is right is not checked: some cameras
    write it wrongly.

Source
    CIPA DC-008 (EXIF 2.32), tag 0x0112.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class ExifOrientation(FaultCheck):
    """A rotation tag that many loaders ignore."""

    rule = "exif-orientation"
    severity = Severity.INFO
    fix = "turn the pixels for good (PIL.ImageOps.exif_transpose), or let your loader obey the tag"
    phrases = ("has a rotation tag", "have a rotation tag")
