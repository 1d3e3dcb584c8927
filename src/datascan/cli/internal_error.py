"""Internal errors: one line on standard error, and the traceback in a private file.

Also what every message goes through. This module imports little, so that it works if others fail.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from datascan._version import __version__
from datascan.cli.missing import describe_missing
from datascan.text import escape_control

FAILURE = 2
MAX_MESSAGE = 300
"""Characters of an exception's message in the line; the file has all of it."""


def say(text: str) -> None:
    """Print a line on standard error that begins with the name of the program."""
    note(f"datascan: {text}")


def note(text: str) -> None:
    """Print a line on standard error, with escapes for what is not safe to print.

    If that fails, the line is lost: there is no other place to report it.
    """
    try:
        print(escape_control(text), file=sys.stderr, flush=True)
    except (OSError, ValueError):
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """Let go of standard output or error: what is still to be written there goes nowhere."""
    with suppress(OSError, ValueError):  # not a file
        descriptor = stream.fileno()
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, descriptor)
        os.close(devnull)


def report_internal_error(error: Exception, command: str) -> int:
    """Print what has happened and save the traceback; returns the exit status.

    ``command`` is the command line as it can be typed again. A library that is not installed is
    an error of the installation, and one line.
    """
    if (line := describe_missing(error)) is not None:
        say(line)
        return FAILURE
    say(f"internal error: {describe(error)}; please report it, with {save(error, command)}")
    return FAILURE


def describe(error: Exception) -> str:
    """Type, message and place of an exception: "KeyError: 'x' (rows 16 to 31 of part 2)"."""
    lines = str(error).splitlines()
    message = lines[0][:MAX_MESSAGE] if lines else ""
    notes = [note for note in getattr(error, "__notes__", ()) if "\n" not in note]
    place = f" ({', '.join(notes)[:MAX_MESSAGE]})" if notes else ""
    return type(error).__name__ + (f": {message}" if message else "") + place


def save(error: Exception, command: str) -> str:
    """Save the traceback to a new file in the folder for temporary files, mode 0600.

    Returns what to say of it. Lines are escaped, because exceptions may quote datasets.
    """
    try:
        import platform
        import tempfile
        import traceback

        # ``platform.platform()`` starts a process.
        system = f"{platform.system()} {platform.release()} {platform.machine()}"
        facts = (
            f"datascan {__version__}, Python {platform.python_version()}, {system}",
            command,
            *"".join(traceback.format_exception(error)).splitlines(),
        )
        text = "".join(f"{escape_control(line)}\n" for line in facts)
        descriptor, path = tempfile.mkstemp(prefix="datascan-error-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except (OSError, MemoryError, RecursionError) as failed:
        return f"how to repeat it (its traceback could not be saved: {failed})"
    return path
