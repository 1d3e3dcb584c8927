"""Finding the images below a folder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError

NO_CLASSES = ("__MACOSX",)
"""Folders that archives bring along; hidden ones are no classes either."""


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a dataset, in order.

    ``names`` are relative to the folder (POSIX; or as the list has them), ``sizes`` int64 (n,), -1
    where unknown. ``labels`` (n,) and ``present``, bool (n,), are None in a dataset without labels.
    """

    names: list[str]
    sizes: NDArray[np.int64]
    labels: NDArray[Any] | None = None
    present: NDArray[np.bool_] | None = None
    class_names: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    """Sub-folders that could not be looked into, and why."""
    bad_labels: dict[int, str] = field(default_factory=dict)
    """Labels that are no numbers where others are, by record; these are not ``present``."""
    unclassified: dict[int, str] = field(default_factory=dict)
    """Folders of the first level that are no classes, by record that lies in one."""
    ignored_files: int = 0
    """Files without an image's extension."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file below the folder."""

    name: str
    size: int


Identity = tuple[int, int]


@dataclass(slots=True)
class Search:
    """A walk below a folder that follows links, and never walks in circles.

    It ends after ``most`` entries, if that is given. On the way it notes the folders of the first
    level, and those that cannot be read, with the reason, and counts the ``others``: files without
    an image's extension.
    """

    root: Path
    most: int | None = None
    folders: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    others: int = 0

    def images(self) -> Iterator[Found]:
        """Files with an image's extension, at any depth, in no order."""
        # A list of what is still to be entered: folders may lie deeper than Python may recurse.
        own = identity_of(self.root.stat())
        waiting: deque[tuple[str, tuple[Identity, ...]]] = deque([("", (own,))])
        while waiting:
            prefix, above = waiting.pop()
            for entry in self._entries(prefix):
                name = prefix + entry.name
                if not is_folder(entry):
                    if format_from_name(entry.name) is not None:
                        yield Found(name, size_of(entry))
                    else:
                        self.others += 1
                elif (entered := self._entered(entry, name, above)) is not None:
                    # What is hidden comes last, so that a bounded look is not spent on it.
                    add = waiting.appendleft if is_hidden(entry.name) else waiting.append
                    add((name + "/", entered))

    def _entries(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        """What a folder holds."""
        try:
            with os.scandir(self.root / prefix if prefix else self.root) as entries:
                for entry in entries:
                    if self.most is not None:
                        self.most -= 1
                        if self.most < 0:
                            return
                    yield entry
        except OSError as error:
            why = error.strerror or str(error)
            if not prefix:
                raise DatasetError(f"cannot read {self.root}: {why}") from error
            self.unreadable.append((prefix.rstrip("/"), why))

    def _entered(
        self, entry: os.DirEntry[str], name: str, above: tuple[Identity, ...]
    ) -> tuple[Identity, ...] | None:
        """The folders above and this one; None where it is one of them, or out of reach."""
        try:
            identity = identity_of(entry.stat())
        except OSError as error:
            self.unreadable.append((name, error.strerror or str(error)))
            return None
        if identity in above:
            return None
        if "/" not in name:
            self.folders.append(name)
        return (*above, identity)


def identity_of(status: os.stat_result) -> Identity:
    """What tells a folder from all others, by whatever name it is reached."""
    return status.st_dev, status.st_ino


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; links in a circle are not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def size_of(entry: os.DirEntry[str]) -> int:
    """The bytes of a file; -1 where it cannot be told."""
    try:
        return entry.stat().st_size
    except OSError:
        return -1


def is_hidden(folder: str) -> bool:
    """Whether a folder is not one that its owner made to hold images: .cache, __MACOSX."""
    return folder.startswith(".") or folder in NO_CLASSES


def list_folder(root: Path) -> Listing:
    """All images below ``root``, sorted by code point; folders of the first level are classes.

    Hidden ones are none: what lies there has no label. Without an image in a class there are none.
    """
    search = Search(root)
    found = sorted(search.images(), key=lambda file: file.name)
    names = [file.name for file in found]
    sizes = np.array([file.size for file in found], np.int64)
    unreadable = tuple(sorted(search.unreadable))
    classes = sorted(name for name in search.folders if not is_hidden(name))
    rank = {name: i for i, name in enumerate(classes)}
    tops = [name.split("/", 1)[0] if "/" in name else "" for name in names]
    labels = np.array([rank.get(top, -1) for top in tops], np.int64)
    present = labels >= 0
    if not present.any():
        return Listing(names, sizes, unreadable=unreadable, ignored_files=search.others)
    return Listing(
        names,
        sizes,
        np.maximum(labels, 0),
        present,
        tuple(classes),
        unreadable,
        unclassified={i: top for i, top in enumerate(tops) if top and top not in rank},
        ignored_files=search.others,
    )


def path_of(home: str, name: str) -> str:
    """Where a file of a list is: relative to ``home``, or absolute.

    Caffe puts ``root_folder`` in front of every name, also of one that begins with a slash: if
    there is no such absolute path, it is taken below ``home`` too.
    """
    if name.startswith("/") and not os.path.exists(name):  # noqa: PTH110  (much faster)
        name = name.lstrip("/")
    return os.path.join(home, name)  # noqa: PTH118
