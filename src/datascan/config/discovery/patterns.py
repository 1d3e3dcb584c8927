"""The datasets that a pattern of a configuration names.

As :func:`glob.glob` with ``recursive``, but each folder is searched once for each part of the
pattern, so that links to folders above, or several ``**``, do not multiply the search. A folder
that has several names is searched under its own. A link that leads back to itself matches only a
pattern that names it without wildcards.
"""

from __future__ import annotations

import errno
import os
import re
from collections import deque
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from datascan.errors import UsageError

WILD = re.compile(r"[*?\[]")
MAX_ENTRIES = 1_000_000
"""The most files and folders that one pattern is compared with."""


def find_matches(pattern: str, folder: Path) -> list[str]:
    """The paths that match ``pattern``, sorted; a relative one starts in ``folder``.

    Raises:
        UsageError: if the pattern leads to too many files.
    """
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    # ``**/**`` means the same as ``**``.
    parts = [part for i, part in enumerate(parts) if part != "**" or parts[i - 1 : i] != ["**"]]
    search = PatternSearch(pattern, parts)
    start = "/" if pattern.startswith("/") else str(folder)
    return sorted(search.run(start))


class PatternSearch:
    """The search for one pattern, whose ``parts`` are names, wildcards and ``**``."""

    def __init__(self, pattern: str, parts: list[str]) -> None:
        self.pattern, self.parts = pattern, parts
        self.left = MAX_ENTRIES
        self.searched: set[tuple[int, int, int]] = set()

    def run(self, start: str) -> set[str]:
        """All paths that match, from the folder ``start``."""
        found: set[str] = set()
        # A path, and how many parts of the pattern have led to it. Links are followed last, so
        # that a folder is searched under its own name.
        pending = deque([(start, 0)])
        while pending:
            path, depth = pending.popleft()
            if depth == len(self.parts):
                found.add(path)
                continue
            for step in self.steps(path, depth):
                if os.path.islink(step[0]):  # noqa: PTH114  (much faster)
                    pending.append(step)
                else:
                    pending.appendleft(step)
        return found

    def steps(self, path: str, depth: int) -> Iterator[tuple[str, int]]:
        """The next paths, each with the number of parts that led to it."""
        if not self.is_new(path, depth):
            return
        part, is_last = self.parts[depth], depth + 1 == len(self.parts)
        if not WILD.search(part):
            below = os.path.join(path, part)  # noqa: PTH118  (a Path would drop "..")
            if os.path.lexists(below):
                yield below, depth + 1
            return
        if part == "**":
            yield path, depth + 1
        for entry in self.entries(path, depth):
            if part == "**":
                if leads_to_folder(entry):
                    yield entry.path, depth
                elif is_last:
                    yield entry.path, depth + 1
            elif fnmatchcase(entry.name, part) and (is_last or leads_to_folder(entry)):
                yield entry.path, depth + 1

    def is_new(self, path: str, depth: int) -> bool:
        """Whether a folder exists and has not been searched after as many parts of the pattern."""
        try:
            state = os.stat(path)  # noqa: PTH116  (much faster)
        except (OSError, ValueError):  # ValueError: the name has a null character
            return False
        key = (state.st_dev, state.st_ino, depth)
        is_new = key not in self.searched
        self.searched.add(key)
        return is_new

    def entries(self, path: str, depth: int) -> Iterator[os.DirEntry[str]]:
        """What is in a folder, without hidden files unless they are asked for."""
        try:
            with os.scandir(path) as opened:
                entries = list(islice(opened, self.left + 1))
        except OSError:  # it cannot be read, or is not a folder
            return
        self.left -= len(entries)
        if self.left < 0:
            raise UsageError(
                f"dataset pattern {self.pattern} leads to more than {MAX_ENTRIES:,} files"
            )
        for entry in sorted(entries, key=lambda entry: entry.name):
            is_hidden = entry.name[0] == "." and self.parts[depth][0] != "."
            if not is_hidden and not is_loop(entry):
                yield entry


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one that can be followed."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_loop(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link that leads back to itself: it can never lead to data."""
    if not entry.is_symlink():
        return False
    try:
        entry.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False
