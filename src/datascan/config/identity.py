"""Which dataset is meant: its paths, as files that move with a repository name them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from datascan.text import escape_surrogates


@dataclass(frozen=True, slots=True)
class DatasetIdentity:
    """What tells a dataset from others: where it lies, and which part of the store it is.

    ``part`` is a named database of an LMDB, or the dataset in HDF5 files that was asked for; ""
    where none was.
    """

    paths: tuple[Path, ...]
    part: str = ""

    @property
    def ways(self) -> frozenset[str]:
        """Everything that its paths may be called: as given, and without symbolic links."""
        return frozenset(way for path in self.paths for way in path_spellings(path))


def path_spellings(path: Path) -> frozenset[str]:
    """A path as it is called, and as it is behind all symbolic links; both absolute."""
    spellings = (os.path.abspath(path), os.path.realpath(path))  # noqa: PTH100  (keeps links)
    return frozenset(map(escape_surrogates, spellings))


def resolve_spellings(name: str, file: Path) -> frozenset[str]:
    """What ``name``, which stands in ``file``, may mean: it is relative to the file's folder."""
    folders = {Path(os.path.abspath(file)).parent, Path(os.path.realpath(file)).parent}  # noqa: PTH100
    return frozenset(way for folder in folders for way in path_spellings(folder / name))


def relative_name(file: Path, path: Path) -> str:
    """A name of ``path`` to stand in ``file``: relative to its folder where they may move together.

    Symbolic links below the folder stay in the name, so that they may point elsewhere later. What
    has no more than the root in common with the file is named absolutely.
    """
    given = os.path.abspath(path)  # noqa: PTH100  (takes .. away)
    placed = os.path.join(os.path.realpath(os.path.dirname(given)), os.path.basename(given))  # noqa: PTH118, PTH119, PTH120
    folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120
    folders = (folder, os.path.realpath(folder))
    for one, above in product((given, placed, os.path.realpath(given)), folders):
        if Path(one).is_relative_to(above):
            return escape_surrogates(Path(one).relative_to(above).as_posix())
    common = Path(os.path.commonpath((placed, folders[1])))
    if common == Path(common.anchor):
        return escape_surrogates(Path(given).as_posix())
    return escape_surrogates(Path(os.path.relpath(placed, folders[1])).as_posix())


def relative_names(file: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Names of several paths to stand in ``file``."""
    return tuple(relative_name(file, path) for path in paths)
