"""The matrix of an InfogainLoss: a binary BlobProto.

Source: Caffe, src/caffe/proto/caffe.proto, message BlobProto; src/caffe/blob.cpp: FromProto.
"""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.files import MAX_MATRIX_BYTES, read_regular

FIELDS = (
    ("num", 1, "int32"),
    ("channels", 2, "int32"),
    ("height", 3, "int32"),
    ("width", 4, "int32"),
    ("data", 5, "float"),
    ("dim", 1, "int64"),
    ("double_data", 8, "double"),
)


@cache
def blob_class() -> type[Any]:
    """The message class, built from our own descriptor."""
    from google.protobuf import (  # noqa: PLC0415  (protobuf is slow to import)
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    file = descriptor_pb2.FileDescriptorProto(
        name="datascan_blob.proto", package="datascan_blob", syntax="proto2"
    )
    shape, blob = (file.message_type.add(name=name) for name in ("BlobShape", "BlobProto"))
    for name, number, kind in FIELDS:
        field = (shape if name == "dim" else blob).field.add(name=name, number=number)
        field.type = field.Type.Value(f"TYPE_{kind.upper()}")
        repeated = name in ("dim", "data", "double_data")
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
        field.options.packed = repeated
    own = blob.field.add(name="shape", number=7, label=1)
    own.type, own.type_name = own.TYPE_MESSAGE, ".datascan_blob.BlobShape"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("datascan_blob.BlobProto"))


def read_matrix(path: Path) -> NDArray[np.float64]:
    """The values of a BlobProto, in its own shape without leading axes of length 1.

    Raises:
        ValueError: if the file is not a valid BlobProto; the message says why.
        OSError: if it cannot be read.
    """
    from google.protobuf import message  # noqa: PLC0415  (protobuf is slow to import)

    blob = blob_class()()
    try:
        blob.ParseFromString(read_regular(path, max_bytes=MAX_MATRIX_BYTES))
    except message.DecodeError as error:
        raise ValueError("is not a BlobProto: the message is truncated or damaged") from error
    numbers = blob.double_data or blob.data
    # Not from a list of Python numbers, which takes eight times as much memory.
    values = np.fromiter(numbers, np.float64, len(numbers))
    if blob.HasField("shape"):
        shape = tuple(blob.shape.dim)
    else:
        shape = (blob.num, blob.channels, blob.height, blob.width)
    if prod(shape) != len(values) or not len(values):
        declared = "x".join(map(str, shape))
        raise ValueError(f"holds {len(values):,} numbers, but its shape is {declared}")
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    return values.reshape(shape)
