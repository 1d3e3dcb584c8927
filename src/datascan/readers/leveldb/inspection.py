"""Inspection of a LevelDB's files, before LevelDB opens a clone of it.

LevelDB refuses to open a store whose manifest or tables are damaged, but does not report a damaged
log: it reads a truncated log as a shorter one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from datascan.errors import DatasetError
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.leveldb.files import CURRENT, Folder
from datascan.readers.leveldb.log import Flaw, read_log
from datascan.readers.leveldb.manifest import COMPARATOR, ManifestError, State, Table, apply_edits
from datascan.records.block import Fault

TABLE_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
"""The last eight bytes of every table."""

MAX_FLAWS = 10
"""The number of flaws of a log that are reported one by one."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The state without lost tables, the logs that are in use, and the faults of the files.

    ``state`` is None if no manifest can be read; every table and log may then be in use.
    ``flawed``: the names of logs that LevelDB can read only in part.
    """

    folder: Folder
    state: State | None
    logs: tuple[Path, ...]
    flawed: frozenset[str]
    faults: tuple[Fault, ...]

    @property
    def tables(self) -> dict[int, Path]:
        """The paths of all table files."""
        return {number: self.folder.path / name for number, name in self.folder.tables.items()}


def inspect(path: Path) -> Inspection:
    """Inspect the files of the LevelDB at ``path``, an absolute path.

    Raises:
        DatasetError: if its keys have a custom order.
        OSError: if a file cannot be read.
    """
    folder = Folder.of(path)
    faults: list[Fault] = []
    state = newest_state(folder, faults)
    if state is not None:
        if state.comparator != COMPARATOR:
            raise DatasetError(
                f"{path} has keys ordered by {format_key(state.comparator)!r}, "
                "which is not supported; only LevelDB's default order is"
            )
        intact = [table for table in state.tables if is_intact(folder, table, faults)]
        state = replace(state, tables=tuple(intact))
    logs, flawed = find_live_logs(folder, state, faults)
    return Inspection(folder, state, logs, flawed, tuple(faults))


def newest_state(folder: Folder, faults: list[Fault]) -> State | None:
    """The state in the manifest; None if it cannot be read."""
    name = find_manifest(folder, faults)
    if name is None:
        return None
    edits = []
    for item in read_log(folder.path / name):
        if isinstance(item, Flaw):
            detail = f"{name} {item.why} at byte {item.offset:,}; the store is read from its tables"
            faults.append(Fault(None, item.rule, detail))
            return None
        edits.append(item)
    try:
        return apply_edits(edits)
    except ManifestError as error:
        faults.append(damaged(f"{name} cannot be read: {error}; the store is read from its tables"))
        return None


def find_manifest(folder: Folder, faults: list[Fault]) -> str | None:
    """The manifest that CURRENT names, or else the newest one."""
    newest = max(folder.manifests, default=None)
    fallback = "no manifest is left, so the store is read from its tables and logs"
    if newest is not None:
        fallback = f"{folder.manifests[newest]} is read instead"
    current = folder.path / CURRENT
    if not current.is_file():
        faults.append(damaged(f"{CURRENT} is missing; {fallback}"))
    else:
        text = current.read_bytes()
        name = text.decode("utf-8", "backslashreplace").removesuffix("\n")
        if text.endswith(b"\n") and name in folder.manifests.values():
            return name
        faults.append(damaged(f"{CURRENT} names {name[:40]!r}, not a manifest; {fallback}"))
    return None if newest is None else folder.manifests[newest]


def is_intact(folder: Folder, table: Table, faults: list[Fault]) -> bool:
    """Whether the table's file exists, has its full size, and ends with the magic number."""
    name = folder.tables.get(table.number)
    first, last = format_key(table.first), format_key(table.last)
    lost = f"its records between {first!r} and {last!r} cannot be read"
    if name is None:
        shown = f"{table.number:06}.ldb"
        faults.append(damaged(f"{shown}, which the manifest lists, is missing; {lost}"))
        return False
    try:
        size, magic = read_table_end(folder.path / name, table.size)
    except OSError as error:
        faults.append(damaged(f"{name} cannot be read ({error.strerror}); {lost}"))
        return False
    if size < table.size:
        detail = f"{name} has {size:,} bytes, but the manifest says {table.size:,}; {lost}"
        faults.append(Fault(None, "truncated-store", detail))
    elif magic != TABLE_MAGIC:
        faults.append(damaged(f"{name} does not end with a table's magic number; {lost}"))
    return size >= table.size and magic == TABLE_MAGIC


def read_table_end(path: Path, size: int) -> tuple[int, bytes]:
    """A file's size, and the eight bytes before offset ``size``."""
    with path.open("rb", buffering=0) as file:
        actual = file.seek(0, 2)
        file.seek(max(0, size - 8))
        return actual, file.read(8)


def find_live_logs(
    folder: Folder, state: State | None, faults: list[Fault]
) -> tuple[tuple[Path, ...], frozenset[str]]:
    """The non-empty logs with records that are not in tables, and the names of flawed ones."""
    numbers = [n for n in sorted(folder.logs) if state is None or state.is_live(n)]
    if state is not None and state.log and state.log not in numbers:
        why = "which the manifest lists, is missing; its records are lost"
        faults.append(damaged(f"{state.log:06}.log, {why}"))
    paths = [folder.path / folder.logs[n] for n in numbers]
    live = tuple(path for path in paths if path.stat().st_size)
    flawed = set()
    for path in live:
        if log_faults := list(find_log_faults(path)):
            flawed.add(path.name)
            faults += log_faults
    return live, frozenset(flawed)


def find_log_faults(path: Path) -> Iterator[Fault]:
    """The faults of a write-ahead log; flaws beyond ``MAX_FLAWS`` are only counted."""
    flaws = [item for item in read_log(path) if isinstance(item, Flaw)]
    for flaw in flaws[:MAX_FLAWS]:
        is_end = flaw.rule == "truncated-store"
        lost = "any later records are lost" if is_end else "the records there are lost"
        yield Fault(None, flaw.rule, f"{path.name} {flaw.why} at byte {flaw.offset:,}; {lost}")
    if len(flaws) > MAX_FLAWS:
        yield damaged(f"{path.name} is damaged in {len(flaws) - MAX_FLAWS:,} more places")


def damaged(detail: str) -> Fault:
    """A fault of the store as a whole."""
    return Fault(None, "damaged-store", detail)
