"""Docstrings as Markdown."""

from __future__ import annotations

import re

ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")
LITERAL = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
ITEM = re.compile(r"^(?:[-*]|\d+\.) ")


def inline(text: str) -> str:
    """One paragraph in one line: roles and double backquotes as code, no accidental markup."""
    text = ROLE.sub(r"`\1`", " ".join(text.split()))
    parts = LITERAL.split(text)
    parts[::2] = [re.sub(r"([*<\[]|^#)", r"\\\1", part) for part in parts[::2]]
    return "".join(parts)


def paragraphs(text: str) -> str:
    """The paragraphs and lists of a docstring; what is indented further is code."""
    return "\n\n".join(block(part) for part in re.split(r"\n\s*\n", text.strip("\n")))


def block(text: str) -> str:
    """A paragraph, list or table of a docstring as Markdown."""
    lines = text.splitlines()
    if all(line.startswith("    ") for line in lines) or any(
        "  " in line.strip() for line in lines[:2]
    ):
        return "\n".join(["```text", *lines, "```"])
    items: list[list[str]] = []
    for line in lines:
        if ITEM.match(line) or not items:
            items.append([])
        items[-1].append(line)
    texts = [inline(" ".join(item)) for item in items]
    if len(items) > 1 and not ITEM.match(items[0][0]):
        texts[0] += "\n"
    return "\n".join(texts)
