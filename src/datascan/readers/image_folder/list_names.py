"""Names in a list that are not those of files: without extension, or relative to a sub-folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from datascan.readers.image_folder.listing import ImageSearch

MAX_FOLDERS = 64
"""Names are tried in up to 64 sub-folders, those with the most images first."""

SAMPLED = 1_000
"""About how many names are tried in all ways, before all are tried in the best one."""

MAX_NAME_LENGTH = 4096
"""No path is longer on Linux. To try longer names in all ways would take minutes."""

MAX_ENTRIES = 4_000_000
"""How many entries of the folder are compared with the names."""


class Completion(Struct, frozen=True):
    """What must be added to the names of a list so that they name files.

    ``folder`` has a slash at its end. ``found`` is how many of the names then exist.
    """

    folder: str = ""
    extension: str = ""
    found: int = 0

    def apply(self, name: str) -> str:
        """The name of the file."""
        return self.folder + name.lstrip("/") + self.extension

    def describe(self, count: int) -> str:
        """Why the names do not exist, and how many of ``count`` would, in words."""
        exist = f"{self.found:,} of {count:,} exist"
        folder = self.folder.rstrip("/")
        if self.extension and self.folder:
            return (
                f"names lack their folder and extension; in {folder}, "
                f"with {self.extension}, {exist}"
            )
        if self.extension:
            return f"names lack their extension; with {self.extension}, {exist}"
        return f"names lack their folder; in {folder}, {exist}"


class KnownFiles(Struct):
    """The images below a folder, listed when a list names files that do not exist."""

    root: Path
    sizes: dict[str, int] = {}
    folders: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()

    @classmethod
    def of(cls, root: Path) -> KnownFiles:
        """List the images below ``root``."""
        found = {file.name: file.state[1] for file in ImageSearch(root, MAX_ENTRIES).find()}
        folders = Counter(name[: name.rfind("/") + 1] for name in found)
        extensions = Counter(os.path.splitext(name)[1] for name in found)  # noqa: PTH122  (much faster)
        return cls(root, found, rank(folders, MAX_FOLDERS), rank(extensions, MAX_FOLDERS))

    def find_completion(self, names: Sequence[str]) -> Completion:
        """The folder and the extension with which the most of ``names`` exist."""
        best = Completion()
        possible = [name for name in names if len(name) <= MAX_NAME_LENGTH]
        sample = possible[:: max(1, len(possible) // SAMPLED)]
        for extension in ("", *self.extensions):
            for folder in dict.fromkeys(("", *self.folders)):
                if not folder and not extension:
                    continue
                one = Completion(folder, extension)
                found = sum(one.apply(name) in self.sizes for name in sample)
                if found > best.found:
                    best = Completion(folder, extension, found)
        found = sum(best.apply(name) in self.sizes for name in possible) if best.found else 0
        return replace(best, found=found)

    def complete_rest(self, names: Iterable[str]) -> dict[str, str]:
        """The files of those ``names`` that one file alone has, in any folder."""
        by_name: dict[str, str | None] = {}
        for file in self.sizes:
            base = file.rpartition("/")[2]
            for name in {base, os.path.splitext(base)[0]}:  # noqa: PTH122  (much faster)
                by_name[name] = None if name in by_name else file
        found = {name: by_name.get(name) for name in names}
        return {name: known for name, known in found.items() if known is not None}


def rank(counts: Counter[str], limit: int) -> tuple[str, ...]:
    """The most frequent names, then by code point."""
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:limit])
