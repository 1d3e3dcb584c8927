"""From the files of a LevelDB to a clone whose records are all in tables."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import plyvel

from datascan.leveldb.clone import make_clone, read_state, write_state
from datascan.leveldb.folder import INFO_LOG, Folder
from datascan.leveldb.inspection import Inspection, damaged
from datascan.leveldb.manifest import ManifestError, State, Table
from datascan.model import Fault

LEAST_BUFFER, MOST_BUFFER = 4 << 20, 256 << 20
"""Bytes of a log that LevelDB replays into one table; Caffe writes logs of up to 256 MiB."""

DROPPED = re.compile(r"dropping|ignoring error", re.IGNORECASE)
UNREADABLE = re.compile(r"Table #(\d+): .*(?:Corruption|IO error)")
STAMP = re.compile(r"^\S+ \S+ ")
FOLDER = re.compile(r"/[^\s:]*/(?=[^\s/:]+)")

RECOVERED, REPAIRED = "recovered", "repaired"


@dataclass(frozen=True, slots=True)
class Recovered:
    """A clone that holds every record in tables; ``home`` is None where LevelDB cannot open it."""

    home: Path | None
    tables: tuple[Table, ...]
    faults: tuple[Fault, ...]


def recover(found: Inspection, root: Path) -> Recovered:
    """Make a clone in the folder ``root``, let LevelDB replay its logs, and put it at rest.

    Raises:
        OSError: where there is no room, or no right to write.
    """
    home, tables, state, faults = root / RECOVERED, found.tables, found.state, list(found.faults)
    if state is None:
        state, tables, told = rebuilt(found, root / REPAIRED)
        faults += told
    state = replace(state, next_file=max(state.next_file, found.folder.next_number))
    make_clone(home, state, tables, found.logs)
    try:
        open_once(home, found)
        faults += dropped(home, found.flawed)
        state = write_state(home, read_state(home))
    except (plyvel.Error, ManifestError) as error:
        raise_if_no_room(error)
        faults.append(damaged(f"LevelDB cannot open the store: {words_of(error)}"))
        return Recovered(None, (), tuple(faults))
    return Recovered(home, state.tables, tuple(faults))


def open_once(home: Path, found: Inspection) -> None:
    """Open the clone in ``home``, which replays its logs, and close it.

    Strictly, if it can be: a damaged log is refused then. What LevelDB drops otherwise is known
    from the inspection, or told in its own log.
    """
    largest = max((log.stat().st_size for log in found.logs), default=0)
    buffer = min(max(LEAST_BUFFER, largest + largest // 4), MOST_BUFFER)
    options = {"write_buffer_size": buffer, "compression": None}
    for strict in (True, False):
        try:
            plyvel.DB(str(home), paranoid_checks=strict, **options).close()
        except plyvel.CorruptionError:
            if not strict:
                raise
        else:
            return


def rebuilt(found: Inspection, home: Path) -> tuple[State, dict[int, Path], list[Fault]]:
    """The state of a store without a manifest, made by LevelDB's own repair from its tables.

    Repair only moves links, and writes a table anew where it cannot read all of it. It is given no
    logs: it would replay them without looking at their checksums.
    """
    home.mkdir()
    for path in found.tables.values():
        (home / path.name).symlink_to(path)
    if not found.tables:
        return State(), {}, []
    try:
        plyvel.repair_db(str(home))
        state = read_state(home)
    except (plyvel.Error, ManifestError) as error:
        raise_if_no_room(error)
        return State(), {}, [damaged(f"LevelDB cannot repair the store: {words_of(error)}")]
    tables = {n: home / name for n, name in Folder.of(home).tables.items()}
    kept = {table.number for table in state.tables}
    lost = sorted(found.folder.tables[n] for n in found.tables.keys() - kept)
    words = "is no whole table (cut short, or never finished): what it held is out of reach"
    faults = [damaged(f"{name} {words}") for name in lost]
    for line in info_lines(home):
        table = UNREADABLE.match(line)
        if table and int(table[1]) in kept:
            faults.append(damaged(f"a table could be read in part only: {line}"))
    return replace(state, log=0, previous_log=0), tables, faults


def dropped(home: Path, known: frozenset[str]) -> Iterator[Fault]:
    """What LevelDB says in its own log that it left out, but for logs that are ``known`` flawed."""
    for line in info_lines(home):
        if DROPPED.search(line) and not any(name in line for name in known):
            yield damaged(f"LevelDB left out records: {line}")


def info_lines(home: Path) -> list[str]:
    """The lines of LevelDB's own log, without time stamps and folders."""
    found = []
    for name in (f"{INFO_LOG}.old", INFO_LOG):
        if (home / name).is_file():
            found += (home / name).read_text("utf-8", "backslashreplace").splitlines()
    return [FOLDER.sub("", STAMP.sub("", line)) for line in found]


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
