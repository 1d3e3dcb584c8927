"""One option as users see it: its flag, configuration keys, help, and what it accepts.

A field of the structs in :mod:`datascan.config.options` is annotated with its type, its range
(:class:`msgspec.Meta`) and an :class:`Option`. Flags, configuration keys, ``--help``, validation,
error messages and the reference page all follow from these annotations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, inspect

from datascan.errors import UsageError
from datascan.files import STANDARD_INPUT, is_special
from datascan.plugins import COMMANDS, READERS, nearest, require_rules
from datascan.text import parse_size

MAX_SHOWN = 80
"""Longer values are cut in messages."""

MAX_INT = (1 << 63) - 1

BARE = "\0"
"""The value of a flag without its optional value; no argument can have this character."""

DATASET_COMMANDS = ("scan", "learn", "accept")
ALL_COMMANDS = (*DATASET_COMMANDS, "net", "log")


class Option(Struct, frozen=True, kw_only=True):
    """What an option's field is annotated with, in addition to its type and range.

    Attributes:
        help: one line for ``--help`` and the reference page.
        group: the heading in ``--help``; "" lists the flag with the general ones.
        flag: the flag without its dashes, and a key in TOML; "" means the field's name.
        key: the usual key in TOML, if it is not the flag.
        metavar: the value in ``--help``; "" lists the values that are allowed.
        commands: the commands that take it; "scan" includes the scans of one format.
        readers: the formats that it is for; () means all.
        in_file: whether the configuration file may set it.
        separated: whether a flag of several values splits its value at commas.
        standard_input: whether "-" as a flag means standard input.
        single: whether it makes sense for one dataset only, so that ``check`` does not take it.
        allowed: which values are allowed, if the type does not say it well.
        has_rules: whether the values, or the keys of the pairs, are names of rules.
        is_size: whether the value is a number of bytes, which may have a unit ("4GB").
        synonyms: what other tools call it; only for hints.
        bare: the folder that datascan writes to if none is named: its flag takes a value only after
            "=", and in a file it may be true or false.
        read: turns the file that a user names into the value.
        refine: turns what a user gave, and the place where, into the plain value, if the type does
            not say enough; raises UsageError in words, or TypeError or ValueError.
        unasked: the smallest and largest number that a configuration may set which datascan found
            by itself; other values loosen a limit.
        silences: how it hides findings, or part of the dataset: "ignores {}".
        silencing: the values that do; () means all.
        joint: what stands between the words of a pair in ``silences``: "nan-value as info".
    """

    help: str
    group: str = ""
    flag: str = ""
    key: str = ""
    metavar: str = ""
    commands: tuple[str, ...] = DATASET_COMMANDS
    readers: tuple[str, ...] = ()
    in_file: bool = True
    separated: bool = True
    standard_input: bool = False
    single: bool = False
    allowed: str = ""
    has_rules: bool = False
    is_size: bool = False
    synonyms: tuple[str, ...] = ()
    bare: Callable[[], Path] | None = None
    read: Callable[[Path], Any] | None = None
    refine: Callable[[Any, str], Any] | None = None
    unasked: tuple[float, float] = (-inf, inf)
    silences: str = ""
    silencing: tuple[str, ...] = ()
    joint: str = " as "


class OptionField(Struct, frozen=True, dict=True):
    """An option: the field of a struct, with its annotations.

    ``group`` is the struct that holds it, as a field of ``Options``: "read", "check", ...
    """

    name: str
    group: str
    type: Any
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The flag: "--batch-size"."""
        return f"--{(self.option.flag or self.name).replace('_', '-')}"

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in the configuration file, with underscores; the first is the usual one."""
        usual = self.option.flag or self.name
        return tuple(dict.fromkeys((self.option.key or usual, usual, self.name)))

    @cached_property
    def info(self) -> inspect.Type:
        """The type without None."""
        return without_none(inspect.type_info(self.type))

    @property
    def hint(self) -> Any:
        """The same as Python writes it, for what every command asks: it takes less time."""
        return plain_hint(self.type)

    @property
    def is_switch(self) -> bool:
        """Whether its flag takes no value."""
        return self.hint is bool

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return is_list(self.hint)

    @property
    def has_pairs(self) -> bool:
        """Whether its values are pairs, as of a table in TOML."""
        return self.is_list and get_origin(plain_hint(get_args(self.hint)[0])) is tuple

    @property
    def is_file(self) -> bool:
        """Whether users give the name of a file."""
        return self.hint is Path or self.option.read is not None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that are allowed; empty if it is not a choice of words."""
        hint = get_args(self.type)[0]
        return get_args(hint) if get_origin(hint) is Literal else ()

    @property
    def allowed(self) -> str:
        """Which values are allowed, for error messages: "a whole number of at least 1"."""
        if self.option.allowed:
            return self.option.allowed
        if self.is_file:
            return "the name of a file"
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return "a list of rules" if self.option.has_rules else describe_type(self.info)

    def is_shown(self, command: str) -> bool:
        """Whether ``command`` has the flag; ``check`` takes those of a scan of any format."""
        if command == "check":
            return "scan" in self.option.commands and not self.option.single
        if command in COMMANDS and command not in READERS:
            return command in self.option.commands
        readers = self.option.readers
        return "scan" in self.option.commands and (not readers or command in readers)

    def convert(self, value: Any, place: str) -> Any:
        """The value in the field's type; lists may be single values, files are read.

        Raises:
            UsageError: if the value is not allowed. The message names ``place`` (a flag, or a file
                and key), the value, and what is allowed.
        """
        try:
            if self.option.read is not None:
                return self._from_file(value, self.option.read)
            if self.option.bare is not None and isinstance(value, bool):
                return self.option.bare() if value else None
            plain = self._plain(value, place)
            result = msgspec.convert(plain, self.type, dec_hook=to_path)
        except (ValueError, TypeError) as error:
            raise self.error(value, place) from error
        if self.option.has_rules:
            require_rules([one[0] if self.has_pairs else one for one in result], f"{place}: ")
        return result

    def convert_setting(self, value: Any, place: str, folder: Path) -> Any:
        """A value of a configuration file in ``folder``, checked; a file becomes its path."""
        if not self.is_file or (self.option.bare and isinstance(value, bool)):
            self.convert(value, place)
            return value
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.error(value, place)
        path = folder / value
        if is_special(path):
            raise UsageError(f"{place}: {path} is not a regular file")
        return path

    def parse(self, text: str) -> Any:
        """The value of a flag: comma-separated if it takes several; a file becomes its path."""
        if self.is_file:
            if self.option.bare is not None and text == BARE:
                return True
            if not text or "\0" in text:
                raise self.error(text, self.flag)
            return STANDARD_INPUT if self.option.standard_input and text == "-" else Path(text)
        value = list(self._parts(text)) if self.is_list else parse_number(text, self.info)
        try:
            result = self.convert(value, self.flag)
        except UsageError as error:
            # What was typed, not what was made of it.
            raise self.error(text, self.flag) if error.__cause__ else error from error.__cause__
        return result

    def error(self, value: Any, place: str) -> UsageError:
        """The error for a value that is not allowed."""
        return UsageError(f"{place} must be {self.allowed}, not {show(value)}")

    def _parts(self, text: str) -> Iterator[Any]:
        """The comma-separated values of a flag."""
        item = self.info.item_type if isinstance(self.info, inspect.VarTupleType) else self.info
        for part in text.split(",") if self.option.separated else [text]:
            if self.has_pairs:
                key, _, value = part.partition("=")
                yield key.strip(), value.strip()
            else:
                yield parse_number(part.strip(), item)

    def _plain(self, value: Any, place: str) -> Any:
        """The value as msgspec converts it."""
        if self.option.refine is not None:
            return self.option.refine(value, place)
        if self.option.is_size and isinstance(value, str):
            return parse_size(value)
        return self._listed(value)

    def _listed(self, value: Any) -> Any:
        """A tuple without duplicates if the field takes several values; else the value itself."""
        if not self.is_list or value is None:
            return value
        if isinstance(value, Mapping):
            return tuple(value.items())
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            value = (value,)
        items = tuple(tuple(v) if isinstance(v, list) else v for v in value)
        try:
            # Of several pairs with one key, the last counts.
            return tuple(dict(items).items()) if self.has_pairs else tuple(dict.fromkeys(items))
        except (TypeError, ValueError):
            return items

    def _from_file(self, value: Any, read: Callable[[Path], Any]) -> Any:
        """What the file of that name holds; a value that has been read already is kept."""
        kind = getattr(self.info, "cls", object)
        return value if value is None or isinstance(value, kind) else read(to_path(Path, value))


