"""The manual page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan._version import __version__
from datascan.cli.shell.model import Argument, Command

HEAD = """\
.\\" To install it: datascan completion man > ~/.local/share/man/man1/datascan.1
.TH DATASCAN 1 "" "datascan {version}" "User Commands"
.SH NAME
datascan \\- checks, before training, whether a dataset will break it
.SH SYNOPSIS
.B datascan
.IR PATH ...
[\\fIOPTION\\fR...]
.PP
.B datascan
.I COMMAND
[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]
.SH DESCRIPTION
Reads a whole LMDB, LevelDB, HDF5 file or folder of images, and names every record that would break
a training run:
NaN and Inf values, damaged images, labels out of range, classes that are missing from batches.
.PP
With a path in place of a command, it scans what is there, as
.B datascan scan
does: a dataset, a folder of datasets, a net, a solver or a training log.
"""

TAIL = """\
.SH EXIT STATUS
.TP
.B 0
no findings at or above \\fB\\-\\-fail\\-on\\fR
.TP
.B 1
findings at or above it
.TP
.B 2
no scan was possible, or an output could not be written
.TP
.BR 130 ", " 143
interrupted; the report covers what was read
.SH FILES
.TP
.I datascan.toml
the configuration, in the working folder or above it in the same repository
"""


def render(commands: Sequence[Command]) -> str:
    """The page, for ``man``."""
    head = HEAD.format(version=__version__)
    return "".join([head, *(f"{line}\n" for line in body(commands)), TAIL])


def body(commands: Sequence[Command]) -> Iterator[str]:
    """The commands, then the options of each."""
    yield ".SH COMMANDS"
    for command in commands:
        yield ".TP"
        yield f".B {escape(f'{command.name} {command.usage}'.strip())}"
        yield escape(command.help)
    yield ".SH OPTIONS"
    for command in commands:
        yield f".SS datascan {command.name}"
        yield escape(" ".join(command.description.split()))
        for flag in command.flags:
            yield ".TP"
            yield describe(flag)
            yield escape(flag.help)


def describe(flag: Argument) -> str:
    """The names of a flag and its value."""
    value = f" \\fI{escape(flag.metavar)}\\fR" if flag.kind != "none" else ""
    return ", ".join(f"\\fB{escape(name)}\\fR{value}" for name in flag.names)


def escape(text: str) -> str:
    """Text for roff: dashes that can be copied, and no line that is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in {".", "'"} else text
