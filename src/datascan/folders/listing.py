"""Finding the images below a folder, and reading lists of them."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.errors import DatasetError
from datascan.folders.words import labels_of
from datascan.pictures.signature import promised

SKIPPED = ("__MACOSX",)
LINE_END = re.compile(r"\r\n|\n|\r")


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
    odd: dict[int, str] = field(default_factory=dict)
    """Labels that are no numbers where others are, by record; these are not ``present``."""


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
    level, and those that cannot be read, with the reason.
    """

    root: Path
    most: int | None = None
    folders: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    def images(self) -> Iterator[Found]:
        """Files with an image's extension, at any depth, in no order."""
        # A list of what is still to be entered: folders may lie deeper than Python may recurse.
        own = identity_of(self.root.stat())
        waiting: list[tuple[str, tuple[Identity, ...]]] = [("", (own,))]
        while waiting:
            prefix, above = waiting.pop()
            for entry in self._entries(prefix):
                name = prefix + entry.name
                if is_folder(entry):
                    entered = self._entered(entry, name, above)
                    waiting += [(name + "/", entered)] if entered else []
                elif promised(entry.name) is not None:
                    yield Found(name, size_of(entry))

    def _entries(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        """What a folder holds, but for hidden things."""
        try:
            with os.scandir(self.root / prefix if prefix else self.root) as entries:
                for entry in entries:
                    if self.most is not None:
                        self.most -= 1
                        if self.most < 0:
                            return
                    if not entry.name.startswith(".") and entry.name not in SKIPPED:
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


def list_folder(root: Path) -> Listing:
    """All images below ``root``, sorted by code point; sub-folders that hold any are classes."""
    search = Search(root)
    found = sorted(search.images(), key=lambda file: file.name)
    names = [file.name for file in found]
    sizes = np.array([file.size for file in found], np.int64)
    unreadable = tuple(sorted(search.unreadable))
    if all("/" not in name for name in names):
        return Listing(names, sizes, unreadable=unreadable)
    classes = sorted(search.folders)
    rank = {name: i for i, name in enumerate(classes)}
    own = [rank.get(name.split("/", 1)[0], -1) if "/" in name else -1 for name in names]
    labels = np.array(own, np.int64)
    present = labels >= 0
    return Listing(names, sizes, np.maximum(labels, 0), present, tuple(classes), unreadable)


def read_list(file: Path, root: Path) -> Listing:
    """A list of images: lines of ``path label``, or a CSV with columns ``path`` and ``label``.

    Raises:
        DatasetError: where it cannot be read, or names nothing.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise DatasetError(f"cannot read the list {file}: {error.strerror}") from error
    if "\0" in text:
        raise DatasetError(f"{file} is no list of images: it is a binary file")
    try:
        rows = csv_rows(text) if is_csv(text) else line_rows(text)
    except csv.Error as error:
        raise DatasetError(
            f"cannot read the list {file} as CSV: {error}; look for a quote that is never closed"
        ) from error
    if not rows:
        raise DatasetError(f"the list {file} names no images")
    names = [name for name, _ in rows]
    words = [word for _, word in rows]
    sizes = np.array([file_size(root / name) for name in names], np.int64)
    labels = labels_of(words)
    return Listing(names, sizes, labels.values, labels.present, labels.names, odd=labels.odd)


def is_csv(text: str) -> bool:
    """Whether the first line is a header with ``path``, and a comma."""
    first = text.lstrip().split("\n", 1)[0]
    return "path" in [cell.strip().strip('"').lower() for cell in first.split(",")]


def csv_rows(text: str) -> list[tuple[str, str]]:
    """Path and label of every row of a CSV; a missing label is empty."""
    reader = csv.reader(io.StringIO(text.lstrip(), newline=""))
    header = [cell.strip().lower() for cell in next(reader)]
    path = header.index("path")
    label = header.index("label") if "label" in header else -1
    found = []
    for row in reader:
        if len(row) > path and row[path].strip():
            word = row[label].strip() if 0 <= label < len(row) else ""
            found.append((row[path].strip(), word))
    return found


def line_rows(text: str) -> list[tuple[str, str]]:
    """Path and label of every line: the label is the last word, if there are several words.

    A last word that ends in an image's extension is part of the path.
    """
    found = []
    # Not str.splitlines, which also breaks names at characters that are no line ends in a file.
    for line in LINE_END.split(text):
        words = line.strip().rsplit(None, 1)
        if len(words) == 2 and promised(words[1]) is None:
            found.append((words[0], words[1]))
        elif words:
            found.append((line.strip(), ""))
    return found


def file_size(path: Path) -> int:
    """The bytes of a file; -1 where it cannot be told."""
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return -1
