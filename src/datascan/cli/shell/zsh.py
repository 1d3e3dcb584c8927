"""Completion for zsh."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan.cli.shell.model import Argument, Command

HEAD = """\
#compdef datascan
# Completion of datascan for zsh. To install it, write it to a folder of $fpath:
#   datascan completion zsh > "${fpath[1]}/_datascan"
_datascan() {
    local -a commands
"""

TAIL = """\
}
if [ "$funcstack[1]" = _datascan ]; then _datascan "$@"; else compdef _datascan datascan; fi
"""


def render(commands: Sequence[Command]) -> str:
    """The script."""
    return "".join([HEAD, *(f"    {line}\n" for line in body(commands)), TAIL])


def body(commands: Sequence[Command]) -> Iterator[str]:
    """The commands with their help, then the arguments of each; of ``scan``, without a command."""
    yield "commands=("
    for command in commands:
        yield f"    {quote(f'{command.name}:{command.help}')}"
    yield ")"
    yield "if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then"
    yield "    _describe -t commands command commands; _files; return"
    yield "fi"
    yield "if (( ! ${commands[(I)${(b)words[2]}:*]} )); then"
    yield "    words=(datascan scan ${words[2,-1]}); (( CURRENT++ ))"
    yield "fi"
    yield "shift words; (( CURRENT-- ))"
    yield "case $words[1] in"
    for command in commands:
        yield f"    {command.name}) _arguments -S \\"
        yield from (f"        {part} \\" for part in arguments(command))
        yield "        ;;"
    yield "esac"


def arguments(command: Command) -> Iterator[str]:
    """The arguments of a command as specifications of ``_arguments``."""
    for flag in command.flags:
        value = f":{flag.metavar}:{action(flag)}" if flag.kind != "none" else ""
        for name in flag.names:
            yield quote(f"*{name}[{escape(flag.help)}]{value}")
    if command.positional:
        yield quote(f"*:{command.positional.metavar}:{action(command.positional)}")


def action(argument: Argument) -> str:
    """What completes a value."""
    if argument.kind == "file":
        return "_files"
    return f"({' '.join(argument.choices)})" if argument.choices else " "


def escape(text: str) -> str:
    """Help as a part of a specification."""
    return "".join(f"\\{c}" if c in "[]:\\" else c for c in text)


def quote(text: str) -> str:
    """A word in single quotes."""
    return "'" + text.replace("'", "'\\''") + "'"
