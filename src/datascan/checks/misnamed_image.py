"""The content is another image type than the file name says.

What it is
    The extension promises one format and the content is another: a PNG called .jpg, a WebP called
    .png.

Why it breaks training
    Loaders that choose the decoder by the extension fail on such a file, often only when the record
    comes up in the middle of an epoch; fast paths (TurboJPEG, GPU decoders, DALI) are chosen by
    name as well. A PNG among JPEGs also often carries an alpha channel or a palette, and then has
    another number of channels.

How to find the cause
    Web servers hand out WebP or AVIF under a .jpg address, image editors keep the old name on
    export, and scrapers name all files alike. Look whether the files share a source.

How to fix it
    Rename the files after what they are, or convert them to what their names say (losslessly where
    the content is lossless), and correct the list that names them.

Example
    ``misnamed-image: #31 dog/011.jpg PNG named .jpg``

Limits
    Only files are looked at: keys in a store are no file names (Caffe keeps the original name as
    key whatever it encodes).

Source
    The signatures of the formats' own specifications.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class MisnamedImage(FaultCheck):
    """The content is another image type than the file name says."""

    rule = "misnamed-image"
    severity = Severity.WARNING
    fix = "rename these files after their content, or encode them as their names say"
    phrases = ("is of another type than its name says", "are of another type than their names say")
