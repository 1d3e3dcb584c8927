"""Lines of limited width on a terminal: colours, columns, and what is safe to print."""

from __future__ import annotations

import os
import unicodedata
from typing import TextIO

from msgspec import Struct

from datascan.text import escape_control

MIN_WIDTH = 30
INDENT = "  "
NAME_WIDTH = 1000
"""Names and details are shown whole, so that they can be pasted, unless they are absurdly long."""

COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;34", "pass": "1;32", "faint": "2"}


def use_colour(stream: TextIO) -> bool:
    """Whether to use colour: on a terminal that supports it, or if FORCE_COLOR is set.

    Not if NO_COLOR is set (no-color.org). FORCE_COLOR=0 means no colour, too.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if forced := os.environ.get("FORCE_COLOR"):
        return forced != "0"
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def supports_unicode(stream: TextIO) -> bool:
    """Whether ``stream`` can encode every character."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


class Paper(Struct, frozen=True):
    """The properties of a terminal: its width in columns, and whether it has colour.

    Without ``unicode``, characters other than ASCII are escaped.
    """

    colour: bool
    width: int
    unicode: bool

    def paint(self, text: str, kind: str) -> str:
        """``text`` in the colour of ``kind``."""
        return f"\x1b[{COLOURS[kind]}m{text}\x1b[0m" if self.colour else text

    def plain(self, text: str) -> str:
        """``text`` with escapes for control characters, which could move the cursor."""
        text = escape_control(text)
        return text if self.unicode else text.encode("ascii", "backslashreplace").decode()

    def wrap(self, text: str, indent: str, hang: str = "") -> list[str]:
        """``text`` in lines that fit the paper, except for words that do not fit a line."""
        return wrap_text(text, indent, self.width, hang=hang)


def columns(text: str) -> int:
    """The width of ``text`` on a terminal: two columns for a Chinese or Korean character."""
    return sum(columns_of(character) for character in text) if not text.isascii() else len(text)


def columns_of(character: str) -> int:
    """The width of one character; 0 for one that combines with the last."""
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Text cut in its middle to at most ``width`` columns."""
    if columns(text) <= width:
        return text
    half = (width - 3) // 2
    return f"{fit_width(text, width - 3 - half)}...{fit_width(text[::-1], half)[::-1]}"


def fit_width(text: str, width: int) -> str:
    """The longest beginning of ``text`` of at most ``width`` columns."""
    for end, character in enumerate(text):
        width -= columns_of(character)
        if width < 0:
            return text[:end]
    return text


def wrap_text(text: str, indent: str, width: int, *, hang: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` columns, unless a single word is wider.

    Lines begin with ``indent``; all but the first continue with ``hang``.
    """
    lines: list[str] = []
    line = indent
    bare = True
    for word in text.split(" "):
        grown = f"{line}{word}" if bare else f"{line} {word}"
        if bare or columns(grown) <= width:
            line, bare = grown, False
        else:
            lines.append(line)
            line, bare = f"{indent}{hang}{word}", not word
    return [*lines, line]
