"""Opening files that somebody else has made: only regular files, and never by waiting.

A named pipe, a device or a socket in place of a file would block, or never end. Every path that
comes from a dataset, a list, a net or a configuration is opened here. Only a path that the user
has typed may be a pipe (:func:`open_typed`).
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import BufferedReader, BytesIO, FileIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)

NO_LINK = getattr(os, "O_NOFOLLOW", 0)
"""Refuses a link; absent from Windows. A file in the folder itself needs no other check."""


MIB = 1 << 20
MAX_CONFIG_BYTES = MIB
MAX_TOML_BYTES = 64 * MIB
"""Of expectations and baselines, which may list hashes of all records."""
MAX_PROTOTXT_BYTES = 4 * MIB
MAX_MATRIX_BYTES = 256 * MIB
MAX_LIST_BYTES = 256 * MIB
MAX_LOG_BYTES = 512 * MIB
MAX_IMAGE_BYTES = 640 * MIB
MAX_REPORT_BYTES = 256 * MIB
MAX_PIPE_BYTES = 64 * MIB
"""The largest files that are read in one piece, by kind; a pipe is read into memory."""


MAX_LINKS = 40
"""The most symbolic links on the way to an output, as in Linux."""


class NotRegularError(OSError):
    """A path that is not a regular file: a folder, a pipe, a device or a socket."""


class OutsideError(OSError):
    """A path that leads out of its folder."""


LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""First bytes of the text that Git has in place of a large file (Git LFS specification)."""


DVC = ".dvc"
"""What DVC appends to the name of a file or folder for the pointer that Git keeps."""

STORE_FILES = ("data.mdb", "CURRENT")
"""The files without which a folder is not an LMDB or a LevelDB."""

MAX_NAMES = 10_000
"""How many entries of a folder are searched for pointers."""


def is_lfs_pointer(path: Path) -> bool:
    """Whether the file is a pointer of Git LFS to data that was not downloaded."""
    try:
        with open_regular(path) as file:
            return file.read(len(LFS_POINTER)) == LFS_POINTER
    except (OSError, ValueError):
        return False


def explain_absence(path: Path) -> str:
    """Why there is no dataset at ``path``, if a pointer names its place; "" without one."""
    if os.path.lexists(path.with_name(f"{path.name}{DVC}")):
        return f"; {path.name}{DVC} is there, but not its data (dvc pull)"
    return ""


def find_pointer(path: Path) -> str:
    """Why ``path``, which exists, is not the data itself: it is a pointer; "" if it is not."""
    if is_dvc_pointer(path):
        data = path.with_suffix("")
        if os.path.lexists(data):
            return f"{path} is a pointer of DVC, its data is {data}"
        return f"{path} is a pointer of DVC: the data is not here (dvc pull)"
    for file in (path, *(path / name for name in STORE_FILES)):
        if is_lfs_pointer(file):
            return f"{file} is a Git LFS pointer: the data is not here (git lfs pull)"
    return ""


