"""What a key may be in the store, given how a report shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

ESCAPE = r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(0010[0-9a-f]{4}|000[0-9a-f]{5})|([nrt\\]))"
LETTERS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
SURROGATES = 0xDC00
"""A byte that is not UTF-8 is this number plus its own, in Python's file names (PEP 383)."""


def key_spellings(text: str) -> tuple[str, ...]:
    r"""The keys that a report would show as ``text``: first the text itself.

    Then with its backslash escapes resolved, ``\xff`` as a byte and as a character. Bytes that are
    not UTF-8 are surrogates.
    """
    if "\\" not in text:
        return (text,)
    found = (text, resolve(text, as_byte), resolve(text, chr))
    return tuple(dict.fromkeys(found))


def key_bytes(text: str) -> tuple[bytes, ...]:
    """The same for the keys of a store."""
    return tuple(
        one.encode("utf-8", "surrogateescape")
        for one in key_spellings(text)
        if not any("\ud800" <= c <= "\udc7f" or "\udd00" <= c <= "\udfff" for c in one)
    )


def resolve(text: str, octet: Callable[[int], str]) -> str:
    r"""``text`` without its backslash escapes; ``octet`` makes a character of ``\x..``."""

    def replace(found: re.Match[str]) -> str:
        if found[4]:
            return LETTERS[found[4]]
        return octet(int(found[1], 16)) if found[1] else chr(int(found[2] or found[3], 16))

    return re.sub(ESCAPE, replace, text)


def as_byte(code: int) -> str:
    """A byte as it is in the name of a file that Python has read."""
    return chr(code) if code < 0x80 else chr(SURROGATES + code)
