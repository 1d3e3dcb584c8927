"""The value cannot be parsed, or its size does not match its shape.

What it is
    The record's bytes are not a valid message of the store's layout (truncated or overwritten), its
    data is not channels x height x width values long, or a Datum has both or neither of ``data``
    and ``float_data``. The detail says which, with both numbers.

Why it breaks training
    Caffe does not check. With 100 bytes of data in a 3x32x32 Datum, a Datum cut in half, or 10 of
    64 floats, it exits 0 and trains on the memory after the buffer. That may be the previous image
    or any bit pattern, NaN included, and it differs from run to run. If there is no data at all, it
    ends in a segmentation fault without a message.

How to find the cause
    Check the first record and its neighbours. A single record points to a crash or a full disk
    during writing; many records of the same wrong length point to the program that wrote them, such
    as a shape that was set before the image was resized. A field in the wrong place points to
    another version of the message.

How to fix it
    Rewrite the records listed by ``--bad-records`` from their source, and correct the writer. Do
    not pad the data to the right length: half an image is worse than none.

Example
    ``malformed-record: #77 00000077 not a Datum: the message is truncated or damaged``

Limits
    A Datum whose bytes are shifted but that still parses, with the right length, looks like a good
    one. Unknown fields are skipped, as protobuf does.

Source
    Caffe, src/caffe/proto/caffe.proto and data_transformer.cpp; Caffe's behaviour was measured on
    50,000 records with a release build.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import RECORDS


class MalformedRecord(FaultCheck):
    """The value cannot be parsed, or its size does not match its shape."""

    rule = "malformed-record"
    title = "Record that cannot be read"
    severity = Severity.ERROR
    needs = (RECORDS,)
    fix = "rewrite these records from their source"
    phrases = ("is malformed", "are malformed")
