"""Inspect an HDF5 file before it is read: its tables, and the faults that are already visible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from datascan.config.options import ReadOptions
from datascan.decoders.image.decoder import ImageDecoder
from datascan.errors import DatasetError
from datascan.readers.hdf5.chunks import Chunks, fill_value, inspect_chunks
from datascan.readers.hdf5.direct_read import find_place
from datascan.readers.hdf5.files import Source
from datascan.readers.hdf5.filters import ChunkGuard
from datascan.readers.hdf5.inventory import DatasetInfo, MissingRows, take_inventory
from datascan.readers.hdf5.limits import (
    MAX_UNITS_BYTES,
    Budget,
    has_own_fill_value,
    is_unwritten,
)
from datascan.readers.hdf5.missing_rows import find_missing_rows
from datascan.readers.hdf5.open_file import HDF5_ERRORS, fault_of_opening, reason
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.row_lengths import find_shared_rows, has_variable_length
from datascan.readers.hdf5.rows import unit_bytes
from datascan.readers.hdf5.selection import (
    Selection,
    SelectionError,
    Table,
    UnreachableError,
    select_datasets,
)
from datascan.readers.hdf5.skipped import find_skipped
from datascan.readers.hdf5.storage import MissingFilterError, require_filters, rows_on_disk
from datascan.readers.hdf5.superblock import describe_driver
from datascan.readers.hdf5.text_labels import read_text_labels
from datascan.records.block import Fault, Uninspected

PADDED_SAMPLES = 2
MIN_SAMPLE_BYTES, MAX_SAMPLE_BYTES = 64, 1 << 24
"""Rows of bytes that may be encoded images: how many are read, and how large they may be."""

MAX_SAMPLES = 32
"""Records of variable length are images if one of the first this many is an image."""


class FilePlan(Struct):
    """What is known of a file: the tables that can be read, its faults, and its text labels.

    ``is_decoded`` if HDF5 must convert or decompress stored bytes, which can crash on a damaged
    file; the bytes of other files are read without HDF5. ``unlike``: why the file has other
    datasets than the first one, if it then was planned on its own. ``refers``: see ``RootFile``.
    """

    selection: Selection | None = None
    tables: list[Table] = []
    faults: list[Fault] = []
    is_decoded: bool = False
    label_texts: set[bytes] = set()
    budget: Budget = field(default_factory=lambda: Budget(available=0))
    skipped: list[Uninspected] = []
    unlike: Fault | None = None
    refers: bool = False


class FileQuery(Struct, frozen=True):
    """A file to plan; ``like`` is the selection made in the first file of the dataset."""

    source: Source
    options: ReadOptions
    like: Selection | None


def plan_after_crash(source: Source, crash: str) -> FilePlan:
    """The plan of a file that cannot be inspected."""
    cause = f"HDF5 was {crash}" if crash.startswith("killed") else crash
    detail = f"{source.shown} cannot be opened: {cause}"
    return FilePlan(faults=[Fault(None, "reader-crash", detail)])


def plan_file(query: FileQuery) -> FilePlan:
    """Plan one file.

    Raises:
        DatasetError: if the datasets of the first file cannot be selected.
    """
    source = query.source
    try:
        with RootFile(source.path, follow_links=query.options.follow_links) as root:
            return replace(plan_open_file(root, query), refers=root.refers)
    except HDF5_ERRORS as error:
        if (driver := describe_driver(source.path)) is not None:
            return FilePlan(skipped=[Uninspected("part", source.shown, driver, 0)])
        return FilePlan(faults=[fault_of_opening(source.path, source.shown, error)])


def plan_open_file(root: RootFile, query: FileQuery) -> FilePlan:
    """Plan an open file.

    Raises:
        DatasetError: if the datasets of the first file cannot be selected.
    """
    shown = query.source.shown
    found = take_inventory(root, shown)
    try:
        selection = select_datasets(found, query.options, query.like, shown)
    except UnreachableError:
        return FilePlan(faults=found.faults)
    except SelectionError as error:
        if query.like is None and not found.faults:
            raise DatasetError(str(error)) from error
        unlike = Fault(None, "damaged-store", str(error))
        if query.like is not None and query.options.data_key is None and not found.faults:
            # It may hold other columns of the same records.
            return replace(plan_open_file(root, replace(query, like=None)), unlike=unlike)
        return FilePlan(faults=[*found.faults, unlike])
    plan = FilePlan(selection, faults=found.faults, budget=Budget.of(root))
    plan.skipped = [*find_skipped(found, selection)]
    for table in selection.tables:
        add_table(root, table, shown, plan, query.options)
    return plan


def add_table(
    root: RootFile, table: Table, shown: str, plan: FilePlan, options: ReadOptions
) -> None:
    """Add the columns of a table that can be read to ``plan``, and the faults of the others."""
    if table.label is not None and table.label.rows != table.data.rows:
        plan.faults.append(length_mismatch(shown, table.data, table.label))
    data = inspect_column(root, table.data, "data", shown, plan)
    if data is None:
        return
    label = table.label and inspect_column(root, table.label, "label", shown, plan)
    extras = [inspect_column(root, extra, "extra", shown, plan) for extra in table.extras]
    readable_extras = tuple(extra for extra in extras if extra is not None)
    data = with_place(root, cut_to_file(root, detect_images(root, data), shown, plan.faults))
    plan.skipped += find_padded_images(root, (data, *readable_extras))
    for column in filter(None, (data, label, *readable_extras)):
        plan.is_decoded |= column.rows > 0 and column.place is None
    if label is not None and label.content == "text":
        label = add_texts(root, label, shown, plan, min(options.limit or data.rows, data.rows))
    plan.tables.append(Table(data, label, limit_units(data, readable_extras, shown, plan)))


def with_place(root: RootFile, column: DatasetInfo) -> DatasetInfo:
    """The column with the place of its values, if it can be read without HDF5."""
    place = find_place(root.open(column.path), column)
    return column if place is None else replace(column, place=place)


def find_padded_images(root: RootFile, columns: Iterable[DatasetInfo]) -> Iterator[Uninspected]:
    """Columns whose rows are encoded images padded with zeros: their bytes are checked as numbers.

    Source: MarkFzp/act-plus-plus, compress_data.py.
    """
    for column in columns:
        if column.content == "numbers" and len(column.shape) == 1 and column.dtype == "|u1":
            samples = read_samples(root, column)
            if samples is not None and any(ImageDecoder.matches(row.tobytes()) for row in samples):
                encoding = "encoded images padded with zeros"
                yield Uninspected("field", column.name, encoding, column.rows)


def read_samples(root: RootFile, column: DatasetInfo) -> Any:
    """The first rows of a column; None if they cannot be read."""
    if column.record_bytes < MIN_SAMPLE_BYTES or unit_bytes(column) > MAX_SAMPLE_BYTES:
        return None
    count = min(PADDED_SAMPLES, column.rows)
    try:
        dataset = root.open(column.path)
        if dataset.is_virtual:  # the chunks of its sources may be of any size
            return None
        if guard := ChunkGuard.of(dataset):
            guard.require(0, count)
        return dataset[:count]
    except HDF5_ERRORS:
        return None


def add_texts(
    root: RootFile, label: DatasetInfo, shown: str, plan: FilePlan, rows: int
) -> DatasetInfo | None:
    """Add the texts of the first ``rows`` labels to ``plan``; None if they cannot be read."""
    try:
        plan.label_texts |= read_text_labels(root, label, rows)
    except HDF5_ERRORS as error:
        why = f"{shown}:{label.name} cannot be read: {reason(error)}"
        plan.faults.append(Fault(None, "damaged-store", why))
        return None
    return label


def limit_units(
    data: DatasetInfo,
    extras: tuple[DatasetInfo, ...],
    shown: str,
    plan: FilePlan,
) -> tuple[DatasetInfo, ...]:
    """The extras whose chunks can be in memory at once, and a fault for the others."""

    def bytes_in_memory(column: DatasetInfo) -> int:
        return 0 if column.place else unit_bytes(column)

    total = bytes_in_memory(data)
    kept = []
    for extra in extras:
        total += bytes_in_memory(extra)
        if total > MAX_UNITS_BYTES:
            why = f"is not read: chunks of all datasets take more than {MAX_UNITS_BYTES:,} bytes"
            plan.faults.append(Fault(None, "damaged-store", f"{shown}:{extra.name} {why}"))
        else:
            kept.append(extra)
    return tuple(kept)


def length_mismatch(shown: str, data: DatasetInfo, label: DatasetInfo) -> Fault:
    """The fault of a table whose data and label differ in length."""
    detail = f"{shown}: {data.name} has {data.rows:,} rows, {label.name} has {label.rows:,}"
    return Fault(None, "length-mismatch", detail)


def inspect_column(
    root: RootFile, column: DatasetInfo, role: str, shown: str, plan: FilePlan
) -> DatasetInfo | None:
    """The column with its missing chunks; None if it cannot be read.

    ``plan`` receives what is wrong. ``role``: "data", "label" or "extra"; without data, all
    records are lost.
    """
    name = f"{shown}:{column.name}"
    gaps: list[MissingRows] = []
    chunks: Chunks | None = None
    try:
        dataset = root.open(column.path)
        if is_unwritten(dataset):
            add_unwritten(dataset, column, role, name, plan)
            return None
        problem = find_problem(root, dataset, column, role, plan.budget)
        if problem is None:
            gaps = find_missing_rows(root, dataset)
            chunks = inspect_chunks(dataset)
            problem = describe_missing(
                [*gaps, *(chunks.holes if chunks else ())], column.rows, plan.budget
            )
    except MissingFilterError as error:
        plan.skipped.append(
            Uninspected("field", column.name, error.encoding, column.rows, error.remedy)
        )
        return None
    except HDF5_ERRORS as error:
        problem = f"cannot be read: {reason(error)}"
    # The number of rows in a gap without an end is unknown: the file as a whole is at fault.
    open_gaps = [gap for gap in gaps if gap.first >= gap.stop]
    plan.faults += [Fault(None, "damaged-store", f"{name}: {gap.why}") for gap in open_gaps]
    if problem is not None:
        lost = column.rows if role == "data" else 0
        plan.faults.append(Fault(None, "damaged-store", f"{name} {problem}", lost))
        return None
    if chunks is None:
        return column if role == "data" else with_place(root, column)
    if chunks.error:
        plan.faults.append(Fault(None, "damaged-store", f"{name}: {chunks.error}"))
    return replace(column, holes=chunks.holes, written=chunks.written)


def add_unwritten(dataset: Any, column: DatasetInfo, role: str, name: str, plan: FilePlan) -> None:
    """Add a dataset to ``plan`` that was never written: as a fault, unless that may be intended."""
    if has_own_fill_value(dataset):
        encoding = f"never written, all rows are the fill value {describe_fill(dataset)}"
        plan.skipped.append(Uninspected("field", column.name, encoding, column.rows))
        return
    why = f"was never written, so HDF5 returns fill values for all of its {column.rows:,} rows"
    lost = column.rows if role == "data" else 0
    plan.faults.append(Fault(None, "never-written", f"{name} {why}", lost))


def describe_fill(dataset: Any) -> str:
    """The fill value of a dataset as text; "of its writer" if it is not a number."""
    value = fill_value(dataset)
    return f"{value.item()!r}" if value.dtype.kind in "biuf" else "of its writer"


def find_problem(
    root: RootFile, dataset: Any, column: DatasetInfo, role: str, budget: Budget
) -> str | None:
    """Why a dataset must not be read at all, without reading it; None if it may.

    Raises:
        MissingFilterError: if it needs a filter that is not installed.
    """
    if not column.rows:
        return None
    budget.available, budget.size = root.available, root.size
    problem = budget.find_excess(dataset, role)
    if problem is None:
        require_filters(dataset)
    if problem is None and has_variable_length(dataset):
        return find_shared_rows(dataset, budget.available)
    return problem


def describe_missing(gaps: Sequence[MissingRows], rows: int, budget: Budget) -> str | None:
    """Why a dataset is not read if too many rows are missing to report each of them."""
    missing = sum(min(gap.stop, rows) - gap.first for gap in gaps if gap.first < gap.stop)
    if budget.accepts_missing(missing):
        return None
    return f"has {rows:,} rows, but {min(missing, rows):,} are missing: {gaps[0].why}"


def cut_to_file(
    root: RootFile, column: DatasetInfo, shown: str, faults: list[Fault]
) -> DatasetInfo:
    """The column without the rows past the end of the file; ``faults`` receives how many."""
    rows = rows_on_disk(root.open(column.path), column)
    if rows == column.rows:
        return column
    detail = (
        f"{shown}:{column.name} has {column.rows:,} rows, but the file ends after {rows:,} of them"
    )
    faults.append(Fault(None, "truncated-store", detail, column.rows - rows))
    return replace(column, rows=rows)


def detect_images(root: RootFile, column: DatasetInfo) -> DatasetInfo:
    """A column of variable-length records as images, if one of the first is an image."""
    if column.content == "numbers":
        return column
    try:
        dataset = root.open(column.path)
        if guard := ChunkGuard.of(dataset):
            guard.require(0, min(MAX_SAMPLES, column.rows))
        samples = dataset[:MAX_SAMPLES].ravel()
    except HDF5_ERRORS:
        return column
    is_images = any(ImageDecoder.matches(sample.tobytes()) for sample in samples)
    return replace(column, content="images") if is_images else column
