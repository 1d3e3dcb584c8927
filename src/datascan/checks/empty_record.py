"""The value or file has zero bytes.

What it is
    There is a key, or a file, and nothing in it.

Why it breaks training
    Caffe ends in a segmentation fault when it comes to an empty value, without a message. Loaders
    of files end with an error of the decoder, or put an image of zeros in its place.

How to find the cause
    Empty files are what a full disk, a broken download or an interrupted copy leave behind. In a
    store they come from writers that put the result of a failed read or encode without looking at
    it (``cv2.imencode`` returns False and an empty buffer).

How to fix it
    Write the records again from their source, or delete them, and let the writer stop when a read
    or an encode gives nothing.

Example
    ``empty-record: #250 00000250 the value has 0 bytes``

Limits
    Values that hold something, but only zeros, are ``constant-record``.

Source
    Caffe's behaviour was measured: empty data is a segmentation fault in a release build.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class EmptyRecord(FaultCheck):
    """The value or file has zero bytes."""

    rule = "empty-record"
    severity = Severity.ERROR
    fix = "write these records again, or delete them"
    phrases = ("has 0 bytes", "have 0 bytes")
