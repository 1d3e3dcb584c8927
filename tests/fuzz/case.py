"""The folders in which a variant is built and scanned, and what must not change or show there."""

from __future__ import annotations

import hashlib
import os
import random
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

WORD = b"q7Zkvw3X"
"""What the files outside of a dataset consist of."""

SECRETS = (
    WORD[:4].decode(),
    WORD[4:].decode(),
    str(struct.unpack("<i", WORD[:4])[0]),
    str(struct.unpack("<q", WORD)[0]),
    WORD.hex(),
    f"{struct.unpack('<d', WORD)[0]:.9g}"[:10],
)
"""The word as text and as numbers; none of them may occur in an output."""

HASHED_BYTES = 1 << 25


@dataclass(frozen=True)
class Place:
    """The folders of one variant.

    ``work``: the working directory, with the input. ``outside``: files that the input points at,
    ``key`` and ``victim``. ``out``: what the command writes. ``scratch``: temporary files.
    """

    home: Path
    chance: random.Random

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def outside(self) -> Path:
        return self.home / "outside"

    @property
    def out(self) -> Path:
        return self.home / "out"

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    def prepare(self) -> None:
        """Make the folders, and the files outside."""
        for folder in (self.work, self.outside, self.out, self.scratch):
            folder.mkdir(parents=True)
        (self.outside / "key").write_bytes(WORD * 512)
        (self.outside / "lines").write_bytes((WORD + b" 1\n") * 64)
        (self.outside / "victim").write_text("not to be changed\n")

    def snapshot(self) -> dict[str, tuple[object, ...]]:
        """The state of every file of the input and outside."""
        found = {}
        for top in (self.work, self.outside):
            for folder, folders, files in os.walk(top):
                for name in [".", *folders, *files]:
                    path = os.path.join(folder, name)
                    found[path] = state_of(path)
        return found


def state_of(path: str) -> tuple[object, ...]:
    """Everything about a file that reading does not change."""
    one = os.lstat(path)
    content = ""
    if stat.S_ISREG(one.st_mode) and one.st_size <= HASHED_BYTES:
        content = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    elif stat.S_ISLNK(one.st_mode):
        content = os.readlink(path)
    return one.st_ino, one.st_mode, one.st_nlink, one.st_size, one.st_mtime_ns, content
