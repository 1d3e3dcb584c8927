"""Everything that a command reads, known by device and inode, so that no other name hides it."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from datascan.cli.guard.identity import Identity, key, state


class Inputs(Struct, frozen=True, dict=True):
    """The paths that a command reads: datasets, lists, nets, logs, configurations and so on.

    A folder includes everything in it.
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

    def refer_to(self, target: Path, found: os.stat_result, *, thorough: bool = False) -> bool:
        """Whether an existing file is read by another name: a link in a folder, or in a list.

        This searches folders and lists, so it takes time. ``thorough``: any mention of its name
        counts, also in HDF5 files, which are read from beginning to end.
        """
        from datascan.cli.guard.references import Search

        return Search(target, found).finds(self.paths, thorough=thorough)
