"""What shells complete: commands, flags and the kinds of their values."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal

from datascan.plugins import command_helps, command_module, rule_names

Kind = Literal["none", "file", "rule", "choice", "other"]
"""What follows a flag: nothing, a path, a rule, one of its choices, or something else."""

FILES = {"FILE", "PATH", "DIR"}
"""The placeholders of paths; also those with an extension, such as ``TRAIN.log``."""


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A flag with its names, or an argument without a name."""

    names: tuple[str, ...]
    help: str
    kind: Kind
    metavar: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command with its flags and the first argument that is not a flag, if it takes one."""

    name: str
    help: str
    description: str
    flags: tuple[Argument, ...]
    positional: Argument | None
    usage: str = field(repr=False)


def describe_commands() -> Iterator[Command]:
    """All commands in the order of ``datascan --help``, with those of plug-ins."""
    for name, text in command_helps().items():
        parser = argparse.ArgumentParser(prog=f"datascan {name}")
        module = import_module(command_module(name))
        module.add_arguments(parser, name)
        found = [describe_argument(action) for action in parser._actions]  # noqa: SLF001  (argparse has no public list of its arguments)
        positional = [argument for argument in found if not argument.names]
        yield Command(
            name=name,
            help=text,
            description=getattr(module, "DESCRIPTION", None) or f"{text[:1].upper()}{text[1:]}.",
            flags=tuple(argument for argument in found if argument.names),
            positional=positional[0] if positional else None,
            usage=" ".join(format_usage(argument) for argument in positional),
        )


def describe_argument(action: argparse.Action) -> Argument:
    """An argument of a parser."""
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    choices = tuple(str(choice) for choice in action.choices or ())
    if not choices and metavar.startswith("{"):
        choices = tuple(metavar.strip("{}").split(","))
    kind: Kind = "other"
    if action.nargs == 0:
        kind = "none"
    elif metavar == "RULE":
        kind, choices = "rule", tuple(sorted(rule_names()))
    elif choices:
        kind = "choice"
    elif metavar in FILES or "." in metavar:
        kind = "file"
    return Argument(
        names=tuple(action.option_strings),
        help=(action.help or "") % defaults(action),
        kind=kind,
        metavar=metavar or (action.dest.upper() if kind != "none" else ""),
        choices=choices,
    )


def defaults(action: argparse.Action) -> Mapping[str, object]:
    """What help texts refer to."""
    return {"default": action.default, "prog": "datascan"}


def format_usage(argument: Argument) -> str:
    """An argument without a name, as in a synopsis."""
    return argument.metavar
