"""Clones of a LevelDB: folders that LevelDB may open and change in place of the original.

Tables are symbolic links (hard links would change a time stamp of the original), all else is
written anew. LevelDB removes and renames links but never writes through one: it writes tables only
under new numbers, and a clone's manifest lets it take none that a file of the original has.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from datascan.readers.leveldb.files import CURRENT, Folder
from datascan.readers.leveldb.levels import stable_levels
from datascan.readers.leveldb.log import Flaw, frame_records, read_log
from datascan.readers.leveldb.manifest import ManifestError, State, apply_edits, make_edit

TAKEN = 16
"""Opening a clone takes two or three new numbers for its log and manifest."""


def make_clone(
    home: Path, state: State, tables: Mapping[int, Path], logs: Iterable[Path] = ()
) -> None:
    """Make the folder ``home`` a LevelDB of ``state``: links to its tables, copies of ``logs``.

    Raises:
        OSError: if the disk is full or not writable.
    """
    home.mkdir()
    for table in state.tables:
        path = tables[table.number]
        (home / path.name).symlink_to(path)
    for log in logs:
        shutil.copyfile(log, home / log.name)
    write_state(home, state)


def keep_whole_records(log: Path) -> None:
    """Keep only complete records of a clone's log; in strict mode LevelDB refuses others."""
    log.write_bytes(frame_records(item for item in read_log(log) if isinstance(item, bytes)))


def forbid_compaction(home: Path) -> None:
    """Keep LevelDB from rewriting tables in the background, which many reads can trigger.

    Folders block the names of the first new tables: writing fails, and LevelDB does not retry.
    """
    number = read_state(home).next_file
    for taken in range(number, number + TAKEN):
        (home / f"{taken:06}.ldb").mkdir()


def write_state(home: Path, state: State) -> State:
    """Replace all manifests by one of ``state`` with stable levels; return the new state."""
    for old in Folder.of(home).manifests.values():
        (home / old).unlink()
    name = f"MANIFEST-{state.next_file:06}"
    state = replace(state, next_file=state.next_file + 1, tables=stable_levels(state.tables))
    (home / name).write_bytes(frame_records([make_edit(state)]))
    (home / CURRENT).write_text(f"{name}\n")
    return state


def read_state(home: Path) -> State:
    """The state in the manifest of an intact store.

    Raises:
        ManifestError: if it is damaged.
        OSError: if it cannot be read.
    """
    edits = []
    for item in read_log(home / (home / CURRENT).read_text().strip()):
        if isinstance(item, Flaw):
            raise ManifestError(item.why)
        edits.append(item)
    return apply_edits(edits)
