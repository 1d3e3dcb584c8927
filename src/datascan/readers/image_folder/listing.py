"""The images below a folder, and their classes."""

from __future__ import annotations

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from datascan.decoders.image.header import format_from_name
from datascan.errors import DatasetError
from datascan.readers.image_folder.exclusion import Exclusion
from datascan.readers.image_folder.levels import find_levels, is_hidden
from datascan.records.block import Uninspected
from datascan.records.part import MISSING, FileState, state_of
from datascan.records.shard import PartialDownload

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

PARTIAL_EXTENSIONS = (".part", ".crdownload", ".aria2", ".download")
"""Extensions of downloads that have not finished: Firefox, wget and curl; Chrome; aria2; Safari."""

PAPERS = ("readme", "license", "licence", "copying", "citation", "requirements", "changelog")
"""How the names of files that only people read begin."""

MAX_ALIASES = 16
"""How many top-level folders may be links to the same folder."""

FILES_PER_REPORT = 256
"""How often a search says how many files it has found."""


class Listing(Struct, frozen=True, eq=False):
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
    bad_labels: dict[int, str] = {}
    """By record: labels that are not numbers although most are; these are not ``present``."""
    unclassified: dict[int, str] = {}
    """By record: its top-level folder, if that is not a class."""
    ignored_files: int = 0
    """Files without an image's extension."""
    excluded: tuple[int, int] = (0, 0)
    """How many files and folders were left out on request."""
    uninspected: tuple[Uninspected, ...] = ()
    """Those of them that look like data or annotations, by extension."""
    expected: NDArray[np.bool_] | None = None
    """Which records should have a label, bool (n,): not those of a split without classes."""
    class_level: str = ""
    """Which level of folders was taken for the classes, in words."""
    note: str = ""
    """How the names in the list were completed, in words."""
    lost: tuple[str, int] | None = None
    """Why no record of the list can be read, and how many it has."""
    partial: tuple[PartialDownload, ...] = ()
    """Downloads that did not finish."""
    states: NDArray[np.int64] | None = None
    """The state of each file, int64 (n, 4), see ``FileState``; None for a list."""


class ImageFile(Struct, frozen=True):
    """An image file: its name relative to the folder, and its state."""

    name: str
    state: FileState


FolderIdentity = tuple[int, int]
"""Device and inode of a folder."""


class ImageSearch(Struct):
    """Searches a folder for images. It follows links, but enters no folder twice.

    It does not follow links to a folder that contains ``root``, such as the root of the system.

    It stops after ``max_entries`` entries, if given. It collects the names of ``folders``, of
    ``unreadable`` ones, with the reason, and of ``partial`` downloads, and counts
    ``ignored_files``: those without an image's extension. ``other_data`` counts those of them that
    look like data, by extension ("" for the others). ``on_found`` is called now and then with the
    number of files found so far.
    """

    root: Path
    max_entries: int | None = None
    folders: list[str] = []
    unreadable: list[tuple[str, str]] = []
    ignored_files: int = 0
    other_data: Counter[str] = field(default_factory=Counter)
    partial: list[str] = []
    on_found: Callable[[int], None] | None = None
    exclusion: Exclusion = field(default_factory=Exclusion)

    def find(self) -> Iterator[ImageFile]:
        """Files with an image's extension, at any depth, in no particular order."""
        # A queue, because folders may be nested deeper than Python can recurse.
        root = get_identity(self.root.stat())
        entered = Counter({root: MAX_ALIASES})
        above = frozenset(map(get_identity, find_ancestors(self.root)))
        pending = deque([""])
        count = 0
        while pending:
            prefix = pending.pop()
            folders = []
            for entry in self._scan(prefix):
                if is_folder(entry):
                    folders.append(entry)
                    continue
                count += 1
                if self.on_found is not None and count % FILES_PER_REPORT == 0:
                    self.on_found(count)
                if self.exclusion.drops(prefix + entry.name):
                    continue
                if format_from_name(entry.name) is not None:
                    yield ImageFile(prefix + entry.name, get_state(entry))
                else:
                    self.ignored_files += 1
                    if entry.name.lower().endswith(PARTIAL_EXTENSIONS):
                        self.partial.append(prefix + entry.name)
                    self.other_data[data_extension(prefix, entry.name)] += 1
            # Folders before links to them, so that the result does not depend on the file system.
            for entry in sorted(folders, key=lambda one: (one.is_symlink(), one.name)):
                if self._enter(entry, prefix + entry.name, entered, above):
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

    def _enter(
        self,
        entry: os.DirEntry[str],
        name: str,
        entered: Counter[FolderIdentity],
        above: frozenset[FolderIdentity],
    ) -> bool:
        """Whether to enter a folder: not if that was done before, or it cannot be read.

        A few top-level folders may be the same one, because each of them is a class.
        """
        if self.exclusion.drops(name, folder=True):
            return False
        try:
            identity = get_identity(entry.stat())
        except OSError as error:
            self.unreadable.append((name, error.strerror or str(error)))
            return False
        if identity in above:
            self.unreadable.append(
                (name, "a link to a folder that contains the dataset; remove it")
            )
            return False
        is_top = "/" not in name
        if entered[identity] >= (MAX_ALIASES if is_top else 1):
            return False
        entered[identity] += 1
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


