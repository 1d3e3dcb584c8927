"""The value does not parse in its layout, or holds more or less data than its shape says.

What it is
    The record's bytes are no message of the store's layout (cut, overwritten), or its data is not
    channels x height x width values long, or a Datum holds both or neither of ``data`` and
    ``float_data``. The detail says which, with both numbers.

Why it breaks training
    Caffe does not check: with 100 bytes of data in a 3x32x32 Datum, a Datum cut in half, or 10 of
    64 floats, it exits 0 and trains on whatever lies behind the buffer in memory. That may be the
    last image, or any bit pattern at all, NaN among them, and another one in every run. With no
    data at all it ends in a segmentation fault, without a message.

How to find the cause
    Look at the first record and its neighbours: one alone points to a crash or a full disk while it
    was written; all of one length point to the program that wrote them, such as a shape that was
    filled in before the image was scaled; a field in the wrong place points to another version of
    the message.

How to fix it
    Write the records listed by ``--bad-records`` again from their source, and correct the writer.
    Do not pad the data to the right length: half an image is worse than none.

Example
    ``malformed-record: #77 00000077 not a Datum: the message is truncated or damaged``

Limits
    A Datum whose bytes are shifted but still parse, with the right length, cannot be told from a
    good one. Unknown fields are skipped, as protobuf does.

Source
    Caffe, src/caffe/proto/caffe.proto and data_transformer.cpp; what Caffe does was measured on
    50,000 records, release build.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class MalformedRecord(FaultCheck):
    """The value does not parse in its layout, or its size is not that of its shape."""

    rule = "malformed-record"
    severity = Severity.ERROR
    fix = "write these records again from their source"
    phrases = ("does not parse in its layout", "do not parse in their layout")
