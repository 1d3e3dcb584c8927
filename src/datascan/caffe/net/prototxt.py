"""Caffe's text format, parsed by protobuf with descriptors built from the table of fields.

Unknown fields are skipped, so that nets written for forks of Caffe can be read. Protobuf does not
report what it skips, so a second pass over the text finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from dataclasses import field as new_field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from datascan.caffe.net.schema import ALIASES, ENUMS, MESSAGES
from datascan.errors import DatasetError
from datascan.files import MAX_PROTOTXT_BYTES, read_regular, read_typed

PACKAGE = "datascan_caffe"
OWN_NAMES = re.compile(rf"({PACKAGE}\.)?(Around\d+\.)?")
MAX_NEAREST = 200
"""For more unknown names, no similar field is searched for."""

MAX_NAME = 100
MAX_LINE = 1 << 17
"""Protobuf takes quadratic time for a longer line."""

MAX_BYTES = 200
"""Longer error messages of protobuf are truncated."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that Caffe does not have: its name, its place, and the field that may be meant.

    ``owner`` is the name of the enclosing layer ("" outside of layers), ``within`` the enclosing
    field, such as "pooling_param" ("" at the top level), and ``line`` counts from 1.
    ``understood`` is true if ``nearest`` is certain: a known alias.
    """

    name: str
    within: str
    owner: str
    line: int
    nearest: str | None
    understood: bool


@dataclass(frozen=True, slots=True)
class Prototxt:
    """A parsed file: the message, and the fields that Caffe does not have."""

    path: Path
    message: Any
    unknown: tuple[UnknownField, ...]


@dataclass(frozen=True, slots=True)
class Field:
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
        for value, word in enumerate(words.split()):
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
    elif field.kind in enums:
        target.type, target.type_name = target.TYPE_ENUM, enums[field.kind]
    else:
        target.type = target.Type.Value(f"TYPE_{field.kind.upper()}")
    if field.default:
        target.default_value = field.default


def read_text(path: Path, *, typed: bool = False) -> str:
    """The text of a prototxt; bytes that are not UTF-8 (usually in comments) are replaced.

    ``typed``: the user has named the file in person, so it may be a pipe.

    Raises:
        DatasetError: if the file cannot be read, is binary, or has a very long line.
    """
    try:
        read = read_typed if typed else read_regular
        content = read(path, max_bytes=MAX_PROTOTXT_BYTES)
    except FileNotFoundError as error:
        raise DatasetError(f"no such file: {path}") from error
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DatasetError(f"cannot read {str(path)!r}: {error}") from error
    if b"\0" in content:
        raise DatasetError(f"{path} is a binary file, not a prototxt")
    text = content.decode("utf-8-sig", "replace")
    if max(map(len, text.split("\n"))) > MAX_LINE:
        raise DatasetError(f"{path} has a line of more than {MAX_LINE:,} characters")
    return text


def parse(path: Path, text: str, name: str, *, typed: bool = True) -> Prototxt:
    """Parse ``text`` as the message ``name``.

    ``typed``: the user has named the file in person. Otherwise it may be any text of the user, so
    that errors do not quote it.

    Raises:
        DatasetError: if the syntax or a value is invalid; the message has line and column.
    """
    from google.protobuf import text_format  # noqa: PLC0415  (protobuf is slow to import)

    message = message_class(name)()
    try:
        text_format.Parse(text, message, allow_unknown_field=True)
        return Prototxt(path, message, tuple(find_unknown_fields(text, name)))
    except text_format.ParseError as error:
        why = describe_parse_error(error) if typed else ": it is not a valid prototxt"
        raise DatasetError(f"{path}{why}") from error
    except RecursionError as error:
        raise DatasetError(f"{path}: braces are nested too deeply") from error


def describe_parse_error(error: Any) -> str:
    """A parse error of protobuf in our form: ", line 3, column 7: Expected ..."."""
    line, column = error.GetLine(), error.GetColumn()
    message = str(error).removeprefix(f"{line}:{column} : ")
    if not line:
        return f": {message.strip().rstrip(':.')}: unexpected end of file"
    # Protobuf quotes the whole line, which may be the whole file.
    reason = OWN_NAMES.sub("", message.rpartition("': ")[2].strip().rstrip("."))
    return f", line {line}, column {column}: {reason[-MAX_BYTES:]}"


def find_unknown_fields(text: str, name: str) -> Iterator[UnknownField]:
    """The fields of ``text``, a valid message ``name``, that Caffe does not have."""
    from google.protobuf import text_format  # noqa: PLC0415  (protobuf is slow to import)

    lines = LineCounter(text)
    finder = UnknownFieldFinder(text_format.Tokenizer(lines), lines)
    yield from finder.message(name, "", "", "")


class LineCounter:
    """The lines of a text, counted as the tokenizer takes them.

    The tokenizer itself tells its line only together with the text of the line, which may be long.
    """

    def __init__(self, text: str) -> None:
        self.taken = 0
        self._lines = text.split("\n")

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken += 1
            yield line


@dataclass(frozen=True, slots=True)
class UnknownFieldFinder:
    """Walks the tokens of a text that protobuf has parsed without errors."""

    tokenizer: Any
    lines: LineCounter
    near: dict[tuple[str, str], str | None] = new_field(default_factory=dict)
    """The nearest field, by message and unknown name: it takes long to find."""

    def message(self, kind: str, within: str, owner: str, end: str) -> Iterator[UnknownField]:
        """The unknown fields up to ``end``; none if ``kind`` itself is unknown ("")."""
        found: list[UnknownField] = []
        own = ""
        while not self.tokenizer.AtEnd() and self.tokenizer.token != end:
            line = self.lines.taken
            name = self._name()
            known = message_fields(kind).get(name) if kind else Field(name)
            if known is None or (kind, name) in ALIASES:
                found.append(self._unknown(kind, name, within, line))
            below = known.kind if known and known.kind in MESSAGES else ""
            value, inner = self._value(below, name)
            if name == "name" and kind in ("LayerParameter", "V1LayerParameter"):
                own = value
            found += inner
        owner = own or owner
        for unknown in found:
            yield unknown if unknown.owner else replace(unknown, owner=owner)

    def _unknown(self, kind: str, name: str, within: str, line: int) -> UnknownField:
        """The field ``name``, which ``kind`` does not have, with the nearest one that it has."""
        if (kind, name) not in self.near and len(self.near) < MAX_NEAREST:
            self.near[kind, name] = find_nearest(kind, name)
        meant = ALIASES.get((kind, name))
        nearest = meant or self.near.get((kind, name))
        return UnknownField(shorten(name), shorten(within), "", line, nearest, bool(meant))

    def _name(self) -> str:
        """The name of the next field; an extension's name is in brackets."""
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
        """The value of a field if it is scalar, and the unknown fields in it if it is not."""
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


def find_nearest(kind: str, name: str) -> str | None:
    """The field of ``kind`` that is most similar to ``name``, if any is."""
    known = [field for field in message_fields(kind) if (kind, field) not in ALIASES]
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6) if len(name) <= MAX_NAME else []
    return near[0] if near else None


def shorten(name: str) -> str:
    """A name that is not too long for a message."""
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."
