"""The image is intact as far as can be determined, but its variant cannot be decoded here.

What it is
    The file has the structure that its format demands and is not cut short, but it uses a variant
    that datascan's decoders lack: a TIFF of 12 or 24 bits per sample, float64 or LogLuv, a BMP with
    unusual bit fields, a JPEG of 12 or 16 bits, a PSD of 16 bits per channel, HEIC, or JPEG XL.
    Its pixels were not inspected, and it takes no part in the search for duplicates.

Why it breaks training
    Most loaders use the same libraries (Pillow, libjpeg, libtiff). They raise an exception, or,
    like OpenCV, return nothing, which fails later under another name. Loaders that do read the
    variant may scale its values differently: 12 bits are read as 0 to 4,095 by some and as 0 to
    65,535 by others.

How to find the cause
    The detail names the variant. Microscopes, scanners, medical devices and raw converters write
    such files; phones write HEIC.

How to fix it
    If your own loader reads the variant, nothing is wrong: ignore the rule. If not, convert the
    images with a program that does (ImageMagick, tifffile, the vendor's tool) to PNG, or to a TIFF
    of 8 or 16 bits. Do not delete them: they are not damaged.

Example
    ``unsupported-image: #12 scan/0012.tif TIFF: 12 bits per sample``

Limits
    Pixels that cannot be decoded cannot be checked either: only damage to the structure, such as
    a file that is too short, is found, which makes the image ``corrupt-image``.

Source
    TIFF 6.0; ITU-T T.81 (JPEG), annex B; the BITMAPINFOHEADER structure of Windows.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import IMAGES


class UnsupportedImage(FaultCheck):
    """The image is intact as far as can be determined, but its variant cannot be decoded here."""

    rule = "unsupported-image"
    title = "Picture type that cannot be checked"
    severity = Severity.WARNING
    needs = (IMAGES,)
    fix = "convert these images unless your loader reads the variant; they are not damaged"
    phrases = (
        "is an image of a variant that cannot be decoded here",
        "are images of a variant that cannot be decoded here",
    )
