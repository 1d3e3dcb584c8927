"""The images below a folder, and their classes."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError
from datascan.records.block import Uninspected

ARCHIVE_FOLDERS = ("__MACOSX",)
"""Folders that archives contain besides their files. They are not classes."""


DATA, ANNOTATIONS = "data", "annotations"
DATA_EXTENSIONS = dict.fromkeys(
    (
        *(".npy", ".npz", ".h5", ".hdf5", ".mat", ".pt", ".pth", ".pkl", ".pickle", ".safetensors"),
        *(".tar", ".tgz", ".gz", ".zip", ".tfrecord", ".tfrecords", ".parquet", ".arrow", ".mdb"),
        *(".dcm", ".nii", ".nrrd", ".mha", ".exr", ".wav", ".flac", ".mp3", ".mp4", ".avi", ".mov"),
    ),
    DATA,
) | dict.fromkeys((".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml"), ANNOTATIONS)
"""Extensions of files that training may read along with the images, and what they hold."""

PAPERS = ("readme", "license", "licence", "copying", "citation", "requirements", "changelog")
"""How the names of files that only people read begin."""

MAX_ALIASES = 16
"""How many top-level folders may be links to the same folder."""


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a dataset, in order.

    ``names``: POSIX paths relative to the folder, or as written in the list. ``sizes``: int64
    (n,), in bytes, -1 if unknown. ``labels``: int64 or float64 (n,), with ``present``, bool (n,);
    both are None for a dataset without labels.
    """

    names: list[str]
    sizes: NDArray[np.int64]
    labels: NDArray[Any] | None = None
    present: NDArray[np.bool_] | None = None
    class_names: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    """Subfolders that could not be read, and why."""
    bad_labels: dict[int, str] = field(default_factory=dict)
    """By record: labels that are not numbers although most are; these are not ``present``."""
    unclassified: dict[int, str] = field(default_factory=dict)
    """By record: its top-level folder, if that is not a class."""
    ignored_files: int = 0
    """Files without an image's extension."""
    uninspected: tuple[Uninspected, ...] = ()
    """Those of them that look like data or annotations, by extension."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file: its name relative to the folder, and its size in bytes (-1 if unknown)."""

    name: str
    size: int


FolderIdentity = tuple[int, int]
"""Device and inode of a folder."""


@dataclass(slots=True)
class ImageSearch:
    """Searches a folder for images. It follows links, but enters no folder twice.

    It stops after ``max_entries`` entries, if given. It collects the names of top-level
    ``folders`` and of ``unreadable`` ones, with the reason, and counts ``ignored_files``: those
    without an image's extension. ``other_data`` counts those of them that look like data, by
    extension ("" for the others).
    """

    root: Path
    max_entries: int | None = None
    folders: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    ignored_files: int = 0
    other_data: Counter[str] = field(default_factory=Counter)

    def find(self) -> Iterator[ImageFile]:
        """Files with an image's extension, at any depth, in no particular order."""
        # A queue, because folders may be nested deeper than Python can recurse.
        root = get_identity(self.root.stat())
        entered = Counter({root: MAX_ALIASES})
        pending = deque([""])
        while pending:
            prefix = pending.pop()
            folders = []
            for entry in self._scan(prefix):
                if is_folder(entry):
                    folders.append(entry)
                elif format_from_name(entry.name) is not None:
                    yield ImageFile(prefix + entry.name, get_size(entry))
                else:
                    self.ignored_files += 1
                    self.other_data[data_extension(prefix, entry.name)] += 1
            # Folders before links to them, so that the result does not depend on the file system.
            for entry in sorted(folders, key=lambda one: (one.is_symlink(), one.name)):
                if self._enter(entry, prefix + entry.name, entered):
                    # Hidden folders come last, so that they do not use up ``max_entries``.
                    add = pending.appendleft if is_hidden(entry.name) else pending.append
                    add(prefix + entry.name + "/")

    def _scan(self, prefix: str) -> Iterator[os.DirEntry[str]]:
        """The entries of a folder."""
        try:
            with os.scandir(self.root / prefix if prefix else self.root) as entries:
                for entry in entries:
                    if self.max_entries is not None:
                        self.max_entries -= 1
                        if self.max_entries < 0:
                            return
                    yield entry
        except OSError as error:
            why = error.strerror or str(error)
            if not prefix:
                raise DatasetError(f"cannot read {self.root}: {why}") from error
            self.unreadable.append((prefix.rstrip("/"), why))

    def _enter(self, entry: os.DirEntry[str], name: str, entered: Counter[FolderIdentity]) -> bool:
        """Whether to enter a folder: not if that was done before, or it cannot be read.

        A few top-level folders may be the same one, because each of them is a class.
        """
        try:
            identity = get_identity(entry.stat())
        except OSError as error:
            self.unreadable.append((name, error.strerror or str(error)))
            return False
        is_top = "/" not in name
        if entered[identity] >= (MAX_ALIASES if is_top else 1):
            return False
        entered[identity] += 1
        if is_top:
            self.folders.append(name)
        return True


