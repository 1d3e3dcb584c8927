"""Files that people write or edit by hand: TOML, checked member by member."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from datascan.errors import UsageError
from datascan.files import MAX_CONFIG_BYTES, MAX_TOML_BYTES, read_regular
from datascan.plugins import similar

T = TypeVar("T", bound=msgspec.Struct)

MAX_PARTS = 32
PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*+'?)"""
ANOTHER = rf"[ \t]*+\.[ \t]*+{PART}"
LONG_KEY = f"{PART}(?:{ANOTHER}){{{MAX_PARTS}}}"
BASIC_LINES = r'''"""(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5}|\\?\Z)'''
LITERAL_LINES = r"""'''(?:[^']|'(?!''))*+(?:'{3,5}|\Z)"""
OTHER = rf"{BASIC_LINES}|{LITERAL_LINES}|#[^\n]*+|(?!{LONG_KEY}){PART}(?:{ANOTHER})*+|[^\w\"'#-]++"
DOTTED = rf"(?s)(?:{OTHER})*+{LONG_KEY}"
"""A file with a dotted key of more parts, for which the parser takes quadratic time.

Dots in texts and in quoted parts do not count. A text without an end is read to the end of its line
or file, so this takes linear time for any file; the parser rejects the file afterwards.
"""

PLACE = r"\(at (?:line \d+, column \d+|end of document)\)"
MARK = b"datascan-"
"""Every file that datascan writes has it, in its key ``format``. Others are not quoted."""

UNKNOWN = r"Object contains unknown field `([^`]*)`"


def read_toml(path: Path, kind: type[T], what: str) -> T:
    """The file at ``path`` as a ``kind``; ``what`` it is, for people: "expectations".

    Raises:
        UsageError: if it cannot be read, is not valid TOML, or has a key or value of another kind.
    """
    mark = MARK if "format" in kind.__struct_fields__ else b""
    content = load_toml(path, f"the {what} ", max_bytes=MAX_TOML_BYTES, mark=mark)
    if mark and not str(content.get("format")).startswith(mark.decode()):
        raise UsageError(f'{path} has no {what}: its format is not "datascan-..."')
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {explain_error(str(error), kind)}") from error


def load_toml(
    path: Path, what: str = "", *, max_bytes: int = MAX_CONFIG_BYTES, mark: bytes = b""
) -> dict[str, Any]:
    """The content of the file at ``path``; ``what`` precedes its name if it cannot be read.

    Nothing of a file without ``mark`` is quoted.

    Raises:
        UsageError: if it cannot be read or is not valid TOML.
    """
    try:
        content = read_regular(path, max_bytes=max_bytes)
    except OSError as error:
        raise UsageError(f"cannot read {what}{path}: {error.strerror}") from error
    except ValueError as error:  # a name with a null character
        raise UsageError(f"cannot read {what}{path!a}: {error}") from error
    return parse_toml(content, path, quoted=mark in content)


def parse_toml(content: bytes, path: Path, *, quoted: bool = True) -> dict[str, Any]:
    """The TOML in ``content``, which was read from ``path``.

    Unless it may be ``quoted``, errors name only the place: the file may be any file.

    Raises:
        UsageError: if it is not valid TOML.
    """
    import tomllib  # noqa: PLC0415  (most scans do not need it, and it is slow to load)

    try:
        text = content.decode("utf-8-sig")
        if has_long_key(text):
            raise UsageError(f"{path}: a key has more than {MAX_PARTS} parts")
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        place = re.search(PLACE, str(error))
        reason = f": {error}" if quoted else f" {place[0]}" if place else ""
        raise UsageError(f"{path} is not valid TOML{reason}") from error


def has_long_key(text: str) -> bool:
    """Whether a TOML file has a dotted key of more parts than allowed."""
    suspect = any(line.count(".") >= MAX_PARTS for line in text.split("\n"))
    return suspect and re.match(DOTTED, text) is not None


def explain_error(complaint: str, kind: type[msgspec.Struct]) -> str:
    """Msgspec's words about a file; an unknown key with the nearest known one."""
    found = re.search(UNKNOWN, complaint)
    if found is None:
        return complaint[:1].lower() + complaint[1:]
    where = complaint[found.end() :].replace(" - at `$", " in `").replace("`$", "`")
    near = similar(found[1], sorted(struct_keys(kind)), cutoff=0.5)
    hint = f"; did you mean {near}?" if near else ""
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
