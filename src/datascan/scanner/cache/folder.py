"""The folder of a cache: the files of all datasets, of which old ones are dropped."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datascan.records.part import digest_facts
from datascan.scanner.cache.part_file import UNFINISHED, is_own_file

NAME = re.compile(r"([0-9a-f]{16})-[0-9a-f]{32}\.parts")
TEMPORARY = re.compile(r"[0-9a-f]{32}" + re.escape(UNFINISHED))

MAX_FILES = 4
"""How many files a dataset has: one for each of the options that were used last."""

UNUSED_DAYS, UNFINISHED_DAYS = 90, 1
"""Files that were not used for this long are dropped; what killed scans have left, earlier."""

MAX_ENTRIES = 100_000
"""The most entries of the folder that are looked through."""

DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in the folder: its name, the dataset in its name ("" if unfinished), last use."""

    name: str
    dataset: str
    used: float


@dataclass(frozen=True, slots=True)
class CacheFolder:
    """The files of one dataset in the folder at ``path``.

    ``dataset``: 16 hexadecimal digits, the same for all options.
    """

    path: Path
    dataset: str

    @classmethod
    def of(cls, path: Path, facts: Sequence[object]) -> CacheFolder:
        """The files of the dataset that ``facts`` identify."""
        return cls(path, digest_facts(facts).hex()[:16])

    def file_for(self, fingerprint: bytes) -> Path:
        """The file for options and versions that have this fingerprint."""
        return self.path / f"{self.dataset}-{fingerprint.hex()[:32]}.parts"

    def has_others(self) -> bool:
        """Whether there are results of the dataset for other options or versions."""
        return any(file.dataset == self.dataset for file in self._files())

    def create(self) -> None:
        """Create the folder, which others cannot read.

        Raises:
            OSError: if that fails.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def drop_old(self) -> None:
        """Remove files that are no longer used. Errors do not matter."""
        now = time.time()
        files = sorted(self._files(), key=lambda file: -file.used)
        own = [file for file in files if file.dataset == self.dataset]
        for file in files:
            days = UNUSED_DAYS if file.dataset else UNFINISHED_DAYS
            if file in own[MAX_FILES:] or now - file.used > days * DAY:
                with suppress(OSError):
                    (self.path / file.name).unlink()

    def _files(self) -> Iterator[Stored]:
        with suppress(OSError), os.scandir(self.path) as entries:
            for entry in islice(entries, MAX_ENTRIES):
                found = NAME.fullmatch(entry.name)
                if found or TEMPORARY.fullmatch(entry.name):
                    with suppress(OSError):
                        state = entry.stat(follow_symlinks=False)
                        if is_own_file(state):
                            yield Stored(entry.name, found[1] if found else "", state.st_mtime)
