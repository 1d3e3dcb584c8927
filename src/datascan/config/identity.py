"""Identifies a dataset by its paths, as named in files that move along with a repository."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import product
from pathlib import Path

from msgspec import Struct

from datascan.text import escape_surrogates


class DatasetIdentity(Struct, frozen=True):
    """What distinguishes a dataset from others: its paths, and the part of the store.

    ``part`` is a named database of an LMDB, or the selected dataset of HDF5 files; "" without
    a selection.
    """

    paths: tuple[Path, ...]
    part: str = ""

    @property
    def spellings(self) -> frozenset[str]:
        """All spellings of its paths: as given, and with symbolic links resolved."""
        return frozenset(spelling for path in self.paths for spelling in path_spellings(path))


def path_spellings(path: Path) -> frozenset[str]:
    """The absolute path as given, and with all symbolic links resolved."""
    spellings = (os.path.abspath(path), os.path.realpath(path))  # noqa: PTH100  (keeps links)
    return frozenset(map(escape_surrogates, spellings))


def resolve_spellings(name: str, file: Path) -> frozenset[str]:
    """The spellings of ``name``, a path in ``file`` that is relative to the file's folder."""
    folders = {Path(os.path.abspath(file)).parent, Path(os.path.realpath(file)).parent}  # noqa: PTH100  (removes .., keeps links)
    return frozenset(spelling for folder in folders for spelling in path_spellings(folder / name))


def relative_name(file: Path, path: Path) -> str:
    """The name of ``path`` to write to ``file``: relative to its folder, so that both can move.

    Symbolic links below the folder stay in the name, so that they may point elsewhere later. A path
    that shares only the root with the file is written as absolute.
    """
    given = os.path.abspath(path)  # noqa: PTH100  (removes ..)
    placed = os.path.join(os.path.realpath(os.path.dirname(given)), os.path.basename(given))  # noqa: PTH118, PTH119, PTH120  (only the folder is resolved)
    folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120  (removes .., keeps links)
    folders = (folder, os.path.realpath(folder))
    for one, above in product((given, placed, os.path.realpath(given)), folders):
        if Path(one).is_relative_to(above):
            return escape_surrogates(Path(one).relative_to(above).as_posix())
    common = Path(os.path.commonpath((placed, folders[1])))
    if common == Path(common.anchor):
        return escape_surrogates(Path(given).as_posix())
    return escape_surrogates(Path(os.path.relpath(placed, folders[1])).as_posix())


def relative_names(file: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """The names of several paths to write to ``file``."""
    return tuple(relative_name(file, path) for path in paths)
