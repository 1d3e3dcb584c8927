"""The content is another image type than the file name says.

What it is
    The file extension promises one format, but the content is another: a PNG named .jpg, a WebP
    named .png.

Why it breaks training
    Loaders that choose the decoder by extension fail on such a file, often in the middle of an
    epoch. Fast paths (TurboJPEG, GPU decoders, DALI) are chosen by name as well. A PNG among JPEGs
    often has an alpha channel or a palette, and then a different number of channels.

How to find the cause
    Web servers deliver WebP or AVIF under a .jpg address, image editors keep the old name on
    export, and scrapers give every file the same extension. Check whether the files share a source.

How to fix it
    Rename the files to match their content, or convert them to the format in their name (losslessly
    if the content is lossless), and update the list that names them.

Example
    ``misnamed-image: #31 dog/011.jpg PNG named .jpg``

Limits
    Only files are checked. Keys in a store are not file names: Caffe keeps the original name as the
    key, however the image is encoded.

Source
    The signatures in the formats' own specifications.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import FILES


class MisnamedImage(FaultCheck):
    """The content is another image type than the file name says."""

    rule = "misnamed-image"
    title = "File name says another picture type"
    severity = Severity.WARNING
    needs = (FILES,)
    fix = "rename these files to match their content, or convert them to the format in their name"
    phrases = ("has another image type than its name", "have another image type than their names")
