"""Temporary files and folders: private, of names that cannot be guessed, never left for long.

Their owner holds a lock (``flock``) on them, which ends with the process. So the next run can tell
what a killed one has left: what has such a name, belongs to the user, and is not locked.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datascan.files import user_id

try:
    import fcntl
except ImportError:  # Windows, where nothing is cleaned up
    fcntl = None  # type: ignore[assignment]  # a missing module


def optional_flags(*names: str) -> int:
    """Flags of ``os.open``, without those that this system lacks."""
    return sum(getattr(os, name, 0) for name in names)


FILE = re.compile(r"\.datascan-[0-9a-f]{32}")
FOLDER = re.compile(r"datascan-demo-[0-9a-f]{32}")
NEW_FILE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | optional_flags("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
)
OLD = os.O_RDONLY | optional_flags("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC")
MAX_ENTRIES = 100_000
"""The most entries of a folder that are searched for what a killed run has left."""


@contextmanager
def unfinished_file(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file in the folder of ``target``, mode 0600: its descriptor and path.

    The caller renames the file. If it is still there at the end, it is removed.

    Raises:
        OSError: if it cannot be created.
    """
    remove_left_behind(target.parent, FILE)
    descriptor = -1
    path = target
    try:
        while descriptor < 0:
            path = target.with_name(f".datascan-{unguessable()}")
            descriptor = lock_new(os.open(path, NEW_FILE, 0o600))
        yield descriptor, path
    finally:
        if fcntl is None and descriptor >= 0:  # Windows does not remove open files
            with suppress(OSError):  # closed by the caller
                os.close(descriptor)
        if path != target:
            with suppress(OSError):
                path.unlink()
        if fcntl is not None and descriptor >= 0:
            os.close(descriptor)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, mode 0700, where ``TMPDIR`` says; removed at the end.

    Raises:
        OSError: if it cannot be created.
    """
    home = find_home()
    remove_left_behind(home, FOLDER)
    descriptor = -1
    path = home
    try:
        while descriptor < 0:
            path = home / f"datascan-demo-{unguessable()}"
            path.mkdir(mode=0o700)
            if not hasattr(os, "O_DIRECTORY"):  # Windows does not open folders
                break
            descriptor = lock_new(os.open(path, OLD | os.O_DIRECTORY))
        yield path
    finally:
        if path != home:
            shutil.rmtree(path, ignore_errors=True)
        if descriptor >= 0:
            os.close(descriptor)


def unguessable() -> str:
    """32 random hexadecimal digits; ``secrets`` would load OpenSSL for them."""
    return os.urandom(16).hex()


def find_home() -> Path:
    """The folder for temporary files.

    Python tries it with a file of its own, which a signal at that moment would leave behind.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return Path(tempfile.gettempdir())
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        return Path(tempfile.gettempdir())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def lock_new(descriptor: int) -> int:
    """Lock a new file or folder; -1 if another run has removed it before it was locked."""
    if fcntl is None:
        return descriptor
    with suppress(OSError):  # a file system without locks, on which nothing is cleaned up
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    if os.fstat(descriptor).st_nlink:
        return descriptor
    os.close(descriptor)
    return -1


def remove_left_behind(folder: Path, name: re.Pattern[str]) -> None:
    """Remove what killed runs of this user have left in a folder. Errors do not matter."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
            if name.fullmatch(entry.name):
                with suppress(OSError):
                    remove_unlocked(Path(entry.path))


def remove_unlocked(path: Path) -> None:
    """Remove a private file or folder of this user that no process has locked.

    Raises:
        OSError: if it is locked, or a link, or belongs to another user.
    """
    descriptor = os.open(path, OLD)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != user_id() or stat.S_IMODE(found.st_mode) & 0o077:
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        elif stat.S_ISREG(found.st_mode):
            path.unlink()
    finally:
        os.close(descriptor)
