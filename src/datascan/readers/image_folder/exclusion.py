"""Files that are left out on request (``--exclude``), by patterns as in a ``.gitignore``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from datascan.config.file import matches


class Pattern(Struct, frozen=True):
    """One pattern: its ``parts`` between slashes.

    ``anchored``: it is relative to the dataset's folder, else it may match at any depth.
    """

    parts: tuple[str, ...]
    anchored: bool
    folders_only: bool

    @classmethod
    def of(cls, text: str) -> Pattern:
        """The pattern as gitignore(5) has it, without negation."""
        inner = text.rstrip("/")
        parts = tuple(part for part in inner.split("/") if part not in {"", "."})
        return cls(parts, "/" in inner, text.endswith("/"))

    def fits(self, name: str, *, folder: bool) -> bool:
        """Whether it means the file or ``folder`` of this name, relative to the dataset."""
        if self.folders_only and not folder:
            return False
        if not self.anchored:
            return fnmatchcase(name[name.rfind("/") + 1 :], self.parts[0])
        return matches(name.split("/"), self.parts)


class Exclusion(Struct):
    """The patterns of a scan, and how many files and folders they have left out."""

    patterns: tuple[Pattern, ...] = ()
    files: int = 0
    folders: int = 0

    @classmethod
    def of(cls, texts: Sequence[str]) -> Exclusion:
        """The exclusion of these patterns."""
        return cls(tuple(map(Pattern.of, texts)))

    def drops(self, name: str, *, folder: bool = False) -> bool:
        """Whether to leave out a file, or a ``folder`` with all that is in it; counts it."""
        if not any(pattern.fits(name, folder=folder) for pattern in self.patterns):
            return False
        self.files += not folder
        self.folders += folder
        return True

    def drops_listed(self, name: str) -> bool:
        """Whether to leave out a file of a list: also if one of its folders is; counts it."""
        ends = [i for i, character in enumerate(name) if character == "/"]
        inside = any(
            pattern.fits(name[:end], folder=True)
            for end in ends
            if end
            for pattern in self.patterns
        )
        if inside:
            self.files += 1
            return True
        return self.drops(name)
