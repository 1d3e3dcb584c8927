"""Files that people write or edit by hand: TOML, checked member by member."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from datascan.errors import UsageError
from datascan.files import MAX_CONFIG_BYTES, MAX_TOML_BYTES, read_regular

T = TypeVar("T", bound=msgspec.Struct)

MAX_PARTS = 32
PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*+'?)"""
ANOTHER = rf"[ \t]*+\.[ \t]*+{PART}"
LONG_KEY = f"{PART}(?:{ANOTHER}){{{MAX_PARTS}}}"
BASIC_LINES = r'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\\?\Z)'''
LITERAL_LINES = r"""'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"""
OTHER = rf"{BASIC_LINES}|{LITERAL_LINES}|#[^\n]*+|(?!{LONG_KEY}){PART}(?:{ANOTHER})*+|[^\w\"'#-]++"
DOTTED = re.compile(rf"(?:{OTHER})*+{LONG_KEY}", re.DOTALL)
"""A file with a dotted key of more parts, for which the parser takes quadratic time.

Dots in texts and in quoted parts do not count. A text without an end is read to the end of its line
or file, so this takes linear time for any file; the parser rejects the file afterwards.
"""

UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")


def read_toml(path: Path, kind: type[T], what: str) -> T:
    """The file at ``path`` as a ``kind``; ``what`` it is, for people: "expectations".

    Raises:
        UsageError: if it cannot be read, is not valid TOML, or has a key or value of another kind.
    """
    content = load_toml(path, f"the {what} ", max_bytes=MAX_TOML_BYTES)
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {explain_error(str(error), kind)}") from error


def load_toml(path: Path, what: str = "", *, max_bytes: int = MAX_CONFIG_BYTES) -> dict[str, Any]:
    """The content of the file at ``path``; ``what`` precedes its name if it cannot be read.

    Raises:
        UsageError: if it cannot be read or is not valid TOML.
    """
    try:
        text = read_regular(path, max_bytes=max_bytes).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {what}{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    if has_long_key(text):
        raise UsageError(f"{path}: a key has more than {MAX_PARTS} parts")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def has_long_key(text: str) -> bool:
    """Whether a TOML file has a dotted key of more parts than allowed."""
    suspect = any(line.count(".") >= MAX_PARTS for line in text.split("\n"))
    return suspect and DOTTED.match(text) is not None


def explain_error(complaint: str, kind: type[msgspec.Struct]) -> str:
    """Msgspec's words about a file; an unknown key with the nearest known one."""
    found = UNKNOWN.search(complaint)
    if found is None:
        return complaint[:1].lower() + complaint[1:]
    where = complaint[found.end() :].replace(" - at `$", " in `").replace("`$", "`")
    near = get_close_matches(found[1], sorted(struct_keys(kind)), n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"unknown key {found[1]}{where}{hint}"


def struct_keys(kind: type[msgspec.Struct]) -> set[str]:
    """The keys of a struct and of the structs within it."""
    found: set[str] = set()
    pending = [msgspec.inspect.type_info(kind)]
    while pending:
        info = pending.pop()
        if isinstance(info, msgspec.inspect.StructType):
            found |= {field.encode_name for field in info.fields}
            pending += [field.type for field in info.fields]
        elif isinstance(info, msgspec.inspect.UnionType):
            pending += info.types
        elif isinstance(info, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            pending.append(info.item_type)
    return found
