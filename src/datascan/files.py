"""Opening files that somebody else has made: only regular files, and never by waiting.

A named pipe, a device or a socket in place of a file would block, or never end. Every path that
comes from a dataset, a list, a net or a configuration is opened here.
"""

from __future__ import annotations

import os
import stat
from io import FileIO
from pathlib import Path

FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


class NotRegularError(OSError):
    """A path that is not a regular file: a folder, a pipe, a device or a socket."""


class OutsideError(OSError):
    """A path that leads out of its folder."""


def open_regular(path: Path, *, inside: Path | None = None) -> FileIO:
    """Open a regular file for reading, unbuffered; symbolic links are followed.

    Args:
        path: the file.
        inside: a folder; links that lead out of it are refused.

    Raises:
        OSError: if the file cannot be opened.
        NotRegularError: if it is not a regular file.
        OutsideError: if it is outside of ``inside``.
    """
    if inside is not None:
        real, home = os.path.realpath(path), os.path.realpath(inside)
        if os.path.commonpath([real, home]) != home:
            raise OutsideError(0, "it is a link out of its folder", str(path))
        path = Path(real)
    descriptor = os.open(path, FLAGS)
    try:
        require_regular(os.fstat(descriptor), path)
        return FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def require_regular(found: os.stat_result, path: Path) -> None:
    """Raise :class:`NotRegularError` unless ``found`` is the state of a regular file."""
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(0, "it is not a regular file", str(path))


def read_regular(path: Path, *, max_bytes: int, inside: Path | None = None) -> bytes:
    """The contents of a regular file of at most ``max_bytes`` bytes.

    Raises:
        OSError: as :func:`open_regular`, and if the file is larger.
    """
    with open_regular(path, inside=inside) as file:
        chunks = []
        left = max_bytes + 1
        while left and (chunk := file.read(left)):
            chunks.append(chunk)
            left -= len(chunk)
    if not left:
        raise OSError(0, f"it has more than {max_bytes:,} bytes", str(path))
    return b"".join(chunks)
