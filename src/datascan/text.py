"""Numbers and names as people read them: what all outputs for people share."""

from __future__ import annotations

import re
import unicodedata

SURROGATE = re.compile("[\ud800-\udfff]")


def format_percent(share: float) -> str:
    """A share as a percentage; what is not 0 never looks like it, nor like 100% short of it."""
    if share == 0:
        return "0%"
    if share < 0.0001:
        return "< 0.01%"
    return f"{share:.2%}" if share == 1 or share < 0.99995 else "> 99.99%"


def format_number(value: float | None) -> str:
    """A figure in at most six digits."""
    return "?" if value is None else f"{value:.6g}"


def pluralize(count: int, noun: str) -> str:
    """A number with its noun: "1 record", "2 classes"."""
    if noun == "info" or count == 1:
        return f"{count:,} {noun}"
    return f"{count:,} {noun}es" if noun.endswith("s") else f"{count:,} {noun}s"


def format_shape(shape: tuple[int, ...]) -> str:
    """A shape: "3x32x32"."""
    return "x".join(map(str, shape)) or "scalar"


def format_bytes(count: int) -> str:
    """A number of bytes in its unit: "154.2 MB"."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def escape_control(text: str) -> str:
    """Text whose control, format and unassigned characters show as escapes.

    Keys come out of the dataset: none of them may move the cursor, or turn the writing round.
    """
    return "".join(c if is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def is_harmless(character: str) -> bool:
    """Whether a character is a plain one."""
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def escape_surrogates(text: str) -> str:
    """Text that can be encoded as UTF-8, what cannot be as backslash escapes.

    File names hold bytes that are not UTF-8 as surrogates (PEP 383): these show as the bytes.
    """
    return SURROGATE.sub(escape_character, text)


def escape_character(surrogate: re.Match[str]) -> str:
    """A surrogate as a backslash escape."""
    code = ord(surrogate[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
