"""What is wrong with a LevelDB, seen from its files before LevelDB opens a clone of it.

LevelDB refuses to open a store whose manifest or tables are damaged, and says nothing at all when
its log is: a log cut short reads as a shorter log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from datascan.errors import DatasetError
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.leveldb.files import CURRENT, Folder
from datascan.readers.leveldb.log import Flaw, read_log
from datascan.readers.leveldb.manifest import COMPARATOR, ManifestError, State, Table, state_of
from datascan.records.block import Fault

TABLE_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
"""The last eight bytes of every table."""

MAX_FLAWS = 10
"""So many flaws of a log are told one by one."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the files say: the state without the tables that are lost, the live logs, the faults.

    ``state`` is None where no manifest can be read; then every table and log may be alive.
    ``flawed`` are names of logs that LevelDB reads only in part.
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
    """Look at the files of the LevelDB in ``path``, an absolute path.

    Raises:
        DatasetError: where its keys are in an order that LevelDB itself does not know.
        OSError: where a file cannot be read.
    """
    folder = Folder.of(path)
    faults: list[Fault] = []
    state = newest_state(folder, faults)
    if state is not None:
        if state.comparator != COMPARATOR:
            raise DatasetError(
                f"{path} has keys ordered by {format_key(state.comparator)!r}, "
                f"which LevelDB does not know: only stores with its own order can be read"
            )
        whole = [table for table in state.tables if is_whole(folder, table, faults)]
        state = replace(state, tables=tuple(whole))
    logs, flawed = live_logs(folder, state, faults)
    return Inspection(folder, state, logs, flawed, tuple(faults))


def newest_state(folder: Folder, faults: list[Fault]) -> State | None:
    """What the manifest says; None where none can be read."""
    name = current_manifest(folder, faults)
    if name is None:
        return None
    edits = []
    for item in read_log(folder.path / name):
        if isinstance(item, Flaw):
            words = f"{name} {item.words} at byte {item.at:,}"
            faults.append(Fault(None, item.rule, f"{words}: the store is read from its tables"))
            return None
        edits.append(item)
    try:
        return state_of(edits)
    except ManifestError as error:
        faults.append(damaged(f"{name} cannot be read: {error}; the store is read from its tables"))
        return None


def current_manifest(folder: Folder, faults: list[Fault]) -> str | None:
    """The manifest that CURRENT names, or else the newest one."""
    newest = max(folder.manifests, default=None)
    instead = "no manifest is left, so the store is read from its tables and logs"
    if newest is not None:
        instead = f"{folder.manifests[newest]} is read instead"
    current = folder.path / CURRENT
    if not current.is_file():
        faults.append(damaged(f"{CURRENT} is missing: {instead}"))
    else:
        text = current.read_bytes()
        name = text.decode("utf-8", "backslashreplace").removesuffix("\n")
        if text.endswith(b"\n") and name in folder.manifests.values():
            return name
        faults.append(damaged(f"{CURRENT} names no manifest but {name[:40]!r}: {instead}"))
    return None if newest is None else folder.manifests[newest]


def is_whole(folder: Folder, table: Table, faults: list[Fault]) -> bool:
    """Whether the table's file is there, long enough, and ends as a table does."""
    name = folder.tables.get(table.number)
    first, last = format_key(table.first), format_key(table.last)
    lost = f"its records between {first!r} and {last!r} are out of reach"
    if name is None:
        shown = f"{table.number:06}.ldb"
        faults.append(damaged(f"{shown}, which the manifest lists, is missing: {lost}"))
        return False
    try:
        size, magic = table_end(folder.path / name, table.size)
    except OSError as error:
        faults.append(damaged(f"{name} cannot be read ({error.strerror}): {lost}"))
        return False
    if size < table.size:
        words = f"{name} has {size:,} bytes, but the manifest says {table.size:,}: {lost}"
        faults.append(Fault(None, "truncated-store", words))
    elif magic != TABLE_MAGIC:
        faults.append(damaged(f"{name} does not end as a table does: {lost}"))
    return size >= table.size and magic == TABLE_MAGIC


def table_end(path: Path, size: int) -> tuple[int, bytes]:
    """A file's size, and the eight bytes before byte ``size``."""
    with path.open("rb", buffering=0) as file:
        actual = file.seek(0, 2)
        file.seek(max(0, size - 8))
        return actual, file.read(8)


def live_logs(
    folder: Folder, state: State | None, faults: list[Fault]
) -> tuple[tuple[Path, ...], frozenset[str]]:
    """The logs, none empty, that hold records no table has; and which of them have flaws."""
    numbers = [n for n in sorted(folder.logs) if state is None or state.is_live(n)]
    if state is not None and state.log and state.log not in numbers:
        words = "which the manifest names, is missing: the records in it are lost"
        faults.append(damaged(f"{state.log:06}.log, {words}"))
    paths = [folder.path / folder.logs[n] for n in numbers]
    live = tuple(path for path in paths if path.stat().st_size)
    flawed = set()
    for path in live:
        if found := list(log_faults(path)):
            flawed.add(path.name)
            faults += found
    return live, frozenset(flawed)


def log_faults(path: Path) -> Iterator[Fault]:
    """The flaws of a write-ahead log, the first ones by themselves."""
    flaws = [item for item in read_log(path) if isinstance(item, Flaw)]
    for flaw in flaws[:MAX_FLAWS]:
        where = f"{path.name} {flaw.words} at byte {flaw.at:,}"
        lost = "written after it" if flaw.rule == "truncated-store" else "that lie there"
        yield Fault(None, flaw.rule, f"{where}: the records {lost} are lost")
    if len(flaws) > MAX_FLAWS:
        yield damaged(f"{path.name} has {len(flaws) - MAX_FLAWS:,} more such places")


def damaged(detail: str) -> Fault:
    """A fault of the store as a whole."""
    return Fault(None, "damaged-store", detail)
