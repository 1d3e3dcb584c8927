"""``datascan completion``: prints completion for a shell, or the manual page."""

from __future__ import annotations

import argparse
from importlib import import_module

DESCRIPTION = (
    "Print completion for a shell, or the manual page. The first line says how to load it."
)

SHELLS = ("bash", "zsh", "fish", "man")


def add_arguments(command: argparse.ArgumentParser, _name: str) -> None:
    """Add the arguments of the command."""
    command.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    from datascan.cli.shell.model import describe_commands

    renderer = import_module(f"datascan.cli.shell.{args.shell}")
    print(renderer.render(list(describe_commands())), end="")
    return 0
