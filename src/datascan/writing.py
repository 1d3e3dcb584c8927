"""Output files: tried before the scan, written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from datascan.errors import OutputError


def check_writable(path: Path) -> None:
    """Find out whether ``path`` can be written, without writing to it.

    Raises:
        OutputError: where it cannot; says why.
    """
    if not str(path) or path == Path():
        raise OutputError("cannot write a file without a name")
    if "\0" in str(path):
        raise OutputError(f"cannot write {path}: a null byte in its name")
    target = real_target(path)
    if target.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if is_special(target):
        if not os.access(target, os.W_OK):
            raise OutputError(f"cannot write {path}: no permission")
        return
    if target.exists() and not os.access(target, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {target.parent}")
    try:
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def write(path: Path, chunks: Iterable[str]) -> None:
    """Write text (UTF-8): beside ``path`` first, then renamed; devices and pipes directly.

    Raises:
        OutputError: where that fails; nothing is left behind then, and an old file stays as it is.
    """
    target = real_target(path)
    try:
        if is_special(target):
            with target.open("w", encoding="utf-8") as file:
                file.writelines(chunks)
        else:
            write_beside(target, chunks)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def write_beside(target: Path, chunks: Iterable[str]) -> None:
    """Write a temporary file in the folder of ``target``, and rename it."""
    number, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.writelines(chunks)
        unfinished.chmod(permissions_for(target))
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def permissions_for(target: Path) -> int:
    """Those of the file that is there, or those of any new file."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def real_target(path: Path) -> Path:
    """The file behind symbolic links, so that a link stays a link."""
    return path.resolve() if path.is_symlink() and not is_special(path) else path


def is_special(path: Path) -> bool:
    """Whether ``path`` is a device, pipe or socket: nothing to be renamed over."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
