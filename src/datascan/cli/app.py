"""Arguments in, exit status out; no work of its own."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from datascan._version import __version__
from datascan.cli.progress import Interrupted, restored_signals
from datascan.errors import DatascanError, UsageError
from datascan.plugins import COMMANDS, command_module

FAILURE = 2


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line."""

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit status."""
    try:
        options = build_parser(arguments).parse_args(arguments)
        options.typed = quote_command(arguments)
        with restored_signals():
            status: int = options.command(options)
            sys.stdout.flush()
    except DatascanError as error:
        print(f"datascan: {one_line(error)}", file=sys.stderr)
        return FAILURE
    except BrokenPipeError:
        # The reader of our output has gone (``| head``): nothing more to say to it.
        discard_stdout()
        return 128 + signal.SIGPIPE
    except OSError as error:
        what = f"cannot use {error.filename}" if error.filename else "cannot write the output"
        print(f"datascan: {one_line(f'{what}: {error.strerror or error}')}", file=sys.stderr)
        discard_stdout()
        return FAILURE
    except Interrupted as interrupted:
        if interrupted.number == signal.SIGINT:
            print("datascan: interrupted", file=sys.stderr)
        return 128 + interrupted.number
    return status


def discard_stdout() -> None:
    """Let go of standard output: what is still to be written there goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def quote_command(arguments: Sequence[str]) -> str:
    """The command as it can be typed again; bytes that are not UTF-8 as backslash escapes."""
    line = shlex.join(["datascan", *arguments])
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_line(error: Exception | str) -> str:
    """An error's sentence, with line breaks and control characters made visible."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(error))


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="datascan",
        description="Tells, before training, whether a dataset will break it.",
        epilog="Exit status: 0 clean, 1 findings, 2 the scan could not be made, 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"datascan {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    typed = arguments[0] if arguments else ""
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        if name == typed:
            # Only the command that runs is imported.
            module = import_module(command_module(name))
            command.description = getattr(module, "DESCRIPTION", None)
            module.add_arguments(command, name)
            command.set_defaults(command=module.run)
    return top
