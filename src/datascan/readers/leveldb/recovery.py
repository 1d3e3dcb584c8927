"""From the files of a LevelDB to a clone whose records are all in tables."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import plyvel

from datascan.readers.leveldb.clone import keep_whole_records, make_clone, read_state, write_state
from datascan.readers.leveldb.files import INFO_LOG
from datascan.readers.leveldb.inspection import Inspection, damaged
from datascan.readers.leveldb.manifest import ManifestError, State, Table
from datascan.records.block import Fault

MIN_BUFFER, MAX_BUFFER = 4 << 20, 256 << 20
"""Bytes of a log that LevelDB replays into one table; Caffe writes logs of up to 256 MiB."""

DROPPED = re.compile(r"dropping|ignoring error", re.IGNORECASE)
STAMP = re.compile(r"^\S+ \S+ ")
FOLDER = re.compile(r"/[^\s:]*/(?=[^\s/:]+)")

RECOVERED, REPAIRED = "recovered", "repaired"


@dataclass(frozen=True, slots=True)
class Recovered:
    """A clone with all records in tables; ``home`` is None if LevelDB cannot open it."""

    home: Path | None
    tables: tuple[Table, ...]
    faults: tuple[Fault, ...]


def recover(found: Inspection, root: Path) -> Recovered:
    """Make a clone in the folder ``root``, let LevelDB replay its logs, and put it at rest.

    Raises:
        OSError: if the disk is full or not writable.
    """
    home, state, faults = root / RECOVERED, found.state, list(found.faults)
    if state is None:
        state, repair_faults = rebuilt(found, root / REPAIRED)
        faults += repair_faults
    state = replace(state, next_file=max(state.next_file, found.folder.next_number))
    make_clone(home, state, found.tables, found.logs)
    for name in found.flawed:
        keep_whole_records(home / name)
    try:
        open_once(home, found)
        faults += dropped(home)
        state = write_state(home, read_state(home))
    except (plyvel.Error, ManifestError) as error:
        raise_if_no_room(error)
        faults.append(damaged(f"LevelDB cannot open the store: {words_of(error)}"))
        return Recovered(None, (), tuple(faults))
    return Recovered(home, state.tables, tuple(faults))


def open_once(home: Path, found: Inspection) -> None:
    """Open the clone in ``home``, which replays its logs, and close it.

    Strictly, if it can be: otherwise LevelDB leaves out what it cannot replay, and only logs it.
    """
    largest = max((log.stat().st_size for log in found.logs), default=0)
    buffer = min(max(MIN_BUFFER, largest + largest // 4), MAX_BUFFER)
    options = {"write_buffer_size": buffer, "compression": None}
    for strict in (True, False):
        try:
            plyvel.DB(str(home), paranoid_checks=strict, **options).close()
        except plyvel.CorruptionError:
            if not strict:
                raise
        else:
            return


def rebuilt(found: Inspection, home: Path) -> tuple[State, list[Fault]]:
    """The state of a store without a manifest, from the key ranges that LevelDB's repair finds.

    Nothing else of the repair is used: it rewrites damaged tables without their lost records,
    whereas reading the original reports them. It gets no logs, because it ignores their checksums.
    """
    if not found.tables:
        return State(), []
    home.mkdir()
    for path in found.tables.values():
        (home / path.name).symlink_to(path)
    try:
        # Strictly: blocks that are not as they were written can crash LevelDB.
        plyvel.repair_db(str(home), paranoid_checks=True)
        state = read_state(home)
    except (plyvel.Error, ManifestError) as error:
        raise_if_no_room(error)
        return State(), [damaged(f"LevelDB cannot repair the store: {words_of(error)}")]
    finally:
        shutil.rmtree(home)
    whole = [
        replace(table, size=found.tables[table.number].stat().st_size) for table in state.tables
    ]
    lost = found.tables.keys() - {table.number for table in whole}
    why = "is not a complete table; its records cannot be read"
    faults = [damaged(f"{found.folder.tables[number]} {why}") for number in sorted(lost)]
    return replace(state, log=0, previous_log=0, tables=tuple(whole)), faults


def dropped(home: Path) -> Iterator[Fault]:
    """The records that LevelDB dropped when it was last opened, from its own log."""
    path = home / INFO_LOG
    for line in path.read_text("utf-8", "backslashreplace").splitlines():
        if DROPPED.search(line):
            words = FOLDER.sub("", STAMP.sub("", line))
            yield damaged(f"LevelDB dropped records: {words}")


def words_of(error: BaseException) -> str:
    """An error of LevelDB's in its own words, without the clone's folder."""
    raw = error.args[0] if error.args else ""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else str(raw)
    return FOLDER.sub("", text)


def raise_if_no_room(error: BaseException) -> None:
    """Raise LevelDB's complaint of a full disk as what it is.

    Raises:
        OSError: if it is one.
    """
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.EROFS):
        if os.strerror(number) in words_of(error):
            raise OSError(number, os.strerror(number)) from error
