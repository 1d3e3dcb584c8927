"""Output files: tried before the scan, written whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datascan.errors import OutputError

DESCRIPTOR = re.compile(r"(?:/dev|/proc/self)/fd/(\d{1,9})|/dev/(stdout|stderr)")
STREAMS = {"stdout": 1, "stderr": 2}


def check_writable(path: Path) -> None:
    """Find out whether ``path`` can be written, without writing to it.

    Raises:
        OutputError: where it cannot; says why.
    """
    if path == Path():
        raise OutputError("cannot write an output without a file name")
    with translated_errors(path):
        number = descriptor(path)
        if number is not None:
            require_open_for_writing(number)
            return
        target = resolve_target(path)
        mode = file_mode(target)
        if mode is None:
            require_room_beside(target)
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        elif stat.S_ISREG(mode):
            # Opened as for writing, and closed again: no byte and no time stamp changes.
            os.close(os.open(target, os.O_WRONLY))
            require_room_beside(target)
        elif not os.access(target, os.W_OK):  # opening a pipe would wait for its reader
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write(path: Path, chunks: Iterable[str]) -> None:
    """Write text (UTF-8): beside ``path`` first, then renamed; devices and pipes directly.

    Raises:
        OutputError: where that fails; nothing is left behind then, and an old file stays as it is.
    """
    with translated_errors(path):
        number = descriptor(path)
        if number is not None:
            # A copy shares its position, so that what a shell redirected is not overwritten.
            write_chunks(lambda: os.dup(number), chunks)
            return
        target = resolve_target(path)
        mode = file_mode(target)
        if mode is None or stat.S_ISREG(mode):
            write_beside(target, mode, chunks)
        else:
            write_chunks(lambda: os.open(target, os.O_WRONLY), chunks)


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Tell what the system refuses in one sentence."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    except ValueError as error:  # a name with a null byte
        raise OutputError(f"cannot write {path}: {error}") from error


def descriptor(path: Path) -> int | None:
    """The number of the open file that ``path`` stands for: /dev/stdout, /dev/fd/3."""
    found = DESCRIPTOR.fullmatch(str(path))
    if found is None:
        return None
    return STREAMS[found[2]] if found[2] else int(found[1])


def require_open_for_writing(number: int) -> None:
    """Raise OSError unless the file descriptor ``number`` can be written to."""
    if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "it is open for reading only")


def require_room_beside(target: Path) -> None:
    """Raise OSError unless a file can be made in the folder of ``target``."""
    folder = file_mode(target.parent)
    if folder is None:
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {target.parent}")
    if not stat.S_ISDIR(folder):
        raise NotADirectoryError(errno.ENOTDIR, f"{target.parent} is not a folder")
    with tempfile.TemporaryFile(dir=target.parent):
        pass


def resolve_target(path: Path) -> Path:
    """The file behind symbolic links, so that a link stays a link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def file_mode(path: Path) -> int | None:
    """Kind and permissions of what is there; None if nothing is."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None


def write_beside(target: Path, mode: int | None, chunks: Iterable[str]) -> None:
    """Write a temporary file in the folder of ``target``, and rename it.

    ``mode`` is that of the old file, whose permissions the new one keeps; without one, the new
    file has those of any new file.
    """
    unfinished = target.with_name(f".datascan-{secrets.token_hex(8)}")

    def create() -> int:
        return os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    try:
        write_chunks(create, chunks)
        if mode is not None:
            unfinished.chmod(stat.S_IMODE(mode))
        unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def write_chunks(opened: Callable[[], int], chunks: Iterable[str]) -> None:
    """Write all chunks to a file descriptor, and close it.

    A lone surrogate, which UTF-8 cannot hold, is written as its escape.
    """
    with os.fdopen(
        opened(), "w", encoding="utf-8", errors="backslashreplace", newline="\n"
    ) as file:
        file.writelines(chunks)
