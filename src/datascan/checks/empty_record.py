"""The value or file has zero bytes.

What it is
    The key or the file exists, but it is empty.

Why it breaks training
    On an empty value Caffe ends in a segmentation fault, without a message. Loaders that read files
    end with a decoding error, or substitute an image of zeros.

How to find the cause
    Empty files are left by a full disk, a broken download or an interrupted copy. In a store they
    come from writers that do not check whether a read or an encode succeeded (``cv2.imencode``
    returns False and an empty buffer).

How to fix it
    Rewrite the records from their source or delete them, and make the writer stop when a read or an
    encode returns nothing.

Example
    ``empty-record: #250 00000250 the value has 0 bytes``

Limits
    Values that are not empty but contain only zeros are reported as ``constant-record``.

Source
    Measured with Caffe: empty data is a segmentation fault in a release build.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import RECORDS


class EmptyRecord(FaultCheck):
    """The value or file has zero bytes."""

    rule = "empty-record"
    title = "Empty record"
    image_title = "Empty file"
    severity = Severity.ERROR
    needs = (RECORDS,)
    fix = "rewrite these records, or delete them"
    fix_many = "find the common cause and write them again: a full disk, a failed copy"
    phrases = ("has 0 bytes", "have 0 bytes")
