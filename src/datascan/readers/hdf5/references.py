"""Opening objects of a file without leaving its folder.

HDF5 opens all files that external storage, external links and virtual datasets name, some of them
while a dataset's shape is read. So links are followed here instead of by HDF5, and a dataset is
opened only once all files that it names have been resolved.

Source: HDF5 2.0, H5Fint.c (H5F_prefix_open_file), H5Dint.c (H5D__build_file_prefix).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import count
from math import prod
from pathlib import Path
from typing import Any, Self

import h5py
from msgspec import Struct

from datascan.files import is_special, real_path
from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.open_file import HDF5_ERRORS, load_filters, open_file

MAX_LINKS = 16
"""How many links one path may lead through; the default of HDF5 (H5Pset_nlinks)."""

MAX_NESTING = 8
"""How many levels of nested virtual datasets are followed."""

MAX_NUMBERED = 1 << 16
"""How many numbered sources of a virtual dataset are followed."""

MAX_RECENT = 16
"""How many objects are kept open, because they will probably be asked for again."""

BLOCK_BYTES = 512
"""The unit of ``st_blocks``."""

NUMBERED = re.compile(r"%[%b]")


class ForbiddenFileError(OSError):
    """A file that an object names must not be opened. ``rule`` reports it."""

    rule = "damaged-store"


class OutsideReferenceError(ForbiddenFileError):
    """The file is outside of the folder."""

    rule = "outside-reference"


class SpecialFileError(ForbiddenFileError):
    """The file is a pipe, a device or a socket."""

    rule = "missing-file"


class Scope(Struct, frozen=True):
    """Where files may be: below one of ``folders``, which are resolved; anywhere if ``follows``."""

    folders: tuple[str, ...]
    follows: bool

    @classmethod
    def of(cls, path: Path, *, follows: bool) -> Scope:
        """What ``path`` may refer to: its folder, and that of the file to which it is a link."""
        folders = (os.path.realpath(path.parent), str(real_path(path).parent))
        return cls(tuple(dict.fromkeys(folders)), follows)

    def require(self, path: Path, name: str, *prefixes: str) -> None:
        """Raise :class:`ForbiddenFileError` if ``path``, which is called ``name``, is off limits.

        ``prefixes``: more folders, which the user has set in the environment.
        """
        real = os.path.realpath(path)
        allowed = (*self.folders, *map(os.path.realpath, prefixes))
        if not self.follows and not any(is_below(real, folder) for folder in allowed):
            raise OutsideReferenceError(f"{decode_name(name)}, which is outside of its folder")
        if is_special(Path(real)):
            raise SpecialFileError(f"{decode_name(name)}, which is not a regular file")


def is_below(path: str, folder: str) -> bool:
    """Whether a resolved path is in a resolved folder, or in a folder below it."""
    return os.path.commonpath([path, folder]) == folder


class RootFile:
    """A file that is scanned; use as a context manager.

    Attributes:
        file: the open ``h5py.File``.
        scope: where the files that it names may be.
        refers: whether it was found to name other files, also such that do not exist.
    """

    def __init__(self, path: Path, *, follow_links: bool) -> None:
        self.file = open_file(path)
        self.scope = Scope.of(path, follows=follow_links)
        self.refers = False
        self._inspected: set[tuple[bytes, int, bool]] = set()
        self._nested: list[Any] = []
        self._folders: dict[tuple[int, int], list[Path]] = {}
        self._parent: tuple[bytes, Any] | None = None
        self._recent: dict[bytes, Any] = {}
        self._foreign = b""
        self._folder: tuple[bytes, Path] | None = None
        self._sizes: dict[tuple[int, int], tuple[int, int]] = {}
        self._note_file(path)

    @property
    def available(self) -> int:
        """The bytes on the disk of the file and all files found so far that it names."""
        return sum(stored for stored, _ in self._sizes.values())

    @property
    def size(self) -> int:
        """The length in bytes of the same files, with the holes of sparse files."""
        return sum(size for _, size in self._sizes.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._parent = None
        self._recent.clear()
        self.file.close()

    def open(self, path: bytes) -> Any:
        """Open the group, dataset or type at ``path``, through links.

        Raises:
            ForbiddenFileError: if a file on the way, or one that holds values, must not be opened.
            OSError: or another of ``HDF5_ERRORS``, if it does not exist or is damaged.
        """
        if path in self._recent:
            return self._recent[path]
        # Files that a dataset names are opened with it, and must not stay open.
        self._recent.pop(self._foreign, None)
        folder, _, name = path.rpartition(b"/")
        if self._parent is None or self._parent[0] != folder:
            self._parent = folder, self.open_below(self.file, folder)
        found = self.open_below(self._parent[1], name)
        if len(self._recent) == MAX_RECENT:
            self._recent.clear()
        self._recent[path] = found
        if is_in_other_files(found):
            self._foreign = path
        return found

    def open_below(self, group: Any, path: bytes) -> Any:
        """Open the object at ``path`` in ``group``, through links; raises as :meth:`open`."""
        return self._walk(group, path, count(1))

    def open_member(self, group: Any, name: bytes) -> Any:
        """Open what a hard link of ``group`` leads to; raises as :meth:`open`."""
        if h5py.h5o.get_info(group.id, name).type != h5py.h5o.TYPE_DATASET:
            found = h5py.h5o.open(group.id, name)
            is_group = isinstance(found, h5py.h5g.GroupID)
            return h5py.Group(found) if is_group else h5py.Datatype(found)
        folder = self._folder_of(group)
        dataset = open_with_prefix(group, name, folder)
        if dataset.external and not is_found_in(folder, dataset):
            # HDF5 keeps the prefix of a dataset that is already open, so it must be closed first.
            self._require_external(dataset, folder)
            del dataset
            dataset = open_with_prefix(group, name, None)
            folder = Path()
        self._require(dataset, folder)
        load_filters(dataset)
        return dataset

    def _folder_of(self, group: Any) -> Path:
        """The folder of the file in which a group is."""
        name = h5py.h5f.get_name(group.id)
        if self._folder is None or self._folder[0] != name:
            self._folder = name, Path(os.fsdecode(name)).absolute().parent
        return self._folder[1]

    def find_linked(self, name: str, base: Any, variable: str) -> Path | None:
        """The file that an external link or virtual dataset of the file ``base`` names.

        None if there is no such file. ``variable``: the environment variable with more folders.

        Raises:
            ForbiddenFileError: if it must not be opened.
        """
        self.refers = True
        prefixes = [prefix for prefix in os.environ.get(variable, "").split(":") if prefix]
        first: Path | None = None
        for path in self._candidates(name, base, prefixes):
            if not path.exists() or path.is_dir():
                continue
            self.scope.require(path, name, *prefixes)
            first = first or path
            if can_open(path):
                self._note_file(path)
                return path
        return first

    def _note_file(self, path: Path) -> None:
        """Remember a file, and a folder in which HDF5 may look for what it names.

        A file that is open under two names counts as one: the first name decides.
        """
        found = path.stat()
        key = found.st_dev, found.st_ino
        self._sizes[key] = stored_bytes(found), found.st_size
        folders = self._folders.setdefault(key, [])
        if (folder := path.absolute().parent) not in folders:
            folders.append(folder)

    def _candidates(self, name: str, base: Any, prefixes: list[str]) -> Iterator[Path]:
        """Where HDF5 looks for a file ``name`` that the file ``base`` names, in order."""
        if Path(name).is_absolute():
            yield Path(name)
            name = Path(name).name
        path = Path(base.filename)
        found = path.stat()
        others = self._folders.get((found.st_dev, found.st_ino), [])
        folders = (*map(Path, prefixes), path.absolute().parent)
        for folder in folders:
            yield folder / name
        for folder in others:
            if folder not in folders and (folder / name).exists():
                self.scope.require(folder / name, name, *prefixes)
        yield Path(name)
        yield real_path(path).parent / name

    def _walk(self, group: Any, path: bytes, links: Iterator[int]) -> Any:
        """Open the object at ``path``, step by step; ``links`` counts those that were followed."""
        found = group.file if path.startswith(b"/") else group
        for name in path.split(b"/"):
            if name not in {b"", b"."}:
                found = self._step(found, name, links)
        return found

    def _step(self, group: Any, name: bytes, links: Iterator[int]) -> Any:
        """Open what the link ``name`` of ``group`` leads to."""
        if not isinstance(group, h5py.Group):
            raise KeyError("component is not a group")
        if not group.id.links.exists(name):
            raise KeyError("no such object")
        kind = group.id.links.get_info(name).type
        if kind == h5py.h5l.TYPE_HARD:
            return self.open_member(group, name)
        if next(links) > MAX_LINKS:
            raise KeyError("too many links")
        target = group.id.links.get_val(name)
        if kind == h5py.h5l.TYPE_SOFT:
            return self._walk(group, target, links)
        if kind != h5py.h5l.TYPE_EXTERNAL:
            raise KeyError("a link of unknown type")
        file_name, path = target
        linked = self.find_linked(os.fsdecode(file_name), group.file, "HDF5_EXT_PREFIX")
        if linked is None:
            raise KeyError("no such file")
        return self._walk(open_file(linked), b"/" + path, links)

    def _require(self, dataset: Any, folder: Path) -> None:
        """Raise unless all files that hold values of ``dataset`` may be opened."""
        if not dataset.external and not dataset.is_virtual:
            return
        self.refers = True
        key = (*object_identity(dataset), bool(self._nested))
        if key in self._inspected:
            return
        self._require_external(dataset, folder)
        for virtual in self._nested:
            # HDF5 opens a source as it has opened the virtual dataset.
            self._require_external(dataset, Path(virtual.file.filename).absolute().parent)
            self._require_external(dataset, Path())
        if dataset.is_virtual:
            self._require_virtual(dataset)
        self._inspected.add(key)

    def _require_external(self, dataset: Any, folder: Path) -> None:
        """Raise if external storage, with relative paths in ``folder``, is off limits."""
        places, prefixes = [folder], []
        if os.environ.get("HDF5_EXTFILE_PREFIX"):
            prefix = read_prefix(Path(dataset.file.filename).parent, "HDF5_EXTFILE_PREFIX")
            # HDF5 has read the environment when it was loaded, and may not know of it.
            places, prefixes = [prefix, folder], [str(prefix)]
        for name, _, _ in dataset.external or ():
            for place in places:
                if (place / name).exists():
                    self.scope.require(place / name, name, *prefixes)
                    self._note_file(place / name)

    def _require_virtual(self, dataset: Any) -> None:
        """Open each source once, which raises if one of them, or a source of it, is off limits."""
        outer = {object_identity(virtual) for virtual in self._nested}
        if object_identity(dataset) in outer or len(outer) > MAX_NESTING:
            why = f"itself, or through more than {MAX_NESTING} virtual datasets"
            raise ForbiddenFileError(why)
        names = {(source.file_name, source.dset_name) for source in dataset.virtual_sources()}
        self._nested.append(dataset)
        try:
            for file_name, name in sorted(names):
                self._require_source(dataset, file_name, name)
        finally:
            self._nested.pop()

    def _require_source(self, dataset: Any, file_name: str, name: str) -> None:
        """Raise if a source, or one of its numbered files or datasets, is off limits."""
        is_numbered = "%b" in file_name or "%b" in name
        for number in range(MAX_NUMBERED if is_numbered else 1):
            if not self._open_source(
                dataset, fill_number(file_name, number), fill_number(name, number)
            ):
                return
        if is_numbered:
            raise ForbiddenFileError(f"more than {MAX_NUMBERED:,} files called {file_name}")

    def _open_source(self, dataset: Any, file_name: str, name: str) -> bool:
        """Whether a source can be opened."""
        try:
            self.open_source(dataset, file_name, name)
        except ForbiddenFileError:
            raise
        except HDF5_ERRORS:
            return False
        return True

    def open_source(self, dataset: Any, file_name: str, name: str) -> Any:
        """Open a source of a virtual dataset.

        Raises:
            FileNotFoundError: if there is no such file.
            OSError: or another error, as :meth:`open`.
        """
        if file_name == ".":
            return self.open_below(dataset.file, b"/" + os.fsencode(name))
        path = self.find_linked(file_name, dataset.file, "HDF5_VDS_PREFIX")
        if path is None:
            raise FileNotFoundError("no such file")
        return self.open_below(open_file(path), b"/" + os.fsencode(name))


def is_in_other_files(item: Any) -> bool:
    """Whether an object is a dataset whose values are in other files."""
    return isinstance(item, h5py.Dataset) and (item.is_virtual or bool(item.external))


def stored_bytes(found: os.stat_result) -> int:
    """The size of a file without its holes; all of it if the file system does not know them."""
    blocks = getattr(found, "st_blocks", 0) * BLOCK_BYTES
    return min(found.st_size, blocks) if blocks else found.st_size


def can_open(path: Path) -> bool:
    """Whether HDF5 can open a file, and so does not look for others of its name."""
    try:
        open_file(path).close()
    except HDF5_ERRORS:
        return False
    return True


def fill_number(name: str, number: int) -> str:
    """The name of a numbered source; "%%" means "%"."""
    return NUMBERED.sub(lambda match: "%" if match[0] == "%%" else str(number), name)


def open_with_prefix(group: Any, name: bytes, folder: Path | None) -> Any:
    """Open a dataset; relative paths of external storage start in ``folder``.

    HDF5 itself searches only the working directory, or what the environment says.
    """
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    if folder is not None:
        access.set_efile_prefix(os.fsencode(folder))
    return h5py.Dataset(h5py.h5d.open(group.id, name, access))


def is_found_in(folder: Path, dataset: Any) -> bool:
    """Whether external files are searched for in ``folder``, not in the working directory."""
    if read_prefix(folder, "HDF5_EXTFILE_PREFIX") != Path():
        return True
    return all(
        (folder / raw).is_file() or not Path(raw).is_file() for raw, _, _ in dataset.external
    )


def read_prefix(folder: Path, variable: str) -> Path:
    """The folder in an environment variable of HDF5; the working directory if it is not set."""
    return Path(os.environ.get(variable, "").replace("${ORIGIN}", str(folder)))


def object_identity(item: Any) -> tuple[bytes, int]:
    """What identifies an object, regardless of its path: its file, and its address there."""
    return h5py.h5f.get_name(item.id), h5py.h5o.get_info(item.id).addr


def member_identity(group: Any, name: bytes) -> tuple[bytes, int]:
    """The :func:`object_identity` of what a hard link leads to, without opening it."""
    return h5py.h5f.get_name(group.id), h5py.h5o.get_info(group.id, name).addr


def label_width(path: Path, name: str | None) -> int:
    """The number of values per row of the dataset ``name``; 1 if it is unknown."""
    try:
        with RootFile(path, follow_links=False) as root:
            dataset = root.open(os.fsencode(name)) if name else None
            shape = dataset.shape if isinstance(dataset, h5py.Dataset) else None
    except HDF5_ERRORS:
        return 1
    return prod(shape[1:]) if shape else 1
