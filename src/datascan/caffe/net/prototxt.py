"""Caffe's text format, parsed into messages whose descriptors are built from the table of fields.

Fields and enum values that Caffe does not have are noted and skipped, so that nets written for its
forks can be read. Protobuf's own parser refuses such values, and does not tell what it skips: only
its tokenizer is used here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from datascan.caffe.net.messages import PACKAGE, TEXT_ENUMS, Field, message_class, message_fields
from datascan.caffe.net.schema import ALIASES, ENUMS, FORK_FIELDS, MESSAGES
from datascan.caffe.net.similar import find_misspelt
from datascan.errors import DatasetError
from datascan.files import MAX_PROTOTXT_BYTES, read_regular, read_typed
from datascan.text import escape_control

OWN_NAMES = re.compile(rf"({PACKAGE}\.)?(Around\d+\.)?")
MAX_NEAREST = 200
"""For more unknown names, no similar field is searched for."""

MAX_NAME = 100
MAX_LINE = 1 << 17
"""Protobuf takes quadratic time for a longer line."""

MAX_BYTES = 200
"""Longer error messages of protobuf are truncated."""

SCALAR = re.compile(r"[\w.+-]+")
PLACEHOLDER = re.compile(r"\$\{?\w+\}?|\$\(\w+\)|\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|%\(\w+\)\w|@\w+@|\$")
"""What shell, Python, Jinja and CMake put into a template."""

LOG_LINE = re.compile(r"Log file created|[IWEF]\d{4} \d\d:")
"""How a log of Caffe begins."""


class Unknown(Struct, frozen=True):
    """A field that Caffe does not have, or a value that its enum does not: ``value`` is not empty.

    ``owner`` is the name of the enclosing layer and ``owner_type`` its type (both "" outside of
    layers), ``within`` the enclosing field, such as "pooling_param" ("" at the top level), and
    ``line`` counts from 1. ``nearest`` is what a misspelt name means; ``understood`` is true if
    that is certain: a known alias.
    """

    name: str
    within: str
    owner: str
    line: int
    nearest: str | None
    understood: bool = False
    value: str = ""
    owner_type: str = ""


class Prototxt(Struct, frozen=True):
    """A parsed file: the message, and the fields and values that Caffe does not have."""

    path: Path
    message: Any
    unknown: tuple[Unknown, ...]
    top_level: frozenset[str] = frozenset()
    """The names of the fields that are not inside of another one."""


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
    lines = LineCounter(text)
    try:
        parser = Parser(text_format.Tokenizer(lines), lines)
        unknown = tuple(parser.parse(message, name))
        return Prototxt(path, message, unknown, frozenset(parser.top_level))
    except text_format.ParseError as error:
        why = describe_parse_error(error, text) if typed else ": it is not a valid prototxt"
        raise DatasetError(f"{path}{why}") from error
    except RecursionError as error:
        raise DatasetError(f"{path}: braces are nested too deeply") from error


def describe_parse_error(error: Any, text: str) -> str:
    """A parse error in our form: ", line 3, column 7: Expected ..."."""
    line, column = error.GetLine(), error.GetColumn()
    message = str(error).removeprefix(f"{line}:{column} : ")
    rows = text.split("\n")
    if LOG_LINE.match(rows[0]):
        return " is a training log, not a net: read it with datascan log"
    row = rows[line - 1] if line and line <= len(rows) else ""
    # Elsewhere in the line, a dollar or a brace may be part of a comment or a string.
    found = PLACEHOLDER.search(row, max(0, column - 3))
    if found and found.start() <= column:
        hole = escape_control(found[0])
        return f", line {line}: {hole[:MAX_NAME]} is a placeholder: fill in this template first"
    # Protobuf quotes the whole line, which may be the whole file.
    reason = OWN_NAMES.sub("", message.rpartition("': ")[2].strip().rstrip("."))
    if reason.startswith("Couldn't parse") and row[column - 1 : column].isalpha():
        reason += " (if this is a template, fill it in first)"
    if not row[column - 1 :].strip() and not any(rest.strip() for rest in rows[line:]):
        reason += ": unexpected end of file"
    return f", line {line}, column {column}: {escape_control(reason[-MAX_BYTES:])}"


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


LAYER_MESSAGES = ("LayerParameter", "V1LayerParameter", "V0LayerParameter")


class Parser(Struct, frozen=True):
    """Fills messages with what the tokens say, and notes what Caffe does not have.

    It takes what Caffe's own parser takes, except that it reads fields and enum values of forks.
    """

    tokenizer: Any
    lines: LineCounter
    near: dict[tuple[str, str], str | None] = {}
    """What misspelt names mean, by message or enum, and name: it takes long to find."""
    top_level: set[str] = set()

    def parse(self, message: Any, kind: str) -> list[Unknown]:
        """Fill the outermost message, of the type ``kind``. Returns what is unknown in it."""
        return self._message(message, kind, "", "")

    def _message(self, message: Any, kind: str, within: str, end: str) -> list[Unknown]:
        """Fill ``message`` up to ``end``; None, with no kind, if it is not read."""
        found: list[Unknown] = []
        while not self.tokenizer.AtEnd() and self.tokenizer.token != end:
            line = self.lines.taken
            name = self._name()
            if not within:
                self.top_level.add(name)
            field = message_fields(kind).get(name) if kind else Field(name)
            if field is None or (kind, name) in ALIASES or (kind, name) in FORK_FIELDS:
                found.append(self._unknown_field(kind, name, within, line))
            if field is None or not field.kind or message is None:
                self._skip()
            else:
                found += self._field(message, field, within, line)
            if not self.tokenizer.TryConsume(","):
                self.tokenizer.TryConsume(";")
        if kind not in LAYER_MESSAGES or message is None:
            return found
        name, type_name = shorten(message.name), shorten(message.type)
        return [
            u if u.owner_type else replace(u, owner=u.owner or name, owner_type=type_name)
            for u in found
        ]

    def _name(self) -> str:
        """The name of the next field; an extension's name is in brackets."""
        name = ""
        if self.tokenizer.TryConsume("["):
            while not self.tokenizer.TryConsume("]"):
                name += self._next()
            return f"[{name}]"
        return str(self.tokenizer.ConsumeIdentifierOrNumber())

    def _next(self) -> str:
        token = str(self.tokenizer.token)
        if not token:
            raise self.tokenizer.ParseError("Expected a value.")
        self.tokenizer.NextToken()
        return token

    def _field(self, message: Any, field: Field, within: str, line: int) -> list[Unknown]:
        """Fill in a field that Caffe has: a message, a scalar, or a list of either."""
        found: list[Unknown] = []
        is_message = field.kind in MESSAGES
        if is_message:
            self.tokenizer.TryConsume(":")
        else:
            self.tokenizer.Consume(":")
        if field.repeated and self.tokenizer.TryConsume("["):
            while not self.tokenizer.TryConsume("]"):
                found += self._value(message, field, within, line)
                self._comma()
            return found
        return self._value(message, field, within, line)

    def _value(self, message: Any, field: Field, within: str, line: int) -> list[Unknown]:
        """Fill in one value."""
        if not field.repeated and message.HasField(field.name):
            raise self.tokenizer.ParseErrorPreviousToken(f"{field.name} is set twice.")
        if field.kind in MESSAGES:
            end = self._open()
            inner = getattr(message, field.name)
            if field.repeated:
                inner = inner.add()
            else:
                inner.SetInParent()
            found = self._message(inner, field.kind, field.name, end)
            self.tokenizer.Consume(end)
            return found
        unknown, value = None, None
        if field.kind in ENUMS:
            value, unknown = self._enum(field, within, line)
        else:
            value = self._scalar(field.kind)
        try:
            if field.repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
        except (ValueError, TypeError) as error:
            raise self.tokenizer.ParseErrorPreviousToken(str(error)) from error
        return [unknown] if unknown else []

    def _open(self) -> str:
        """Enter a message. Returns the token that ends it."""
        if self.tokenizer.TryConsume("<"):
            return ">"
        self.tokenizer.Consume("{")
        return "}"

    def _comma(self) -> None:
        """The comma after a value of a list, unless it is the last one."""
        if not self.tokenizer.LookingAt("]"):
            self.tokenizer.Consume(",")

    def _scalar(self, kind: str) -> Any:
        """The next value of a scalar type."""
        consume = {
            "string": self._string,
            "float": self.tokenizer.ConsumeFloat,
            "bool": self.tokenizer.ConsumeBool,
        }
        return consume.get(kind, self.tokenizer.ConsumeInteger)()

    def _string(self) -> str:
        """The next string; bytes that are not UTF-8 are replaced."""
        return bytes(self.tokenizer.ConsumeByteString()).decode("utf-8", "replace")

    def _enum(self, field: Field, within: str, line: int) -> tuple[Any, Unknown | None]:
        """The next value of an enum, and what is unknown of it."""
        words = ENUMS[field.kind].split()
        token = self.tokenizer.token
        if token[:1] in ("'", '"'):
            word = self._string()
        else:
            word = str(self.tokenizer.ConsumeIdentifierOrNumber())
        if word.isdigit() and int(word) < len(words) and field.kind not in TEXT_ENUMS:
            return int(word), None
        is_known = word in words and word == token
        as_text = field.kind in TEXT_ENUMS
        value = word if as_text else (words.index(word) if is_known else len(words))
        if is_known or (as_text and word == token):
            return value, None
        nearest = self._find_nearest(field.kind, word, words)
        return value, Unknown(
            field.name, shorten(within), "", line, nearest, value=shorten(word) or '""'
        )

    def _skip(self) -> None:
        """Skip a value that is not read."""
        has_colon = self.tokenizer.TryConsume(":")
        if self.tokenizer.token in ("{", "<"):
            end = self._open()
            self._message(None, "", "-", end)
            self.tokenizer.Consume(end)
        elif not has_colon:
            raise self.tokenizer.ParseError('Expected ":" or "{".')
        elif self.tokenizer.TryConsume("["):
            while not self.tokenizer.TryConsume("]"):
                self._skip_one()
                self._comma()
        else:
            self._skip_one()

    def _skip_one(self) -> None:
        """Skip a scalar or a message in a list."""
        if self.tokenizer.token in ("{", "<"):
            end = self._open()
            self._message(None, "", "-", end)
            self.tokenizer.Consume(end)
        elif self.tokenizer.token[:1] in ("'", '"'):
            self.tokenizer.ConsumeByteString()
        else:
            self.tokenizer.TryConsume("-")
            if not SCALAR.match(self.tokenizer.token):
                raise self.tokenizer.ParseError("Expected a value.")
            self.tokenizer.NextToken()

    def _unknown_field(self, kind: str, name: str, within: str, line: int) -> Unknown:
        """The field ``name``, which ``kind`` does not have, with the one that it means."""
        known = (x for x in message_fields(kind) if (kind, x) not in {*ALIASES, *FORK_FIELDS})
        meant = ALIASES.get((kind, name))
        nearest = meant or self._find_nearest(kind, name, known)
        return Unknown(shorten(name), shorten(within), "", line, nearest, bool(meant))

    def _find_nearest(self, kind: str, name: str, known: Iterable[str]) -> str | None:
        """Which of ``known`` a misspelt name means."""
        if (kind, name) not in self.near and len(self.near) < MAX_NEAREST:
            self.near[kind, name] = find_misspelt(name, known)
        return self.near.get((kind, name))


def shorten(name: str) -> str:
    """A name that is not too long for a message."""
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."
