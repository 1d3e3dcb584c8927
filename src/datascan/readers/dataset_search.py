"""Datasets below a folder: stores, HDF5 files and folders of images, in a bounded search.

Hidden folders and links to folders are not entered. A folder of images is the highest one that has
images itself, or that has at least two folders with images which look like classes or splits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from msgspec import Struct, field

from datascan.decoders.image.header import format_from_name
from datascan.files import real_path
from datascan.readers.hdf5.files import EXTENSIONS, may_be_hdf5
from datascan.readers.image_folder.levels import is_hidden, is_split_or_kind
from datascan.readers.image_folder.listing import ANNOTATIONS, DATA_EXTENSIONS, PAPERS
from datascan.readers.leveldb.files import is_leveldb
from datascan.readers.lmdb.pages import has_magic

MAX_ENTRIES = 200_000
"""The most files and folders that are listed, in all folders together."""

MAX_IN_FOLDER = 5_000
"""The most entries of one folder: in a folder of more files, those are alike."""

ENOUGH_IMAGES = 100
"""A folder whose first entries, up to this number, are all images is a folder of images."""

TOO_MANY = "the rest, because there are too many files"

MAX_DEPTH = 8
MAX_DATASETS = 1_000
STORE, LOCK = "data.mdb", "lock.mdb"
LEVELDB_FILES = (".ldb", ".sst")
LOG_EXTENSION, NET_EXTENSION = ".log", ".prototxt"
TOOLS = frozenset(("node_modules", "__pycache__", "site-packages"))
"""Folders of tools, whose pictures are not datasets."""

MAX_HINTS = 20


class FoundDataset(Struct, frozen=True):
    """A dataset and the name of its reader."""

    path: Path
    reader: str


class FoundDatasets(Struct):
    """What is below a folder, sorted by path.

    ``nets`` and ``logs``: files with the extensions of nets and logs, the first 20. ``links``:
    links to folders elsewhere, which were not followed. ``cut_off``: why the search ended early.
    """

    datasets: list[FoundDataset] = []
    nets: list[Path] = []
    logs: list[Path] = []
    links: list[Path] = []
    cut_off: str = ""

    @property
    def stores(self) -> list[FoundDataset]:
        """The datasets that are not folders of images."""
        return [one for one in self.datasets if one.reader != "images"]


class Folder(Struct):
    """A folder that was listed. ``others``: files that no dataset of images has, such as code."""

    path: Path
    images: int = 0
    files: int = 0
    others: int = 0
    has_store: bool = False
    folders: list[Folder] = []

    @property
    def has_images(self) -> bool:
        """Whether it holds images rather than other files; the logo of a project does not count."""
        return self.images == self.files > 0 or self.images >= max(3, self.files / 2)

    @property
    def any_images(self) -> bool:
        """Whether it, or a folder below it, holds images."""
        return self.has_images or any(one.any_images for one in self.folders)

    @property
    def any_store(self) -> bool:
        """Whether it, or a folder below it, holds a dataset of another kind."""
        return self.has_store or any(one.any_store for one in self.folders)


def find_datasets(root: Path, max_entries: int = MAX_ENTRIES) -> FoundDatasets:
    """The datasets below ``root``, or ``root`` itself if it is a folder of images."""
    search = Search(real_path(root), max_entries)
    top = search.run(root)
    found = search.found
    found.datasets += [FoundDataset(one.path, "images") for one in image_folders(top)]
    found.datasets.sort(key=lambda one: one.path.as_posix())
    if len(found.datasets) > MAX_DATASETS:
        found.cut_off = f"only the first {MAX_DATASETS:,} of {len(found.datasets):,} datasets"
        del found.datasets[MAX_DATASETS:]
    return found


class Search(Struct):
    """A search for datasets; ``left``: how many more entries it may list."""

    home: Path
    left: int
    found: FoundDatasets = field(default_factory=FoundDatasets)

    def run(self, root: Path) -> Folder:
        """List ``root`` and the folders below it, the upper ones first.

        So a large dataset does not use up the search of the others.
        """
        top = Folder(root)
        level = [top]
        for depth in range(MAX_DEPTH + 1):
            for folder in level:
                if self.left <= 0:
                    self._cut(TOO_MANY)
                    return top
                self._list(folder)
            # In turn, so that one folder of many folders does not use it up, either.
            turns = zip_longest(*(folder.folders for folder in level))
            level = [one for turn in turns for one in turn if one is not None]
            if depth == MAX_DEPTH and level:
                self._cut(f"folders more than {MAX_DEPTH} levels down")
        return top

    def _list(self, folder: Folder) -> None:
        """List one folder; its stores are added to ``found``."""
        below: list[str] = []
        names: list[str] = []
        for entry in self._scan(folder.path):
            if is_hidden(entry.name) or entry.name in TOOLS:
                continue
            if entry.is_symlink():
                self._note_link(entry)
            elif entry.is_dir():
                below.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                names.append(entry.name)
        if self._add_store(folder.path, names):
            folder.has_store = True
            return
        for name in sorted(names):
            self._add_file(folder, name)
        if "pyvenv.cfg" not in names:
            folder.folders = [Folder(folder.path / name) for name in sorted(below)]

    def _scan(self, path: Path) -> Iterator[os.DirEntry[str]]:
        count, only_images = 0, True
        with suppress(OSError), os.scandir(path) as entries:
            for entry in entries:
                if self.left <= 0:
                    self._cut(TOO_MANY)
                    return
                count += 1
                if only_images and count > ENOUGH_IMAGES:
                    return
                if count > MAX_IN_FOLDER:
                    self._cut(f"all but {MAX_IN_FOLDER:,} files of the largest folders")
                    return
                self.left -= 1
                only_images = only_images and format_from_name(entry.name) is not None
                yield entry

    def _cut(self, what: str) -> None:
        if not self.found.cut_off or what == TOO_MANY:
            self.found.cut_off = f"not searched: {what}"

    def _note_link(self, entry: os.DirEntry[str]) -> None:
        """Remember a link out of the folder to a folder or file; others lead to what is found."""
        path = Path(entry.path)
        is_outside = not real_path(path).is_relative_to(self.home)
        with suppress(OSError):
            if is_outside and entry.is_dir() and len(self.found.links) < MAX_HINTS:
                self.found.links.append(path)

    def _add_store(self, path: Path, names: list[str]) -> bool:
        """Add the folder if it is an LMDB or a LevelDB; returns whether it is."""
        reader = None
        if STORE in names:
            reader = "lmdb"
        elif ("CURRENT" in names or any(map(is_table, names))) and is_leveldb(path):
            reader = "leveldb"
        if reader is not None:
            self.found.datasets.append(FoundDataset(path, reader))
        return reader is not None

    def _add_file(self, folder: Folder, name: str) -> None:
        path, extension = folder.path / name, os.path.splitext(name)[1].lower()  # noqa: PTH122  (much faster)
        folder.files += 1
        reader = None
        if format_from_name(name) is not None:
            folder.images += 1
        elif extension in EXTENSIONS and may_be_hdf5(path):  # damaged and empty files, too
            reader = "hdf5"
        elif extension == ".mdb" and name != LOCK and has_magic(path):
            reader = "lmdb"
        elif extension == NET_EXTENSION:
            self.found.nets += [path][: MAX_HINTS - len(self.found.nets)]
        elif extension == LOG_EXTENSION:
            self.found.logs += [path][: MAX_HINTS - len(self.found.logs)]
        elif DATA_EXTENSIONS.get(extension) != ANNOTATIONS:
            folder.others += not name.lower().startswith(PAPERS)
        if reader is not None:
            folder.has_store = True
            self.found.datasets.append(FoundDataset(path, reader))


def image_folders(folder: Folder) -> Iterator[Folder]:
    """The folders of images at or below a folder."""
    below = [one for one in folder.folders if one.any_images]
    if folder.has_images:  # the reader of images also takes those below
        yield folder
        return
    are_parts = all(one.has_images or is_split_or_kind(one.path.name) for one in below)
    has_store_below = any(one.any_store for one in folder.folders)
    if len(below) >= 2 and are_parts and not folder.others and not has_store_below:
        yield folder
        return
    for one in below:
        yield from image_folders(one)


def is_table(name: str) -> bool:
    """Whether a file may be a table or the manifest of a LevelDB."""
    return name.lower().endswith(LEVELDB_FILES) or name.startswith("MANIFEST-")
