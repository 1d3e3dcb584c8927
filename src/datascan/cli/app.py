"""Arguments in, exit status out; no work of its own."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

from datascan._version import __version__
from datascan.cli.internal_error import FAILURE, discard, report_internal_error, say
from datascan.cli.progress import Interrupted, restored_signals
from datascan.errors import DatascanError, PluginWarning, UsageError
from datascan.plugins import COMMANDS, command_helps, command_module, nearest
from datascan.text import escape_control

SIGPIPE = 13
"""The number of the signal, which Windows lacks."""

CACHE_EXTENSIONS = (".parts", ".unfinished")
"""The extensions of what is in the folder of a cache."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments in one line; options are not abbreviated."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, **keywords)

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        raise UsageError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse, and raise :class:`UsageError` for what is unknown, with the nearest option.

        The word after a flag whose value is optional is its value only if it cannot be a path to
        scan: ``--cache PATH`` is a flag and the path of a dataset.
        """
        found, unknown = super().parse_known_args(self._with_bare_flags(args), namespace)
        at = self._find_optional(args or ())
        if args is not None and at and self._is_value(args[at], found, unknown):
            joined = [*args[: at - 1], f"{args[at - 1]}={args[at]}", *args[at + 1 :]]
            found, unknown = super().parse_known_args(joined, namespace)
        if unknown:
            options = [word for word in unknown if word.startswith("-")]
            word = options[0] if options else unknown[0]
            is_last = at and args is not None and word == args[at]
            is_folder = is_last and os.path.isdir(word)  # noqa: PTH112  (starts faster)
            hint = f"; for a cache in this folder: {args[at - 1]}={word}" if is_folder else ""
            self.error(f"{self.describe_unknown(word)}{hint}")
        return found, unknown

    def _bare_flags(self, args: Sequence[str]) -> list[int]:
        """The positions of flags whose optional value is missing, or is the next word."""
        flags = {
            name
            for action in self._actions
            if action.nargs == "?"
            for name in action.option_strings
        }
        end = args.index("--") if "--" in args else len(args)
        return [] if flags.isdisjoint(args) else [i for i in range(end) if args[i] in flags]

    def _with_bare_flags(self, args: Sequence[str] | None) -> Sequence[str] | None:
        """The arguments, with ``BARE`` after each flag whose optional value is missing."""
        places = self._bare_flags(args or ())
        if args is None or not places:
            return args
        from datascan.config.option_field import BARE

        return [f"{word}={BARE}" if i in places else word for i, word in enumerate(args)]

    def _find_optional(self, args: Sequence[str]) -> int:
        """The position of the word after a flag whose value is optional; 0 if no word follows."""
        places = self._bare_flags(args)
        at = places[-1] + 1 if places else 0
        return at if 0 < at < len(args) and not args[at].startswith("-") else 0

    def _is_value(self, word: str, found: argparse.Namespace, unknown: Sequence[str]) -> bool:
        """Whether the word after a flag is its value, and not a path to scan.

        There must be other paths, and nothing at this one but a cache.
        """
        is_optional = any(one.dest == "paths" and one.nargs == "*" for one in self._actions)
        others = len(getattr(found, "paths", ())) - (not is_optional)
        is_extra = others > 0 or any(not one.startswith("-") for one in unknown)
        return is_extra and not is_full(word)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or the version; unlike that of the library, errors are not dropped."""
        if message:
            (file or sys.stdout).write(message)

    def describe_unknown(self, word: str) -> str:
        """What to say of an argument that the command does not take."""
        if not word.startswith("-"):
            return f"unexpected argument: {word}"
        from datascan.config.option_field import nearest_option
        from datascan.config.options import Options

        typed = word.partition("=")[0]
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        near = [flag for flag in flags if len(typed) > 2 and flag.startswith(typed)]
        if not near:
            option = nearest_option(typed, Options.fields())
            known = option is not None and option.flag in flags
            flag = option.flag if option and known else nearest(typed.replace("_", "-"), flags)
            near = [flag] if flag else []
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"no such option: {typed}{hint}"


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911  (one for each way to end)
    """Run the command line; returns the exit status, 1 only if there are findings."""
    try:
        with printable_warnings():
            return run_command(arguments)
    except DatascanError as error:
        say(str(error))
        return FAILURE
    except BrokenPipeError:
        # The reader of our output has gone (``| head``): nothing more to say to it.
        discard(sys.stdout)
        return 128 + SIGPIPE
    except OSError as error:
        what = f"cannot use {error.filename}" if error.filename else "cannot write the output"
        say(f"{what}: {error.strerror or error}")
        discard(sys.stdout)
        return FAILURE
    except KeyboardInterrupt:
        say("interrupted")
        return 128 + signal.SIGINT
    except Interrupted as interrupted:
        if interrupted.number == signal.SIGINT:
            say("interrupted")
        return 128 + interrupted.number
    except Exception as error:  # noqa: BLE001  (of any kind: the exit status is not 1)
        return report_internal_error(error, quote_command(arguments))


