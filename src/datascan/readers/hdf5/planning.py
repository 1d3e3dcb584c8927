"""Looking at a file before reading it: its tables, and what is already known to be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from datascan.config.options import Options
from datascan.decoders.image.decoder import ImageLayout
from datascan.errors import DatasetError
from datascan.executors.base import Desk
from datascan.executors.process_pool.pool import Workers
from datascan.executors.select import may_have_children
from datascan.readers.hdf5.chunks import look_at_chunks
from datascan.readers.hdf5.direct_read import FileRows
from datascan.readers.hdf5.files import Source
from datascan.readers.hdf5.inventory import Column, take_inventory
from datascan.readers.hdf5.missing_rows import gaps
from datascan.readers.hdf5.open_file import HDF5_ERRORS, fault_of_opening, open_file, reason
from datascan.readers.hdf5.selection import Choice, Table, Unchosen, Unreached, choose
from datascan.readers.hdf5.storage import missing_filter, rows_on_disk
from datascan.readers.hdf5.text_labels import words_of
from datascan.readers.hdf5.traversal import opened
from datascan.records.block import Fault
from datascan.records.shard import Shard

SAMPLE = 32
"""Whether records of variable length are images is told from so many first ones."""


@dataclass
class Look:
    """What is known of a file: which tables of it can be read, its faults, and labels in words.

    ``is_decoded`` where HDF5 is to make values of stored bytes, which a damaged file can turn into
    a crash; other files are read without it.
    """

    choice: Choice | None = None
    tables: list[Table] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    is_decoded: bool = False
    words: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Question:
    """A file to look at; ``like`` is the choice made in the first one."""

    source: Source
    options: Options
    like: Choice | None


class Looking:
    """Looks at files, in a process of its own (unless ``workers`` is 0): damage may crash HDF5.

    Use as a context manager.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._workers: Workers[Look] | None = None
        if options.workers != 0 and may_have_children():
            self._workers = Workers(answer, blame, count=1, timeout=options.timeout)

    def __enter__(self) -> Self:
        if self._workers is not None:
            self._workers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._workers is not None:
            self._workers.__exit__(*error)

    def look(self, source: Source, like: Choice | None) -> Look:
        """Look at one file.

        Raises:
            DatasetError: where the datasets of the first file cannot be chosen.
        """
        if self._workers is None:
            return look(source, self.options, like)
        shard = Shard(0, Question(source, self.options, like))
        ((seen,),) = self._workers.map([shard])
        return seen


def answer(shard: Shard, desk: Desk) -> Look:  # noqa: ARG001  (nothing to mark)
    """The task of the process: ``shard.span`` is a question."""
    question: Question = shard.span
    return look(question.source, question.options, question.like)


def blame(shard: Shard, reason: str) -> Look:
    """What is known of a file that cannot be looked at."""
    why = f"{shard.span.source.shown} cannot be opened: HDF5 was {reason}"
    if not reason.startswith("killed"):
        why = f"{shard.span.source.shown} cannot be opened: {reason}"
    return Look(faults=[Fault(None, "reader-crash", why)])


def look(source: Source, options: Options, like: Choice | None) -> Look:
    """Look at one file; ``like`` is the choice made in the first one.

    Raises:
        DatasetError: where the datasets of the first file cannot be chosen.
    """
    try:
        file = open_file(source.path)
    except HDF5_ERRORS as error:
        return Look(faults=[fault_of_opening(source.path, source.shown, error)])
    with file:
        try:
            return look_into(file, source.shown, options, like)
        except HDF5_ERRORS as error:
            return Look(faults=[fault_of_opening(source.path, source.shown, error)])


def look_into(file: Any, shown: str, options: Options, like: Choice | None) -> Look:
    """Look at a file that could be opened."""
    found = take_inventory(file, shown)
    try:
        choice = choose(found, options, like, shown)
    except Unreached:
        return Look(faults=found.faults)
    except Unchosen as error:
        if like is None and not found.faults:
            raise DatasetError(str(error)) from error
        return Look(faults=[*found.faults, Fault(None, "damaged-store", str(error))])
    seen = Look(choice, faults=found.faults)
    for table in choice.tables:
        examine(file, table, shown, seen, options)
    return seen


def examine(file: Any, table: Table, shown: str, seen: Look, options: Options) -> None:
    """See whether a table's columns can be read, and add what is left of it to ``seen``."""
    if table.label is not None and table.label.rows != table.data.rows:
        seen.faults.append(mismatch(shown, table.data, table.label))
    data = readable(file, table.data, shown, seen.faults, lost=table.data.rows)
    if data is None:
        return
    label = table.label and readable(file, table.label, shown, seen.faults)
    extras = [readable(file, extra, shown, seen.faults) for extra in table.extras]
    kept = tuple(extra for extra in extras if extra is not None)
    data = shortened(file, told_images(file, data), shown, seen.faults)
    for column in filter(None, (data, label, *kept)):
        seen.is_decoded |= (
            column.rows > 0 and FileRows.of(opened(file, column.path), column) is None
        )
    if label is not None and label.content == "text":
        seen.words |= words_of(file, label, options.limit)
    seen.tables.append(Table(data, label, kept))


def mismatch(shown: str, data: Column, label: Column) -> Fault:
    """The fault of data and label of different lengths."""
    why = f"{shown}: {data.name} has {data.rows:,} rows, {label.name} has {label.rows:,}"
    return Fault(None, "length-mismatch", why)


def readable(
    file: Any, column: Column, shown: str, faults: list[Fault], lost: int = 0
) -> Column | None:
    """The column, or None and a fault if none of it can be read."""
    name = f"{shown}:{column.name}"
    try:
        dataset = opened(file, column.path)
        why = missing_filter(dataset) if column.rows else None
        # Gaps without an end: nobody knows how many rows are missing.
        endless = [gap for gap in gaps(dataset) if gap.first >= gap.stop]
        faults += [Fault(None, "damaged-store", f"{name}: {gap.why}") for gap in endless]
        chunks = look_at_chunks(dataset) if why is None else None
    except HDF5_ERRORS as error:
        why = f"cannot be read: {reason(error)}"
    if why is None:
        if chunks is None:
            return column
        if chunks.odd:
            faults.append(Fault(None, "damaged-store", f"{name}: {chunks.odd}"))
        return replace(column, holes=chunks.gaps, written=chunks.written)
    faults.append(Fault(None, "damaged-store", f"{name} {why}", lost))
    return None


def shortened(file: Any, column: Column, shown: str, faults: list[Fault]) -> Column:
    """The column up to the end of the file, and a fault if it should go on behind it."""
    rows = rows_on_disk(opened(file, column.path), column)
    if rows == column.rows:
        return column
    why = (
        f"{shown}:{column.name} has {column.rows:,} rows, but the file ends after {rows:,} of them"
    )
    faults.append(Fault(None, "truncated-store", why, column.rows - rows))
    return replace(column, rows=rows)


def told_images(file: Any, column: Column) -> Column:
    """A column of records of variable length as images, if one of the first ones is an image."""
    if column.content == "numbers":
        return column
    try:
        first = opened(file, column.path)[:SAMPLE].ravel()
    except HDF5_ERRORS:
        return column
    images = any(ImageLayout.matches(one.tobytes()) for one in first)
    return replace(column, content="images") if images else column
