"""Judges of what is printed: the rules of GitHub's runner, and of terminals, in Python."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import groupby

COMMANDS = frozenset(
    [
        *("stop-commands", "internal-set-repo-path", "set-env", "set-output", "save-state"),
        *("add-mask", "add-path", "add-matcher", "remove-matcher", "debug", "warning", "error"),
        *("notice", "group", "endgroup", "echo", "vso", "token"),
    ]
)
"""What the runner registers (ActionCommandManager.cs), and a token that ends a stop."""

ANNOTATIONS = frozenset(["error", "warning", "notice"])

IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What comparisons of the runner ignore, besides controls: they follow the rules of a language."""

UNSAFE = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


@dataclass(frozen=True)
class Command:
    """A command that the runner would carry out."""

    name: str
    properties: dict[str, str]
    data: str


def command_in(line: str) -> Command | None:
    """The command in a line, as ActionCommand.cs finds it: TryParseV2, else TryParse."""
    plain = line if line.isprintable() and line.isascii() else without_ignored(line)
    return command_at_start(plain.lstrip()) or old_command_in(plain)


def without_ignored(line: str) -> str:
    """A line as comparisons of the runner see it."""
    plain = "".join(c for c in line if c == "\t" or unicodedata.category(c) not in UNSAFE)
    return IGNORED.sub("", plain)


def command_at_start(line: str) -> Command | None:
    """``::name key=value,key=value::data``."""
    head, separator, data = line[2:].partition("::")
    name, _, rest = head.partition(" ")
    if not line.startswith("::") or not separator or name.lower() not in COMMANDS:
        return None
    pairs = (pair.partition("=") for pair in rest.strip().split(","))
    found = {key: unescaped(value, property_=True) for key, _, value in pairs if key and value}
    return Command(name.lower(), found, unescaped(data))


def old_command_in(line: str) -> Command | None:
    """``##[name key=value;key=value]data``, anywhere."""
    for found in re.finditer(r"##[a-z]*\[([^]]*)\](.*)", line, re.IGNORECASE | re.DOTALL):
        name = found[1].partition(" ")[0].lower()
        # Other services have commands of their own, all of which begin in this way.
        if name in COMMANDS or not found[0].startswith("##["):
            return Command(name, {}, found[2])
    return None


def unescaped(text: str, *, property_: bool = False) -> str:
    """A value as the runner reads it."""
    further = (("%3A", ":"), ("%2C", ",")) if property_ else ()
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), *further, ("%25", "%")):
        text = text.replace(escape, character)
    return text


def commands_in(text: str) -> list[Command]:
    """The commands of all lines; every character that ends a line anywhere ends one here."""
    return [one for line in text.splitlines() if (one := command_in(line))]


def harm_in(text: str) -> list[str]:
    """What would change a terminal, or is invisible: line breaks apart, nothing may be found."""
    found = {
        f"{unicodedata.category(c)} {c!a}"
        for c in set(text) - {"\n"}
        if unicodedata.category(c) in UNSAFE or IGNORED.match(c)
    }
    return sorted(found)


def longest_stack(text: str) -> int:
    """The most marks in a row, which would cover the lines around them."""
    if text.isascii():
        return 0
    stacks = groupby(text, lambda c: unicodedata.category(c) in ("Mn", "Me"))
    return max((len([*run]) for marks, run in stacks if marks), default=0)


def assert_safe(text: str) -> None:
    """Text that a terminal or a log may show: nothing in it acts."""
    assert harm_in(text) == []
    assert commands_in(text) == []
