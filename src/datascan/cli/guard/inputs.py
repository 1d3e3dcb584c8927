"""Everything that a command reads, known by device and inode, so that no other name hides it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from datascan.files import MAX_LIST_BYTES, read_regular

Identity = tuple[int, int]
"""Device and inode."""

DATA_NAME = re.compile(
    r".*\.(?:mdb|mdb-lock|ldb|sst|log|h5|hdf5|he5|npy|npz|mat|parquet|tar|tfrecord|jpe?g|jpe|jfif|png|gif|"
    r"bmp|dib|tiff?|webp|ico|p[bgnp]m|jp2|j2k|jpx|psd|avif|heic|csv|txt|tsv)"
    r"|CURRENT|LOCK|LOG(?:\.old)?|MANIFEST-.*",
    re.IGNORECASE,
)
"""File names that a reader would take for a part of the dataset."""

PLACES = 4
"""Folders above a list from which its names are tried."""


@dataclass(frozen=True)
class Inputs:
    """The paths that a command reads: datasets, lists, nets, logs, configurations and so on.

    A folder stands for everything in it.
    """

    paths: tuple[Path, ...] = ()

    @cached_property
    def known(self) -> dict[Identity, os.stat_result]:
        """The state of each path that exists."""
        return {key(found): found for path in self.paths if (found := state(path)) is not None}

    @cached_property
    def folders(self) -> frozenset[Identity]:
        """The folders among them."""
        return frozenset(one for one, found in self.known.items() if stat.S_ISDIR(found.st_mode))

    def names(self, target: Path, found: os.stat_result | None) -> bool:
        """Whether ``target`` is one of the paths, also if neither exists yet."""
        if found is not None and key(found) in self.known:
            return True
        real = os.path.realpath(target)
        return any(os.path.realpath(path) == real for path in self.paths)

    def contain(self, target: Path) -> bool:
        """Whether ``target`` is in a folder that is read, at any depth."""
        if not self.folders:
            return False
        parents = Path(os.path.realpath(target)).parents
        states = (state(parent) for parent in parents)
        return any(found is not None and key(found) in self.folders for found in states)

    def refer_to(self, found: os.stat_result) -> bool:
        """Whether a file is read by another name: a link in a folder, or a line of a list.

        This searches folders and lists, so it takes time.
        """
        wanted = key(found)
        folders = [path for path in self.paths if path.is_dir()]
        return any(key(one) == wanted for folder in folders for one in states_in(folder)) or any(
            one is not None and key(one) == wanted
            for path in self.paths
            for one in map(state, listed_paths(path, folders))
        )


def key(found: os.stat_result) -> Identity:
    """Device and inode."""
    return found.st_dev, found.st_ino


def state(path: Path) -> os.stat_result | None:
    """The state of what ``path`` leads to; None if there is nothing."""
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def states_in(folder: Path) -> Iterator[os.stat_result]:
    """The state of every file below a folder; links are followed, each folder is entered once."""
    entered: set[Identity] = set()
    for home, below, names in os.walk(folder, followlinks=True):
        here = state(Path(home))
        if here is None or key(here) in entered:
            below.clear()
            continue
        entered.add(key(here))
        yield from filter(None, (state(Path(home, name)) for name in names))


def listed_paths(path: Path, folders: Iterable[Path]) -> Iterator[Path]:
    """What the lines of a text may name, tried from everywhere that readers try them.

    Nothing for a file that is not a text.
    """
    try:
        content = read_regular(path, max_bytes=MAX_LIST_BYTES)
    except (OSError, ValueError):
        return
    if b"\0" in content[:4096]:
        return
    above = list(path.absolute().parents)[:PLACES]
    places = [Path(), *folders, *above]
    for line in content.splitlines():
        for name in spellings(os.fsdecode(line.strip())):
            yield from (place / name for place in places)


def spellings(line: str) -> Iterator[str]:
    """The names that a line may begin with, or quote: ``a b.jpg 3`` is ``a b.jpg``, or ``a``."""
    quoted = re.findall(r'"([^"]+)"', line)
    cuts = [part for mark in ("\t", ",", " ") for part in (line.rpartition(mark)[0],) if part]
    first = re.split(r"[\t, ]", line, maxsplit=1)[0]
    yield from dict.fromkeys(filter(None, (line, *cuts, first, *quoted)))
