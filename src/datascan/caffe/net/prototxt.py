"""Caffe's text format: parsed by protobuf, with descriptors made from the table of fields.

Fields that the table does not know are passed over, as datascan should read the nets of forks; a
second walk over the text names them, since protobuf does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from datascan.caffe.net.schema import ENUMS, MESSAGES, UNDERSTOOD
from datascan.errors import DatasetError

PACKAGE = "datascan_caffe"
OWN_NAMES = re.compile(rf"({PACKAGE}\.)?(Around\d+\.)?")
MAX_BYTES = 200
"""A message of protobuf that is longer is cut."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that Caffe does not have: its name, where it stands, and what it may be meant for.

    ``owner`` is the name of the layer that it stands in, "" outside of layers; ``within`` the
    field that it stands in ("pooling_param"), "" at the top. ``line`` counts from 1.
    """

    name: str
    within: str
    owner: str
    line: int
    nearest: str | None
    understood: bool


@dataclass(frozen=True, slots=True)
class Prototxt:
    """A parsed text: the message, and the fields that Caffe does not have."""

    path: Path
    message: Any
    unknown: tuple[UnknownField, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the table: ``kind`` is empty where it is merely known."""

    name: str
    kind: str = ""
    repeated: bool = False
    default: str = ""


@cache
def fields_of(message: str) -> dict[str, Field]:
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
    from google.protobuf import message_factory  # noqa: PLC0415

    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@cache
def pool() -> Any:
    """The table as descriptors, in a pool of their own: no clash with an installed Caffe."""
    from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: PLC0415

    file = descriptor_pb2.FileDescriptorProto(
        name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto2"
    )
    for number, (name, words) in enumerate(ENUMS.items()):
        # Names of values are unique in a package, so every enum gets a message around it.
        enum = file.message_type.add(name=f"Around{number}").enum_type.add(name=name)
        for value, word in enumerate(words.split()):
            enum.value.add(name=word, number=value)
    around = {name: f".{PACKAGE}.Around{number}.{name}" for number, name in enumerate(ENUMS)}
    for name in MESSAGES:
        described = file.message_type.add(name=name)
        for number, field in enumerate(fields_of(name).values(), 1):
            if field.kind:
                describe(described.field.add(name=field.name, number=number), field, around)
    made = descriptor_pool.DescriptorPool()
    made.Add(file)
    return made


def describe(described: Any, field: Field, enums: dict[str, str]) -> None:
    """Fill in the descriptor of ``field``."""
    described.label = described.LABEL_REPEATED if field.repeated else described.LABEL_OPTIONAL
    if field.kind in MESSAGES:
        described.type, described.type_name = described.TYPE_MESSAGE, f".{PACKAGE}.{field.kind}"
    elif field.kind in enums:
        described.type, described.type_name = described.TYPE_ENUM, enums[field.kind]
    else:
        described.type = described.Type.Value(f"TYPE_{field.kind.upper()}")
    if field.default:
        described.default_value = field.default


def read_text(path: Path) -> str:
    """The text of a prototxt; bytes that are not UTF-8 (in comments, mostly) are replaced.

    Raises:
        DatasetError: where it cannot be read, or is no text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"no such file: {path}") from error
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error}") from error
    if b"\0" in content:
        raise DatasetError(f"{path} is binary, not a prototxt (text)")
    return content.decode("utf-8-sig", "replace")


def parse(path: Path, text: str, name: str) -> Prototxt:
    """``text`` as the message ``name``.

    Raises:
        DatasetError: where the syntax or the type of a value is wrong; gives line and column.
    """
    from google.protobuf import text_format  # noqa: PLC0415

    message = message_class(name)()
    try:
        text_format.Parse(text, message, allow_unknown_field=True)
        return Prototxt(path, message, tuple(unknown_fields(text, name)))
    except text_format.ParseError as error:
        raise DatasetError(f"{path}{describe_parse_error(error)}") from error
    except RecursionError as error:
        raise DatasetError(f"{path}: braces are nested too deep") from error


def describe_parse_error(error: Any) -> str:
    """What protobuf says of a text that does not parse: ", line 3, column 7: Expected ..."."""
    line, column = error.GetLine(), error.GetColumn()
    said = str(error).removeprefix(f"{line}:{column} : ")
    if not line:
        return f": {said.strip().rstrip(':.')}: the text ends too early"
    # It repeats the whole line in quotes, which may be the whole file.
    what = OWN_NAMES.sub("", said.rpartition("': ")[2].strip().rstrip("."))
    return f", line {line}, column {column}: {what[-MAX_BYTES:]}"


def unknown_fields(text: str, name: str) -> Iterator[UnknownField]:
    """The fields in ``text``, a valid message ``name``, that Caffe does not have."""
    from google.protobuf import text_format  # noqa: PLC0415

    yield from Walk(text_format.Tokenizer(text.split("\n"))).message(name, "", "", "")


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk over the tokens of a text that protobuf has already found valid."""

    tokenizer: Any

    def message(self, kind: str, within: str, owner: str, end: str) -> Iterator[UnknownField]:
        """The unknown fields up to ``end``; of an unknown ``kind`` nothing is known, so none."""
        found: list[UnknownField] = []
        own = ""
        while not self.tokenizer.AtEnd() and self.tokenizer.token != end:
            line = self.tokenizer.ParseError("").GetLine()
            name = self._name()
            field = fields_of(kind).get(name) if kind else Field(name)
            if field is None or (kind, name) in UNDERSTOOD:
                found.append(unknown_field(kind, name, within, line))
            below = field.kind if field and field.kind in MESSAGES else ""
            value, inner = self._value(below, name)
            if name == "name" and kind in ("LayerParameter", "V1LayerParameter"):
                own = value
            found += inner
        owner = own or owner
        for unknown in found:
            yield unknown if unknown.owner else replace(unknown, owner=owner)

    def _name(self) -> str:
        """The next field's name; of an extension, its words."""
        name = ""
        if self.tokenizer.TryConsume("["):
            while not self.tokenizer.TryConsume("]"):
                name += self._next()
            return f"[{name}]"
        return self._next()

    def _next(self) -> str:
        token = str(self.tokenizer.token)
        self.tokenizer.NextToken()
        return token

    def _value(self, kind: str, name: str) -> tuple[str, list[UnknownField]]:
        """A field's value if it is a word, else the unknown fields in it."""
        self.tokenizer.TryConsume(":")
        inner: list[UnknownField] = []
        word = ""
        if self.tokenizer.TryConsume("["):
            while not self.tokenizer.TryConsume("]"):
                inner += self._value(kind, name)[1]
        elif self.tokenizer.token in ("{", "<"):
            end = {"{": "}", "<": ">"}[self._next()]
            inner += self.message(kind, name, "", end)
            self.tokenizer.Consume(end)
        else:
            self.tokenizer.TryConsume("-")
            word = self._next().strip("'\"")
            while self.tokenizer.token[:1] in ("'", '"'):
                word += self._next()[1:-1]
        if not self.tokenizer.TryConsume(","):
            self.tokenizer.TryConsume(";")
        return word, inner


def unknown_field(kind: str, name: str, within: str, line: int) -> UnknownField:
    """The field ``name``, which ``kind`` does not have, with the nearest that it has."""
    meant = UNDERSTOOD.get((kind, name))
    known = [field for field in fields_of(kind) if (kind, field) not in UNDERSTOOD]
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return UnknownField(name, within, "", line, meant or (near[0] if near else None), bool(meant))
