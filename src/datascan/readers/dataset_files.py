"""The files of a dataset with their sizes and times, for its fingerprint."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct

MAX_FILES = 10_000
"""The most files of a folder that are listed for a reader that does not list its files itself."""


class FileStatus(Struct, frozen=True):
    """A file: name, size in bytes, and time of modification in ns; both 0 if it is not there."""

    name: str
    size: int
    modified: int


def find_status(path: str | Path, name: str) -> FileStatus:
    """The size and time of the file at ``path``; ``name`` is independent of the host."""
    try:
        found = os.stat(path)  # noqa: PTH116  (much faster)
    except (OSError, ValueError):
        return FileStatus(name, 0, 0)
    return FileStatus(name, found.st_size, found.st_mtime_ns)


def list_below(paths: Iterable[Path]) -> Iterator[FileStatus]:
    """Those of ``paths`` that are files, and the first ``MAX_FILES`` files below each folder."""
    for path in paths:
        if not path.is_dir():
            yield find_status(path, path.name)
            continue
        for file in islice(iter_files(path), MAX_FILES):
            yield find_status(file, file.relative_to(path).as_posix())


def iter_files(folder: Path) -> Iterator[Path]:
    """The files below a folder, sorted."""
    for here, below, names in os.walk(folder):
        below.sort()
        yield from (Path(here, name) for name in sorted(names))