def data_extension(folder: str, name: str) -> str:
    """The extension of a file that looks like data or annotations; "" for any other."""
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122  (much faster)
    is_hidden_file = name.startswith(".") or any(map(is_hidden, folder.split("/")))
    if extension not in DATA_EXTENSIONS or is_hidden_file or name.lower().startswith(PAPERS):
        return ""
    return extension


def describe_other_data(found: Counter[str]) -> tuple[Uninspected, ...]:
    """The files that look like data or annotations, by extension."""
    return tuple(
        Uninspected("file", extension, DATA_EXTENSIONS[extension], count)
        for extension, count in sorted(found.items())
        if extension
    )


def get_identity(status: os.stat_result) -> FolderIdentity:
    """What identifies a folder, regardless of the path by which it is reached."""
    return status.st_dev, status.st_ino


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; links to themselves are not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def get_size(entry: os.DirEntry[str]) -> int:
    """The size of a file in bytes; -1 if it is unknown."""
    try:
        return entry.stat().st_size
    except OSError:
        return -1


def is_hidden(folder: str) -> bool:
    """Whether a folder was created by a tool rather than by the user: .cache, __MACOSX."""
    return folder.startswith(".") or folder in ARCHIVE_FOLDERS


def list_folder(root: Path) -> Listing:
    """List all images below ``root``, sorted by code point. Top-level folders are classes.

    Images in hidden folders have no label. If no image is in a class, there are no labels.

    Raises:
        DatasetError: if ``root`` cannot be read.
    """
    search = ImageSearch(root)
    files = sorted(search.find(), key=lambda file: file.name)
    names = [file.name for file in files]
    sizes = np.array([file.size for file in files], np.int64)
    unreadable = tuple(sorted(search.unreadable))
    classes = sorted(name for name in search.folders if not is_hidden(name))
    numbers = {name: i for i, name in enumerate(classes)}
    tops = [name.split("/", 1)[0] if "/" in name else "" for name in names]
    labels = np.array([numbers.get(top, -1) for top in tops], np.int64)
    present = labels >= 0
    if not present.any():
        return Listing(
            names,
            sizes,
            unreadable=unreadable,
            ignored_files=search.ignored_files,
            uninspected=describe_other_data(search.other_data),
        )
    return Listing(
        names,
        sizes,
        np.maximum(labels, 0),
        present,
        tuple(classes),
        unreadable,
        unclassified={i: top for i, top in enumerate(tops) if top and top not in numbers},
        ignored_files=search.ignored_files,
        uninspected=describe_other_data(search.other_data),
    )


def resolve_path(home: str, name: str) -> str:
    """The path of a listed file: relative to ``home``, or absolute.

    Caffe prepends ``root_folder`` even to names that start with a slash. Such a name is therefore
    looked up below ``home`` if the absolute path does not exist.
    """
    if name.startswith("/") and not os.path.exists(name):  # noqa: PTH110  (much faster)
        name = name.lstrip("/")
    return os.path.join(home, name)  # noqa: PTH118
