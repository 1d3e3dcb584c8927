"""Finds the net that a solver names, also if Caffe was started from another folder.

Source: Caffe, tools/caffe.cpp: paths are relative to the working directory, which is usually the
root of a checkout with the solver some folders below.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from datascan.caffe.net.sources import exists, locate


class FoundNet(Struct, frozen=True):
    """A net that exists at ``path``, and its name in the solver.

    ``root`` is the folder above the solver from which the name leads there, if it is none of those
    in which files are searched. ``is_elsewhere`` says whether it was found in another way than
    Caffe finds it.
    """

    given: str
    path: Path
    root: Path | None = None
    is_elsewhere: bool = False


class UnfoundNet(Struct, frozen=True):
    """A net that does not exist: its name in the solver ("" for none), and what was tried."""

    given: str
    tried: tuple[Path, ...]


def search_net(given: str, places: Sequence[Path], solver: Path) -> FoundNet | UnfoundNet:
    """Search a net in ``places``, then in the folders above ``solver``, then next to it."""
    path, tried = locate(given, places)
    if path is not None:
        return FoundNet(given, path)
    # A bare name would be found by chance.
    above = solver.absolute().parent.parents if len(Path(given).parts) > 1 else ()
    for folder in above:
        if exists(folder / given) and (folder / given).is_file():
            return FoundNet(given, folder / given, folder, is_elsewhere=True)
    # Paths may come from Windows.
    near = solver.parent / PurePosixPath(given.replace("\\", "/")).name
    if exists(near) and near.is_file() and near != solver:
        return FoundNet(given, near, is_elsewhere=True)
    return UnfoundNet(given, tried)
