"""Output files: checked before the scan, and written completely or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datascan.cli.temporary import optional_flags, unfinished_file
from datascan.errors import OutputError
from datascan.files import resolve_own_links, user_id

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a missing module

DESCRIPTOR = r"(?:/dev|/proc/self)/fd/(\d{1,9})|/dev/(stdout|stderr)"
STREAMS = {"stdout": 1, "stderr": 2}

READER_SECONDS = 60.0
"""How long a pipe may have no reader once its output is ready."""
READER_POLL_SECONDS = 0.02


def check_writable(path: Path) -> None:
    """Check that ``path`` can be written, without writing to it.

    Raises:
        OutputError: if it cannot; the message says why.
    """
    if path == Path():
        raise OutputError("cannot write an output without a file name")
    with translated_errors(path):
        number = descriptor_number(path)
        if number is not None:
            require_open_for_writing(number)
            return
        target = resolve_own_links(path)
        mode = file_mode(target)
        if mode is None:
            require_writable_folder(target)
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        elif stat.S_ISREG(mode):
            # Opening it for writing changes neither its content nor its time stamps.
            os.close(os.open(target, os.O_WRONLY | optional_flags("O_NOFOLLOW", "O_NONBLOCK")))
            require_writable_folder(target)
        elif stat.S_ISBLK(mode):
            raise OSError(errno.EPERM, "it is a disk")
        else:  # opening a pipe would block until it has a reader
            require_own(target.lstat())
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def allow(_path: Path) -> None:
    """Allow every output: for files that are not a user's."""


def write(path: Path, chunks: Iterable[str | bytes], check: Callable[[Path], None] = allow) -> None:
    """Write bytes, or text as UTF-8: to a temporary file that is renamed, or to a device or pipe.

    ``check`` is called with ``path`` at the last moment before anything is changed. It raises an
    error if the output may not be written there.

    Raises:
        OutputError: if that fails; an existing file is then unchanged, and no temporary file stays.
    """
    with translated_errors(path):
        number = descriptor_number(path)
        if number is not None:
            check(path)
            # A duplicate shares the file position, so output that a shell redirected is kept.
            write_chunks(os.dup(number), chunks)
            return
        target = resolve_own_links(path)
        mode = file_mode(target)
        if mode is None or stat.S_ISREG(mode):
            write_and_rename(target, chunks, lambda: check(path))
        else:
            check(path)
            write_chunks(open_special(target), chunks)


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn errors of the operating system into one-line messages."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except ValueError as error:  # a name with a null byte
        raise OutputError(f"cannot write {path}: {error}") from error


def descriptor_number(path: Path) -> int | None:
    """The file descriptor that ``path`` names, such as /dev/stdout or /dev/fd/3; else None."""
    found = re.fullmatch(DESCRIPTOR, str(path))
    if found is None:
        return None
    return STREAMS[found[2]] if found[2] else int(found[1])


def require_open_for_writing(number: int) -> None:
    """Raise OSError unless the file descriptor ``number`` is open for writing."""
    os.fstat(number)
    if fcntl is not None and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "it is open for reading only")


def require_writable_folder(target: Path) -> None:
    """Raise OSError unless a file can be created in the folder of ``target``."""
    folder = file_mode(target.parent)
    if folder is None:
        raise FileNotFoundError(errno.ENOENT, f"the folder {target.parent} does not exist")
    if not stat.S_ISDIR(folder):
        raise NotADirectoryError(errno.ENOTDIR, f"{target.parent} is not a folder")
    with tempfile.TemporaryFile(dir=target.parent):
        pass


def open_special(target: Path) -> int:
    """Open a pipe or device for writing; a pipe may get its reader within ``READER_SECONDS``."""
    descriptor = open_when_read(target, time.monotonic() + READER_SECONDS)
    try:
        require_own(os.fstat(descriptor))
        if hasattr(os, "set_blocking"):  # on Windows since Python 3.12
            os.set_blocking(descriptor, True)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def open_when_read(target: Path, until: float) -> int:
    """Open a device, or a pipe as soon as it has a reader.

    Raises:
        OSError: if it cannot be opened, or has no reader at the time ``until``.
    """
    flags = optional_flags("O_NONBLOCK", "O_NOFOLLOW", "O_NOCTTY", "O_CLOEXEC") | os.O_WRONLY
    while True:
        try:
            return os.open(target, flags)
        except OSError as error:
            mode = file_mode(target)
            if error.errno != errno.ENXIO or mode is None or not stat.S_ISFIFO(mode):
                raise
        if time.monotonic() >= until:
            raise OSError(errno.ENXIO, "no process reads this pipe")
        time.sleep(READER_POLL_SECONDS)


def require_own(found: os.stat_result) -> None:
    """Raise OSError if a pipe was made by another user, who would read the report.

    Devices may be anybody's: a terminal belongs to the user who has logged in.
    """
    if stat.S_ISFIFO(found.st_mode) and found.st_uid not in {user_id(), 0}:
        raise PermissionError(errno.EPERM, "it is a pipe of another user")


def file_mode(path: Path) -> int | None:
    """Type and permissions of the file at ``path``; None if it does not exist."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None


def write_and_rename(
    target: Path, chunks: Iterable[str | bytes], check: Callable[[], None]
) -> None:
    """Write a temporary file in the folder of ``target``, and rename it after ``check``.

    The new file has the permissions of an existing one of the same user, else those of the umask.
    """
    with unfinished_file(target) as (descriptor, unfinished):
        write_chunks(os.dup(descriptor), chunks)
        if hasattr(os, "fchmod"):  # Windows has only "read-only"
            os.fchmod(descriptor, permissions(target))
        check()
        if fcntl is None:
            os.close(descriptor)  # Windows does not rename open files
        unfinished.replace(target)


def permissions(target: Path) -> int:
    """The permissions of the file at ``target`` if it is the user's own, else those of a new one.

    In a shared folder, another user may have prepared a file that anyone can change.
    """
    with suppress(OSError):
        found = target.lstat()
        if found.st_uid == user_id():
            return stat.S_IMODE(found.st_mode) & 0o777
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def write_chunks(descriptor: int, chunks: Iterable[str | bytes]) -> None:
    """Write all chunks to a file descriptor, and close it.

    Lone surrogates, which UTF-8 cannot encode, are written as backslash escapes.
    """
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(
            chunk.encode(errors="backslashreplace") if isinstance(chunk, str) else chunk
            for chunk in chunks
        )
