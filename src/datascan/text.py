"""Human-readable formatting of numbers, shapes and names, shared by all outputs."""

from __future__ import annotations

import re
import unicodedata

SURROGATE = re.compile("[\ud800-\udfff]")


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


def escape_control(text: str) -> str:
    """Escape control, format and unassigned characters, and separators other than a space.

    Keys come from the dataset and must not move the cursor or reverse the text direction.
    """
    return "".join(c if is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def is_harmless(character: str) -> bool:
    """Whether a character is safe to print as it is."""
    return character == " " or unicodedata.category(character)[0] not in "CZ"


def escape_surrogates(text: str) -> str:
    """Replace surrogates by backslash escapes, so that the text can be encoded as UTF-8.

    Bytes of file names that are not UTF-8 arrive as surrogates (PEP 383); they are shown in
    hexadecimal.
    """
    return SURROGATE.sub(escape_character, text)


def escape_character(surrogate: re.Match[str]) -> str:
    """The backslash escape of a surrogate."""
    code = ord(surrogate[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
