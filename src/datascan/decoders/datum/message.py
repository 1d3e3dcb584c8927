"""One Datum, parsed by protobuf: the exact path.

Source: Caffe, src/caffe/proto/caffe.proto, message Datum (proto2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
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


@dataclass(frozen=True, slots=True, eq=False)
class Datum:
    """The fields of a Datum; ``label`` is None where the message has none."""

    shape: Shape
    data: bytes
    floats: NDArray[np.float32]
    label: int | None
    encoded: bool


@cache
def datum_class() -> type[Any]:
    """The message class, from a descriptor of our own: no generated code, no name clash."""
    file = descriptor_pb2.FileDescriptorProto(
        name="datascan/datum.proto", package="datascan", syntax="proto2"
    )
    described = file.message_type.add(name="Datum")
    for name, number, kind in FIELDS:
        field = described.field.add(name=name, number=number, type=kind)
        repeated = kind == descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT
        field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("datascan.Datum"))


def parse(value: bytes) -> Datum:
    """Read a serialized Datum.

    Raises:
        ValueError: where the bytes are no message; says why in a few words.
    """
    parsed = datum_class()()
    try:
        parsed.ParseFromString(value)
    except message.DecodeError as error:
        raise ValueError("not a Datum: the message is cut or damaged") from error
    return Datum(
        (parsed.channels, parsed.height, parsed.width),
        parsed.data,
        np.array(parsed.float_data, np.float32),
        parsed.label if parsed.HasField("label") else None,
        parsed.encoded,
    )
