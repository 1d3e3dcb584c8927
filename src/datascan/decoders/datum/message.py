"""The exact path: one Datum, parsed by protobuf.

Source: Caffe, src/caffe/proto/caffe.proto, message Datum (proto2).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
from msgspec import Struct
from numpy.typing import NDArray

from datascan.decoders.datum.template import Shape

FIELDS = (
    ("channels", 1, descriptor_pb2.FieldDescriptorProto.TYPE_INT32),
    ("height", 2, descriptor_pb2.FieldDescriptorProto.TYPE_INT32),
    ("width", 3, descriptor_pb2.FieldDescriptorProto.TYPE_INT32),
    ("data", 4, descriptor_pb2.FieldDescriptorProto.TYPE_BYTES),
    ("label", 5, descriptor_pb2.FieldDescriptorProto.TYPE_INT32),
    ("float_data", 6, descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT),
    ("encoded", 7, descriptor_pb2.FieldDescriptorProto.TYPE_BOOL),
)


class Datum(Struct, frozen=True, eq=False):
    """The fields of a Datum: (channels, height, width) and values; ``label`` may be missing."""

    shape: Shape
    data: bytes
    floats: NDArray[np.float32]
    label: int | None
    encoded: bool


@cache
def datum_class() -> type[Any]:
    """The message class.

    It is built from our own descriptor and package, because Caffe's generated code may register
    the same name in the default pool.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name="datascan/datum.proto", package="datascan", syntax="proto2"
    )
    descriptor = file.message_type.add(name="Datum")
    for name, number, field_type in FIELDS:
        field = descriptor.field.add(name=name, number=number, type=field_type)
        repeated = field_type == descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("datascan.Datum"))


def parse(value: bytes) -> Datum:
    """Parse a serialized Datum.

    Raises:
        ValueError: if ``value`` is not a valid message. The message is the fault's detail.
    """
    parsed = datum_class()()
    try:
        parsed.ParseFromString(value)
    except message.DecodeError as error:
        raise ValueError("not a Datum: the message is truncated or damaged") from error
    return Datum(
        (parsed.channels, parsed.height, parsed.width),
        parsed.data,
        np.array(parsed.float_data, np.float32),
        parsed.label if parsed.HasField("label") else None,
        parsed.encoded,
    )
