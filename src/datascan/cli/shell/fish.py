"""Completion for fish."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan.cli.shell.model import Argument, Command

HEAD = """\
# Completion of datascan for fish. To install it:
#   datascan completion fish > ~/.config/fish/completions/datascan.fish
complete -c datascan -f
complete -c datascan -n __fish_use_subcommand -l help -d 'show help'
complete -c datascan -n __fish_use_subcommand -l version -d 'show the version'
"""


def render(commands: Sequence[Command]) -> str:
    """The script."""
    return HEAD + "".join(f"{line}\n" for line in lines(commands))


def lines(commands: Sequence[Command]) -> Iterator[str]:
    """One line for each command and each argument."""
    for command in commands:
        name, text = command.name, quote(command.help)
        yield f"complete -c datascan -n __fish_use_subcommand -a {name} -d {text}"
    for command in commands:
        start = f"complete -c datascan -n '{condition(command.name, commands)}'"
        for flag in command.flags:
            yield f"{start} {names(flag)}{value(flag)} -d {quote(flag.help)}"
        if command.positional:
            yield f"{start}{value(command.positional).replace(' -r', '')}"


def condition(name: str, commands: Sequence[Command]) -> str:
    """When the arguments of a command are completed: those of ``scan`` also without a command."""
    if name != "scan":
        return f"__fish_seen_subcommand_from {name}"
    others = " ".join(command.name for command in commands if command.name != "scan")
    return f"not __fish_seen_subcommand_from {others}"


def names(flag: Argument) -> str:
    """The names of a flag."""
    found = [f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in flag.names]
    return " ".join(found)


def value(argument: Argument) -> str:
    """What follows a flag: files, words or something else."""
    if argument.kind == "none":
        return ""
    if argument.kind == "file":
        return " -r -F"
    return f" -r -a {quote(' '.join(argument.choices))}" if argument.choices else " -r"


def quote(text: str) -> str:
    """A word in single quotes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
