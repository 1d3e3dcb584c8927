"""A rotation tag that many loaders ignore.

What it is
    The EXIF orientation tag says that the image must be rotated or mirrored for display. Image
    viewers apply it, and so does OpenCV by default; Pillow, simplejpeg, libjpeg and Caffe's encoded
    records do not.

Why it breaks training
    The network sees people lying on their side while you see them standing, and boxes or key points
    drawn in a viewer do not match the pixels. Validation data processed by another program may be
    upright, so accuracy differs for no reason in the model.

How to find the cause
    Phones write the tag. Compare the size that your annotation tool reports with the size of the
    file: if width and height are swapped, the tool has rotated the image.

How to fix it
    Rotate the pixels once and remove the tag (``PIL.ImageOps.exif_transpose``, ``jpegtran
    -rotate``) before the images are annotated, or make sure that every program in the pipeline
    applies it.

Example
    ``exif-orientation: #5 0005.jpg orientation 6: rotated by 90 degrees``

Limits
    The tag is read from JPEG, PNG, WebP and TIFF. Whether it is correct is not checked: some
    cameras write a wrong one.

Source
    CIPA DC-008 (EXIF 2.32), tag 0x0112.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class ExifOrientation(FaultCheck):
    """A rotation tag that many loaders ignore."""

    rule = "exif-orientation"
    title = "Picture to be shown rotated"
    severity = Severity.INFO
    needs = (IMAGES,)
    fix = "rotate these images once and save them, or make your loader apply the tag"
    phrases = ("has a rotation tag", "have a rotation tag")
