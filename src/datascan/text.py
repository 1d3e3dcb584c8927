"""Human-readable formatting of numbers, shapes and names, shared by all outputs.

Names come from datasets of strangers and may hold any character. What is printed goes through
:func:`escape_control`, which shows harmful characters as backslash escapes. JSON and TOML go
through :func:`escape_in_json` and :func:`escape_in_toml`, which do not change what is read back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# Patterns are compiled when they are first used: most commands need none or one of them.
SURROGATE = "[\ud800-\udfff]"

WORKFLOW_COMMAND = r"(?i)(?:^|(?<= )):(?=:)|#(?=#[a-z]*\[)"
"""What makes a line a command of the service that runs a job, and would be obeyed.

GitHub's runner obeys ``::command::`` at the beginning of a line (here: of a word, as lines are
wrapped later) and ``##[command]`` anywhere in it (actions/runner, ActionCommand.cs); Azure
Pipelines and TeamCity obey ``##vso[...]`` and ``##teamcity[...]``.
"""

UNSAFE_IN_STRINGS = r"(?i)[^\n\x20-\x7e]|#(?=#[a-z]*\[)"
"""Characters of a JSON or TOML text that may need an escape. Its own line breaks need none."""

INVISIBLE = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks without a picture: Default_Ignorable_Code_Point, categories Lo and Mn."""

MAX_MARKS = 8
"""The most marks on a character that are shown: more would cover other lines."""


def format_percent(share: float) -> str:
    """Format a share in 0..1 as a percentage; only exactly 0 and 1 appear as 0% and 100%."""
    if share == 0:
        return "0%"
    if share < 0.0001:
        return "< 0.01%"
    return f"{share:.2%}" if share == 1 or share < 0.99995 else "> 99.99%"


def format_number(value: float | None) -> str:
    """Format a number with at most six significant digits; None is "?"."""
    return "?" if value is None else f"{value:.6g}"


def pluralize(count: int, noun: str) -> str:
    """Format a count with its noun: "1 record", "2 classes"."""
    if noun == "info" or count == 1:
        return f"{count:,} {noun}"
    return f"{count:,} {noun}es" if noun.endswith("s") else f"{count:,} {noun}s"


def format_shape(shape: tuple[int, ...]) -> str:
    """Format a shape: "3x32x32"; "scalar" for ()."""
    return "x".join(map(str, shape)) or "scalar"


def format_bytes(count: int) -> str:
    """Format a number of bytes with a decimal unit: "154.2 MB"."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


SIZE = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:([kmgt]?)(i?)b)?"
UNITS = ("B", "KB", "MB", "GB", "TB")


def parse_size(text: str) -> int:
    """The number of bytes in a text such as "4GB", "1.5 GB", "512MiB" or "1000000".

    Raises:
        ValueError: if it is not a number with a unit.
    """
    match = re.fullmatch(SIZE, text.strip().lower())
    if match is None or (match[3] and not match[2]):
        raise ValueError(f"{text!r} is not a size")
    number, prefix, binary = match.groups()
    power = "_kmgt".index(prefix or "_")
    return round(float(number) * int((1024 if binary else 1000) ** power))


def format_size(count: int) -> str:
    """Format a number of bytes as users give it: "4 GB", "1.5 GB", "4,294,967,296 B"."""
    for power in (4, 3, 2):
        unit = 1000**power
        if count >= unit and count % (unit // 1000) == 0:
            return f"{f'{count / unit:,.3f}'.rstrip('0').rstrip('.')} {UNITS[power]}"
    return f"{count:,} B"


def escape_control(text: str) -> str:
    """Text in one line that is safe to print, with backslash escapes for what is not.

    Escaped are control, format, invisible and unassigned characters, surrogates, separators other
    than a space, marks that would cover other lines, and the beginnings of workflow commands.
    Escaped text remains the same if it is escaped again.
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(escape_characters(text))
    if "::" not in text and "##" not in text:
        return text
    return re.sub(WORKFLOW_COMMAND, lambda found: f"\\x{ord(found[0]):02x}", text)


def escape_characters(text: str) -> Iterator[str]:
    """Each character of the text, or its backslash escape."""
    marks = MAX_MARKS  # a mark at the beginning would change what precedes the text
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS and is_harmless(character):
            yield character
        else:
            yield escape_character(character)


def is_harmless(character: str) -> bool:
    """Whether a character is visible, or a space, and does not change those around it."""
    if " " <= character <= "~":
        return True
    return unicodedata.category(character)[0] not in "CZ" and not re.match(INVISIBLE, character)


def escape_surrogates(text: str) -> str:
    """Replace surrogates by backslash escapes, so that the text can be encoded as UTF-8.

    Bytes of file names that are not UTF-8 arrive as surrogates (PEP 383); they are shown in
    hexadecimal.
    """
    if text.isascii():
        return text
    return re.sub(SURROGATE, lambda found: escape_character(found[0]), text)


def escape_character(character: str) -> str:
    """The backslash escape of a character; of a byte that is not UTF-8: that byte."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def escape_in_json(text: str) -> str:
    """A JSON text that reads back the same, without harmful characters and workflow commands."""
    return re.sub(UNSAFE_IN_STRINGS, lambda found: escape_in_string(found[0], utf16=True), text)


def escape_in_toml(text: str) -> str:
    """The same for TOML whose strings are all in double quotes; it must not have surrogates."""
    return re.sub(UNSAFE_IN_STRINGS, lambda found: escape_in_string(found[0], utf16=False), text)


def escape_in_string(character: str, *, utf16: bool) -> str:
    """A character in a string of JSON (``utf16``) or TOML, escaped unless it is harmless."""
    code = ord(character)
    if character != "#" and is_harmless(character):
        return character
    if code < 0x10000:
        return f"\\u{code:04x}"
    if not utf16:
        return f"\\U{code:08x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