def find_pointer_inside(folder: Path) -> str:
    """The pointer of DVC in a folder that lacks its data; "" without one."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in islice(entries, MAX_NAMES) if e.name.endswith(DVC))
    except OSError:
        return ""
    return next((name for name in names if is_absent(folder / name.removesuffix(DVC))), "")


def is_dvc_pointer(path: Path) -> bool:
    """Whether the file is a pointer of DVC, which has the name of its data and ``.dvc``."""
    return path.name.endswith(DVC) and path.name != DVC and path.is_file()


def is_absent(path: Path) -> bool:
    """Whether nothing is at ``path``, not even a link to nowhere."""
    return not os.path.lexists(path)


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
        if path.parent == inside and NO_LINK:
            with suppress(OSError):  # a link, or nothing that can be opened: see below
                return open_checked(path, FLAGS | NO_LINK)
        real, home = os.path.realpath(path), os.path.realpath(inside)
        if os.path.commonpath([real, home]) != home:
            raise OutsideError(0, "it is a link out of its folder", str(path))
        path = Path(real)
    return open_checked(path, FLAGS)


def open_checked(path: Path, flags: int) -> FileIO:
    """Open a regular file for reading with the ``flags`` of ``os.open``.

    Raises:
        OSError: as :func:`open_regular`.
    """
    descriptor, _ = open_descriptor(path, flags)
    try:
        return FileIO(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_descriptor(path: str | Path, flags: int = FLAGS) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; the descriptor, and the state of the file.

    Raises:
        OSError: if the file cannot be opened.
        NotRegularError: if it is not a regular file.
    """
    descriptor = os.open(path, flags)
    try:
        found = os.fstat(descriptor)
        require_regular(found, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found


def require_regular(found: os.stat_result, path: str | Path) -> None:
    """Raise :class:`NotRegularError` unless ``found`` is the state of a regular file."""
    if stat.S_ISDIR(found.st_mode):
        raise NotRegularError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise NotRegularError(0, "it is not a regular file", str(path))


def read_regular(path: Path, *, max_bytes: int, inside: Path | None = None) -> bytes:
    """The contents of a regular file of at most ``max_bytes`` bytes.

    Raises:
        OSError: as :func:`open_regular`, and if the file is larger.
    """
    with open_regular(path, inside=inside) as file:
        return read_at_most(file, max_bytes, path)


def read_descriptor(descriptor: int, size: int, max_bytes: int, path: str | Path) -> bytes:
    """The contents of a file of ``size`` bytes that has just been opened.

    They are read in one piece if it still has that size.

    Raises:
        OSError: if it cannot be read, or has more than ``max_bytes`` bytes.
    """
    # One byte more than there is shows that there is no more, without another call.
    content = os.read(descriptor, min(size, max_bytes) + 1)
    if len(content) == size <= max_bytes:
        return content
    chunks, total = [content], len(content)
    while total <= max_bytes and (chunk := os.read(descriptor, min(MIB, max_bytes + 1 - total))):
        chunks.append(chunk)
        total += len(chunk)
    if total > max_bytes:
        raise too_large(max_bytes, path)
    return b"".join(chunks)


def real_path(path: Path) -> Path:
    """The path without links and ``..``, as far as they can be followed.

    Unlike :meth:`pathlib.Path.resolve`, it does not raise for links that lead back to themselves.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # the name has a null character
        return path.absolute()


def resolve_own_links(path: Path) -> Path:
    """The path of an output with its links resolved, if it is a link.

    Only links of the user or of root are followed: in a shared folder, a link of another user at a
    name that can be guessed would make any file of the user an output.

    Raises:
        OSError: for a link of another user, and for too many links.
    """
    for _ in range(MAX_LINKS):
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return path
        if not stat.S_ISLNK(found.st_mode):
            return path
        if found.st_uid not in {user_id(), 0}:
            raise OSError(errno.EPERM, "it is a link of another user", str(path))
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def user_id() -> int:
    """The user of this process; on Windows 0, as of all files there."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


STANDARD_INPUT = Path("/dev/stdin")
"""What "-" means for a file that is read."""


def open_typed(path: Path, *, max_bytes: int) -> BinaryIO:
    """Open a file that the user has named in person: a regular one, or a pipe.

    So ``<(zcat train.log.gz)`` and ``/dev/stdin`` work. A pipe is read to its end first; one that
    has no writer is empty rather than waited for. The result is seekable.

    Raises:
        OSError: as :func:`open_regular`, and if the file has more than ``max_bytes`` bytes, or the
            pipe more than that or ``MAX_PIPE_BYTES``.
    """
    descriptor = os.open(path, FLAGS)
    try:
        found = os.fstat(descriptor)
        if stat.S_ISFIFO(found.st_mode):
            if hasattr(os, "set_blocking"):  # on Windows since Python 3.12
                os.set_blocking(descriptor, True)
            with FileIO(descriptor, "rb", closefd=False) as file:
                return BytesIO(read_at_most(file, min(max_bytes, MAX_PIPE_BYTES), path))
        if path == STANDARD_INPUT and os.isatty(descriptor):
            raise OSError(errno.EINVAL, "it is a terminal: send the text through a pipe, or with <")
        require_regular(found, path)
        if found.st_size > max_bytes:
            raise too_large(max_bytes, path)
        return BufferedReader(FileIO(os.dup(descriptor), "rb"))
    finally:
        os.close(descriptor)


def read_typed(path: Path, *, max_bytes: int) -> bytes:
    """The contents of a file that the user has named in person; see :func:`open_typed`."""
    with open_typed(path, max_bytes=max_bytes) as file:
        return read_at_most(file, max_bytes, path)


def is_special(path: Path) -> bool:
    """Whether something exists at ``path`` that is neither a regular file nor a folder."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def read_at_most(file: BinaryIO | FileIO, max_bytes: int, path: Path) -> bytes:
    """The rest of ``file``; OSError if it has more than ``max_bytes`` bytes."""
    chunks = []
    left = max_bytes + 1
    while left and (chunk := file.read(min(left, MIB))):
        chunks.append(chunk)
        left -= len(chunk)
    if not left:
        raise too_large(max_bytes, path)
    return b"".join(chunks)


def too_large(max_bytes: int, path: str | Path) -> OSError:
    """The error for a file that has more than ``max_bytes`` bytes."""
    return OSError(0, f"it has more than {max_bytes:,} bytes", str(path))