def find_ancestors(folder: Path) -> Iterator[os.stat_result]:
    """The folders that contain a folder, as far as they may be looked up."""
    for parent in Path(os.path.realpath(folder)).parents:
        with suppress(OSError):
            yield parent.stat()


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; links to themselves are not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def get_state(entry: os.DirEntry[str]) -> FileState:
    """The state of a file; ``MISSING`` if it cannot be looked up."""
    try:
        return state_of(entry.stat())
    except OSError:
        return MISSING


def list_folder(
    root: Path,
    on_found: Callable[[int], None] | None = None,
    exclude: Sequence[str] = (),
) -> Listing:
    """List all images below ``root``, sorted by code point, with the classes of ``find_levels``.

    Images in hidden folders have no label. If no image is in a class, there are no labels.
    ``on_found`` is called now and then with the number of files found so far. ``exclude`` are
    patterns of files that are left out.

    Raises:
        DatasetError: if ``root`` cannot be read.
    """
    exclusion = Exclusion.of(exclude)
    search = ImageSearch(root, on_found=on_found, exclusion=exclusion)
    files = sorted(search.find(), key=lambda file: file.name)
    names = [file.name for file in files]
    states = np.array([file.state for file in files], np.int64).reshape(len(files), len(MISSING))
    listing = Listing(
        names,
        states[:, 1].copy(),
        unreadable=tuple(sorted(search.unreadable)),
        ignored_files=search.ignored_files,
        excluded=(exclusion.files, exclusion.folders),
        uninspected=describe_other_data(search.other_data),
        partial=find_partial(search.partial, root),
        states=states,
    )
    folders = [name[: name.rfind("/") + 1] for name in names]
    by_folder: defaultdict[str, list[str]] = defaultdict(list)
    for folder, name in zip(folders, names, strict=True):
        if not any(map(is_hidden, folder.split("/"))):
            by_folder[folder].append(name[len(folder) :])
    levels = find_levels([f"{name}/" for name in search.folders], by_folder)
    listing = replace(listing, class_level=levels.text)
    classes = {folder: levels.class_of(folder) for folder in set(folders)}
    numbers = {name: i for i, name in enumerate(levels.classes)}
    found = [classes[folder] for folder in folders]
    labels = np.array([numbers.get(name or "", -1) for name in found], np.int64)
    present = labels >= 0
    if not present.any():
        return listing
    return replace(
        listing,
        labels=np.maximum(labels, 0),
        present=present,
        expected=np.array([name is not None for name in found]),
        class_names=levels.classes,
        unclassified={i: name for i, name in enumerate(found) if name and name not in numbers},
    )


def find_partial(names: Sequence[str], root: Path) -> tuple[PartialDownload, ...]:
    """The unfinished downloads among the files, and whether the finished file exists, too."""
    home = os.fspath(root)
    return tuple(
        PartialDownload(name, os.path.exists(os.path.join(home, os.path.splitext(name)[0])))  # noqa: PTH110, PTH118, PTH122  (much faster)
        for name in sorted(names)
    )


def resolve_path(home: str, name: str) -> str:
    """The path of a listed file: relative to ``home``, or absolute.

    Caffe prepends ``root_folder`` even to names that start with a slash. Such a name is therefore
    looked up below ``home`` if the absolute path does not exist.
    """
    if name.startswith("/") and not os.path.exists(name):  # noqa: PTH110  (much faster)
        name = name.lstrip("/")
    return os.path.join(home, name)  # noqa: PTH118  (much faster)
