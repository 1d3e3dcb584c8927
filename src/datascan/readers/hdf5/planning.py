"""Looking at a file before reading it: its tables, and what is already known to be wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

from datascan.config.options import Options, ReadOptions
from datascan.decoders.image.decoder import ImageDecoder
from datascan.errors import DatasetError
from datascan.executors.base import WorkerSlot
from datascan.executors.process_pool.pool import ProcessPool
from datascan.executors.select import can_start_processes
from datascan.readers.hdf5.chunks import inspect_chunks
from datascan.readers.hdf5.direct_read import DirectReader
from datascan.readers.hdf5.files import Source
from datascan.readers.hdf5.inventory import DatasetInfo, take_inventory
from datascan.readers.hdf5.missing_rows import find_missing_rows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, fault_of_opening, open_file, reason
from datascan.readers.hdf5.selection import (
    Selection,
    SelectionError,
    Table,
    UnreachableError,
    select_datasets,
)
from datascan.readers.hdf5.storage import missing_filter, rows_on_disk
from datascan.readers.hdf5.text_labels import read_text_labels
from datascan.readers.hdf5.traversal import open_object
from datascan.records.block import Fault
from datascan.records.shard import Shard

SAMPLE = 32
"""Whether records of variable length are images is told from so many first ones."""


@dataclass
class FilePlan:
    """What is known of a file: which tables of it can be read, its faults, and labels in words.

    ``is_decoded`` where HDF5 is to make values of stored bytes, which a damaged file can turn into
    a crash; other files are read without it.
    """

    choice: Selection | None = None
    tables: list[Table] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    is_decoded: bool = False
    words: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FileQuery:
    """A file to look at; ``like`` is the choice made in the first one."""

    source: Source
    options: ReadOptions
    like: Selection | None


class FilePlanner:
    """Looks at files, in a process of its own (unless ``workers`` is 0): damage may crash HDF5.

    Use as a context manager.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._workers: ProcessPool[FilePlan] | None = None
        if options.run.workers != 0 and can_start_processes():
            self._workers = ProcessPool(
                answer_query, plan_after_crash, count=1, timeout=options.run.timeout
            )

    def __enter__(self) -> Self:
        if self._workers is not None:
            self._workers.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._workers is not None:
            self._workers.__exit__(*error)

    def plan_file(self, source: Source, like: Selection | None) -> FilePlan:
        """Look at one file.

        Raises:
            DatasetError: where the datasets of the first file cannot be chosen.
        """
        if self._workers is None:
            return plan_file(source, self.options.read, like)
        shard = Shard(0, FileQuery(source, self.options.read, like))
        ((seen,),) = self._workers.map([shard])
        return seen


def answer_query(shard: Shard, desk: WorkerSlot) -> FilePlan:  # noqa: ARG001  (nothing to mark)
    """The task of the process: ``shard.span`` is a question."""
    question: FileQuery = shard.span
    return plan_file(question.source, question.options, question.like)


def plan_after_crash(shard: Shard, reason: str) -> FilePlan:
    """What is known of a file that cannot be looked at."""
    why = f"{shard.span.source.shown} cannot be opened: HDF5 was {reason}"
    if not reason.startswith("killed"):
        why = f"{shard.span.source.shown} cannot be opened: {reason}"
    return FilePlan(faults=[Fault(None, "reader-crash", why)])


def plan_file(source: Source, options: ReadOptions, like: Selection | None) -> FilePlan:
    """Look at one file; ``like`` is the choice made in the first one.

    Raises:
        DatasetError: where the datasets of the first file cannot be chosen.
    """
    try:
        file = open_file(source.path)
    except HDF5_ERRORS as error:
        return FilePlan(faults=[fault_of_opening(source.path, source.shown, error)])
    with file:
        try:
            return plan_open_file(file, source.shown, options, like)
        except HDF5_ERRORS as error:
            return FilePlan(faults=[fault_of_opening(source.path, source.shown, error)])


def plan_open_file(file: Any, shown: str, options: ReadOptions, like: Selection | None) -> FilePlan:
    """Look at a file that could be opened."""
    found = take_inventory(file, shown)
    try:
        choice = select_datasets(found, options, like, shown)
    except UnreachableError:
        return FilePlan(faults=found.faults)
    except SelectionError as error:
        if like is None and not found.faults:
            raise DatasetError(str(error)) from error
        return FilePlan(faults=[*found.faults, Fault(None, "damaged-store", str(error))])
    seen = FilePlan(choice, faults=found.faults)
    for table in choice.tables:
        examine(file, table, shown, seen, options)
    return seen


def examine(file: Any, table: Table, shown: str, seen: FilePlan, options: ReadOptions) -> None:
    """See whether a table's columns can be read, and add what is left of it to ``seen``."""
    if table.label is not None and table.label.rows != table.data.rows:
        seen.faults.append(mismatch(shown, table.data, table.label))
    data = readable(file, table.data, shown, seen.faults, lost=table.data.rows)
    if data is None:
        return
    label = table.label and readable(file, table.label, shown, seen.faults)
    extras = [readable(file, extra, shown, seen.faults) for extra in table.extras]
    kept = tuple(extra for extra in extras if extra is not None)
    data = limit_plan(file, detect_images(file, data), shown, seen.faults)
    for column in filter(None, (data, label, *kept)):
        seen.is_decoded |= (
            column.rows > 0 and DirectReader.of(open_object(file, column.path), column) is None
        )
    if label is not None and label.content == "text":
        seen.words |= read_text_labels(file, label, options.limit)
    seen.tables.append(Table(data, label, kept))


def mismatch(shown: str, data: DatasetInfo, label: DatasetInfo) -> Fault:
    """The fault of data and label of different lengths."""
    why = f"{shown}: {data.name} has {data.rows:,} rows, {label.name} has {label.rows:,}"
    return Fault(None, "length-mismatch", why)


def readable(
    file: Any, column: DatasetInfo, shown: str, faults: list[Fault], lost: int = 0
) -> DatasetInfo | None:
    """The column, or None and a fault if none of it can be read."""
    name = f"{shown}:{column.name}"
    try:
        dataset = open_object(file, column.path)
        why = missing_filter(dataset) if column.rows else None
        # Gaps without an end: nobody knows how many rows are missing.
        endless = [gap for gap in find_missing_rows(dataset) if gap.first >= gap.stop]
        faults += [Fault(None, "damaged-store", f"{name}: {gap.why}") for gap in endless]
        chunks = inspect_chunks(dataset) if why is None else None
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


def limit_plan(file: Any, column: DatasetInfo, shown: str, faults: list[Fault]) -> DatasetInfo:
    """The column up to the end of the file, and a fault if it should go on behind it."""
    rows = rows_on_disk(open_object(file, column.path), column)
    if rows == column.rows:
        return column
    why = (
        f"{shown}:{column.name} has {column.rows:,} rows, but the file ends after {rows:,} of them"
    )
    faults.append(Fault(None, "truncated-store", why, column.rows - rows))
    return replace(column, rows=rows)


def detect_images(file: Any, column: DatasetInfo) -> DatasetInfo:
    """A column of records of variable length as images, if one of the first ones is an image."""
    if column.content == "numbers":
        return column
    try:
        first = open_object(file, column.path)[:SAMPLE].ravel()
    except HDF5_ERRORS:
        return column
    images = any(ImageDecoder.matches(one.tobytes()) for one in first)
    return replace(column, content="images") if images else column
