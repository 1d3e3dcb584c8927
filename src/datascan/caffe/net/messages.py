"""The messages of the table of fields, as classes of protobuf.

They have their own pool of descriptors, so that they cannot clash with Caffe's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from datascan.caffe.net.schema import ENUMS, MESSAGES, OTHER

PACKAGE = "datascan_caffe"

TEXT_ENUMS = frozenset({"V1Type"})
"""Enums that are read as text, since the names of a fork's values matter."""


class Field(Struct, frozen=True):
    """A field of the table; ``kind`` is empty for one that is known but not read."""

    name: str
    kind: str = ""
    repeated: bool = False
    default: str = ""


@cache
def message_fields(message: str) -> dict[str, Field]:
    """The fields of a message of the table, by name."""
    found = {}
    for word in MESSAGES[message].split():
        name, _, kind = word.partition(":")
        kind, _, default = kind.partition("=")
        found[name] = Field(name, kind.rstrip("*"), kind.endswith("*"), default)
    return found


@cache
def message_class(name: str) -> type[Any]:
    """The class of a message of the table."""
    from google.protobuf import message_factory  # noqa: PLC0415  (protobuf is slow to import)

    return message_factory.GetMessageClass(build_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def build_pool() -> Any:
    """The table as descriptors, in a separate pool so that they cannot clash with Caffe's own."""
    from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: PLC0415  (protobuf is slow to import)

    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto2"
    )
    for number, (name, words) in enumerate(ENUMS.items()):
        # Names of enum values must be unique in a package, so each enum is wrapped in a message.
        enum = file.message_type.add(name=f"Around{number}").enum_type.add(name=name)
        for value, word in enumerate((*words.split(), OTHER)):
            enum.value.add(name=word, number=value)
    enums = {name: f".{PACKAGE}.Around{number}.{name}" for number, name in enumerate(ENUMS)}
    for name in MESSAGES:
        message = file.message_type.add(name=name)
        for number, field in enumerate(message_fields(name).values(), 1):
            if field.kind:
                fill_descriptor(message.field.add(name=field.name, number=number), field, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def fill_descriptor(target: Any, field: Field, enums: dict[str, str]) -> None:
    """Fill in ``target``, the descriptor of ``field``; ``enums`` maps names to full names."""
    target.label = target.LABEL_REPEATED if field.repeated else target.LABEL_OPTIONAL
    if field.kind in MESSAGES:
        target.type, target.type_name = target.TYPE_MESSAGE, f".{PACKAGE}.{field.kind}"
    elif field.kind in TEXT_ENUMS:
        target.type = target.TYPE_STRING
    elif field.kind in enums:
        target.type, target.type_name = target.TYPE_ENUM, enums[field.kind]
    else:
        target.type = target.Type.Value(f"TYPE_{field.kind.upper()}")
    if field.default:
        target.default_value = field.default
