"""Which tables and logs make up a LevelDB, and what is wrong with its files.

LevelDB refuses to open a store whose manifest or tables are damaged, and says nothing at all if a
log is: a truncated log reads as a shorter log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from msgspec import Struct

from datascan.errors import DatasetError
from datascan.files import open_regular, read_regular
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.leveldb.coding import CodingError
from datascan.readers.leveldb.files import CURRENT, Folder
from datascan.readers.leveldb.log import Flaw, read_log
from datascan.readers.leveldb.manifest import COMPARATOR, MARK_BYTES, State, Table, state_of
from datascan.readers.leveldb.tables import TABLE_MAGIC, TableFile
from datascan.records.block import Fault

MAX_FLAWS = 10
"""Up to this many flaws of a log are reported one by one."""

MAX_CURRENT_BYTES = 1 << 12

MAX_NAME = 100
"""The most characters shown of the name of an order of keys."""


class Inspection(Struct, frozen=True):
    """The tables that can be read, the logs with entries that no table has, and the faults."""

    tables: tuple[TableFile, ...]
    logs: tuple[Path, ...]
    faults: tuple[Fault, ...]


def inspect(path: Path) -> Inspection:
    """Inspect the files of the LevelDB in ``path``.

    Raises:
        DatasetError: if its keys are in an order that LevelDB itself does not know.
        OSError: if a file cannot be read.
    """
    folder = Folder.of(path)
    faults: list[Fault] = []
    state = newest_state(folder, faults)
    if state is None:
        tables = unlisted_tables(folder, faults)
    else:
        if state.comparator != COMPARATOR:
            name = format_key(state.comparator)
            shown = f"{name[:MAX_NAME]!r}{'...' if len(name) > MAX_NAME else ''}"
            raise DatasetError(
                f"{path} has keys ordered by {shown}, "
                f"which LevelDB does not know: only stores with its own order can be read"
            )
        tables = [
            TableFile(folder.path / folder.tables[table.number], table)
            for table in state.tables
            if is_whole(folder, table, faults)
        ]
    logs = live_logs(folder, state, faults)
    return Inspection(tuple(tables), logs, tuple(faults))


def unlisted_tables(folder: Folder, faults: list[Fault]) -> list[TableFile]:
    """All tables of a folder without a manifest, with the keys that their index names."""
    found = []
    for number, name in sorted(folder.tables.items()):
        path = folder.path / name
        try:
            size, magic = table_end(folder, name)
        except OSError as error:
            faults.append(
                damaged(f"{name} cannot be read ({error.strerror}): its records are lost")
            )
            continue
        if magic != TABLE_MAGIC:
            faults.append(damaged(f"{name} is not a whole table: its records are lost"))
            continue
        whole = TableFile(path, Table(0, number, size, b"", b""))
        if isinstance(whole.index, str):
            faults.append(damaged(f"{whole.index}: its records are lost"))
        elif len(whole.index):
            first, last = (key + bytes(MARK_BYTES) for key in whole.key_bounds())
            found.append(TableFile(path, Table(0, number, size, first, last)))
    return found


def newest_state(folder: Folder, faults: list[Fault]) -> State | None:
    """What the manifest says; None if it cannot be read."""
    name = current_manifest(folder, faults)
    if name is None:
        return None
    instead = "the store is read from its tables"
    try:
        edits = []
        for item in read_log(folder.path / name):
            if isinstance(item, Flaw):
                words = f"{name} {item.words} at byte {item.at:,}"
                faults.append(Fault(None, item.rule, f"{words}: {instead}"))
                return None
            edits.append(item.payload)
        return state_of(edits)
    except CodingError as error:
        faults.append(damaged(f"{name} cannot be read: {error}; {instead}"))
    except OSError as error:
        faults.append(damaged(f"{name} cannot be read: {error.strerror}; {instead}"))
    return None


def current_manifest(folder: Folder, faults: list[Fault]) -> str | None:
    """The manifest that CURRENT names, or else the newest one."""
    newest = max(folder.manifests, default=None)
    instead = "no manifest is left, so the store is read from its tables and logs"
    if newest is not None:
        instead = f"{folder.manifests[newest]} is read instead"
    current = folder.path / CURRENT
    try:
        text = read_regular(current, max_bytes=MAX_CURRENT_BYTES, inside=folder.path)
    except FileNotFoundError:
        faults.append(damaged(f"{CURRENT} is missing: {instead}"))
    except OSError as error:
        faults.append(damaged(f"{CURRENT} cannot be read ({error.strerror}): {instead}"))
    else:
        name = text.decode("utf-8", "backslashreplace").removesuffix("\n")
        if name not in folder.manifests.values():
            what = f"does not name a manifest but {name[:40]!r}"
        elif text.endswith(b"\n"):
            return name
        else:
            what = f"lacks the newline that ends it, after {name}"
            if newest is not None and name == folder.manifests[newest]:
                instead = "LevelDB does not open such a store; that manifest is read here"
        faults.append(damaged(f"{CURRENT} {what}: {instead}"))
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
        size, magic = table_end(folder, name, table.size)
    except OSError as error:
        faults.append(damaged(f"{name} cannot be read ({error.strerror}): {lost}"))
        return False
    if size < table.size:
        words = f"{name} has {size:,} bytes, but the manifest says {table.size:,}: {lost}"
        faults.append(Fault(None, "truncated-store", words))
    elif magic != TABLE_MAGIC:
        faults.append(damaged(f"{name} does not end as a table does: {lost}"))
    return size >= table.size and magic == TABLE_MAGIC


def table_end(folder: Folder, name: str, size: int | None = None) -> tuple[int, bytes]:
    """A table's size, and the eight bytes before byte ``size``, or before its end.

    Raises:
        OSError: if it cannot be read, is not a regular file, or a link that leaves the folder.
    """
    with open_regular(folder.path / name, inside=folder.path) as file:
        actual = file.seek(0, 2)
        file.seek(max(0, (actual if size is None else size) - 8))
        return actual, file.read(8) or b""


def live_logs(folder: Folder, state: State | None, faults: list[Fault]) -> tuple[Path, ...]:
    """The logs, none empty, that have records no table has."""
    numbers = [n for n in sorted(folder.logs) if state is None or state.is_live(n)]
    if state is not None and state.log and state.log not in numbers:
        words = "which the manifest names, is missing: the records in it are lost"
        faults.append(damaged(f"{state.log:06}.log, {words}"))
    live = []
    for number in numbers:
        name = folder.logs[number]
        try:
            with open_regular(folder.path / name, inside=folder.path) as file:
                size = file.seek(0, 2)
        except OSError as error:
            faults.append(
                damaged(f"{name} cannot be read ({error.strerror}): its records are lost")
            )
            continue
        if size:
            live.append(folder.path / name)
    return tuple(live)


def log_faults(flaws: Sequence[tuple[Path, Flaw]]) -> Iterator[Fault]:
    """The flaws of write-ahead logs, the first ones of each log by themselves."""
    for path, group in groupby(flaws, key=itemgetter(0)):
        found = [flaw for _, flaw in group]
        for flaw in found[:MAX_FLAWS]:
            where = f"{path.name} {flaw.words} at byte {flaw.at:,}"
            lost = "written after it" if flaw.rule == "truncated-store" else "stored there"
            yield Fault(None, flaw.rule, f"{where}: the records {lost} are lost")
        if len(found) > MAX_FLAWS:
            yield damaged(f"{path.name} has {len(found) - MAX_FLAWS:,} more such places")


def unreadable(name: str, error: OSError) -> Fault:
    """The fault of a file that cannot be read."""
    return damaged(f"{name} cannot be read ({error.strerror}): its records are lost")


def damaged(detail: str) -> Fault:
    """A fault of the store as a whole."""
    return Fault(None, "damaged-store", detail)