def run_command(arguments: Sequence[str]) -> int:
    """Parse the arguments and run the command; returns its exit status."""
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    words = with_command(arguments)
    try:
        options = parse(words)
    except SystemExit:  # after --help and --version, whose text is not written yet
        sys.stdout.flush()
        raise
    except UsageError as error:
        raise UsageError(f"{error.args[0]}{hint_at_path(arguments)}") from error
    options.typed = quote_command(arguments)
    options.has_command = words is arguments
    with restored_signals():
        status: int = options.command(options)
        sys.stdout.flush()
    return status


def with_command(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments, with the command "scan" before them if they begin with a path or an option.

    Raises:
        UsageError: if they begin with neither, or are empty.
    """
    if not arguments:
        raise UsageError(
            "nothing to scan: datascan PATH scans a dataset, datascan --help lists the commands"
        )
    word = arguments[0]
    if word in COMMANDS or word in {"-h", "--help", "--version"} or word in command_helps():
        return arguments
    if word.startswith("-") or is_path(word):
        return ["scan", *arguments]
    near = nearest(word, command_helps())
    hint = f"; did you mean datascan {near}?" if near else ""
    raise UsageError(f"no such command or path: {word}{hint} (see datascan --help)")


def is_path(word: str) -> bool:
    """Whether a word is, or can only be, the path of a dataset."""
    if os.path.lexists(word) or "/" in word or os.sep in word:
        return True
    if not word:
        return False
    from pathlib import Path

    from datascan.files import explain_absence

    return explain_absence(Path(word)) != ""


def is_full(word: str) -> bool:
    """Whether a word is a path at which there is something, other than a folder with a cache."""
    if not os.path.isdir(word):  # noqa: PTH112  (starts faster)
        return os.path.lexists(word)
    try:
        with os.scandir(word) as entries:
            return any(not entry.name.endswith(CACHE_EXTENSIONS) for entry in entries)
    except OSError:
        return True


def hint_at_path(arguments: Sequence[str]) -> str:
    """What to type if a command alone was meant to be the path of that name."""
    word = arguments[0]
    if len(arguments) > 1 or not os.path.lexists(word):
        return ""
    return f"; to scan what has the name of the command: datascan ./{shlex.quote(word)}"


@contextmanager
def printable_warnings() -> Iterator[None]:
    """Show every warning about a plug-in as one line on standard error; filters do not apply.

    Warnings of libraries may quote the dataset, so nothing in them reaches the terminal unescaped.
    """
    with warnings.catch_warnings():

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, PluginWarning):
                say(str(message))
            else:
                text = escape_control(str(message))
                sys.stderr.write(warnings.formatwarning(text, category, *place[:2]))

        warnings.simplefilter("always", PluginWarning)
        warnings.showwarning = show  # type: ignore[assignment]  # the stub names the parameters
        yield


def quote_command(arguments: Sequence[str]) -> str:
    """The command as it can be typed again; bytes that are not UTF-8 as backslash escapes."""
    line = shlex.join(["datascan", *arguments])
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments, which begin with a command or are about all of them: ``--help``."""
    name = words[0]
    if name.startswith("-"):
        return build_parser(words).parse_args(words)
    command = Parser(prog=f"datascan {name}")
    fill(command, name)
    return command.parse_args(words[1:])


def fill(command: argparse.ArgumentParser, name: str) -> None:
    """Import the command ``name``, and give its arguments to its parser."""
    module = import_module(command_module(name))
    command.description = getattr(module, "DESCRIPTION", None)
    module.add_arguments(command, name)
    command.set_defaults(command=module.run)


def build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """All commands, with the options of the one that is typed."""
    top = Parser(
        prog="datascan",
        usage="datascan PATH... [OPTION...]\n       datascan COMMAND [OPTION...] [ARGUMENT...]",
        description="Tells, before training, whether a dataset will break it. datascan PATH scans "
        "any of these: a store, HDF5 files, an image or a folder of them, a folder of datasets, "
        "a net, a solver or a training log; it takes the options of datascan scan.",
        epilog="Exit status: 0 clean, 1 findings, 2 the scan could not be made, 130 interrupted.",
    )
    top.add_argument("--version", action="version", version=f"datascan {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True, prog="datascan")
    typed = arguments[0] if arguments else ""
    known = COMMANDS if typed == "--version" or typed in COMMANDS else command_helps()
    # Only the command that runs gets a parser, and is imported.
    names = [typed] if typed in known else known
    for name in names:
        command = commands.add_parser(name, help=known[name])
        if name == typed:
            fill(command, name)
    return top