def option_fields(options: type[msgspec.Struct]) -> Iterator[OptionField]:
    """The options that users can give: the annotated fields of the structs in ``options``."""
    for group in msgspec.structs.fields(options):
        hints = get_type_hints(group.type, include_extras=True)
        for field in msgspec.structs.fields(group.type):
            hint = hints[field.name]
            notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
            for note in notes:
                if isinstance(note, Option):
                    yield OptionField(field.name, group.name, hint, field.default, note)


def to_path(kind: type, value: Any) -> Path:
    """The path that a string or path names, as a hook of msgspec.

    Raises:
        ValueError: if it is neither, or empty.
    """
    if kind is not Path or not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError("not the name of a file")
    return Path(value)


def nearest_option(word: str, fields: Iterable[OptionField]) -> OptionField | None:
    """The option that a misspelt name, key or flag probably means."""
    known = {name: field for field in fields for name in (*field.option.synonyms, *field.names)}
    name = word.strip("-").replace("-", "_").lower()
    near = name if name in known else nearest(name, known)
    return known[near] if near else None


def plain_hint(hint: Any) -> Any:
    """A type without notes and without None: ``int`` of ``Annotated[int, Meta(ge=1)] | None``."""
    if get_origin(hint) is Annotated:
        return plain_hint(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return plain_hint(next(one for one in get_args(hint) if one is not NoneType))
    return hint


def is_list(hint: Any) -> bool:
    """Whether a type is a tuple of any length."""
    return get_origin(hint) is tuple and get_args(hint)[-1] is ...


def without_none(info: inspect.Type) -> inspect.Type:
    """A type without notes and without None."""
    if isinstance(info, inspect.Metadata):
        return without_none(info.type)
    if isinstance(info, inspect.UnionType):
        return next(t for t in info.types if not isinstance(t, inspect.NoneType))
    return info


def describe_type(info: inspect.Type, plural: str = "") -> str:
    """Which values a type allows, for error messages."""
    if isinstance(info, inspect.VarTupleType):
        least = "one or more " if info.min_length else ""
        return least + describe_type(info.item_type, "s")
    article = "" if plural else "a "
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.IntType):
        below = ", below 2^63" if info.le == MAX_INT else f", at most {info.le:,}"
        return f"{article}whole number{plural} of at least {info.ge}{below if info.le else ''}"
    if isinstance(info, inspect.FloatType):
        return f"{article}number{plural} above {info.gt:g}, at most {info.le:,.0f}"
    return f"{article}non-empty string{plural}"


def parse_number(text: str, info: inspect.Type) -> Any:
    """The number that ``text`` is, if the type is one of numbers; else ``text`` itself."""
    kinds: dict[type[inspect.Type], type] = {inspect.IntType: int, inspect.FloatType: float}
    try:
        return kinds.get(type(info), str)(text)
    except ValueError:
        return text


def show(value: Any) -> str:
    """A value as error messages quote it."""
    try:
        text = repr(value)
    except ValueError:  # integers of thousands of digits
        return f"a number of {value.bit_length():,} bits" if isinstance(value, int) else "this"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
