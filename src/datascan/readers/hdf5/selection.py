"""Which datasets of a file are the records, which their labels, and which go along with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from datascan.config.options import ReadOptions
from datascan.readers.hdf5.inventory import BESIDES, SINGLE, DatasetInfo, Inventory, join_first

DATA_NAMES = ("data", "x", "images", "features")
LABEL_NAMES = ("label", "labels", "y", "targets")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns whose rows belong together: row i of each is of record i."""

    data: DatasetInfo
    label: DatasetInfo | None = None
    extras: tuple[DatasetInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """The tables of a file: one of data and label, or (``whole``) one for every dataset."""

    tables: tuple[Table, ...]
    whole: bool = False


class SelectionError(Exception):
    """A file in which the datasets cannot be chosen; holds a sentence without a subject."""


class UnreachableError(SelectionError):
    """A file in which they cannot be reached, for which there is a fault already."""


def select_datasets(
    found: Inventory, options: ReadOptions, like: Selection | None, shown: str
) -> Selection:
    """The tables of a file, chosen as in the file before it (``like``) where there is one.

    Raises:
        Unchosen: where a dataset asked for does not exist, or several would do.
    """
    if not found.columns:
        raise SelectionError(
            f"{shown} holds no numeric dataset of one axis or more, only: {found.described()}"
        )
    if like is not None and like.whole:
        return select_all(found.columns)
    data = data_of(found, options, like, shown)
    if data is None:
        return select_all(found.columns)
    label = label_of(found, options, like, data, shown)
    before = like.tables[0].label if like else None
    if label and before and "text" in {label.content, before.content} != {"text"}:
        raise SelectionError(
            f"{shown}: labels are text in {label.name} or in the first file, not in both"
        )
    return Selection((Table(data, label, extras_of(found.columns, data, label)),))


def select_all(columns: Mapping[str, DatasetInfo]) -> Selection:
    """Every dataset on its own, in path order."""
    return Selection(tuple(Table(columns[name]) for name in sorted(columns)), whole=True)


def data_of(
    found: Inventory, options: ReadOptions, like: Selection | None, shown: str
) -> DatasetInfo | None:
    """The records; None where the file is to be scanned whole."""
    asked = find_requested(options.data_key, like.tables[0].data if like else None)
    if asked is not None:
        return required(found, asked, shown)
    of_root = foremost(in_group(found.columns, ""), DATA_NAMES)
    if of_root:
        return only_one(of_root, "--data", shown)
    refuse_others(found, [n for n in unread(found) if n.lower() in DATA_NAMES], shown)
    named = foremost(found.columns.values(), DATA_NAMES)
    if named:
        return named[0] if len(named) == 1 else None
    rest = [column for name, column in found.columns.items() if last(name) not in LABEL_NAMES]
    if options.label_key is not None:
        rest = [column for column in rest if column.name != stripped(options.label_key)]
    if not rest:
        refuse_others(found, unread(found), shown)
    if len(rest) == 1:
        return rest[0]
    if options.label_key is not None:
        names = join_first([column.name for column in rest]) or "no other"
        raise SelectionError(
            f"{shown} has several datasets beside the label: choose by --data: {names}"
        )
    return None


def label_of(
    found: Inventory, options: ReadOptions, like: Selection | None, data: DatasetInfo, shown: str
) -> DatasetInfo | None:
    """The labels of ``data``; None without any.

    Text is taken for labels if it was asked for, or has a label's name and as many rows.
    """
    others = {name: column for name, column in found.columns.items() if name != data.name}
    if options.label_key is not None:
        key = stripped(options.label_key)
        if key in found.texts:
            return found.texts[key]
        asked = required(found, key, shown)
        if not labels(asked):
            raise SelectionError(
                f"dataset {asked.name!r} of {shown} holds no numbers: it is no label"
            )
        return asked
    before = like.tables[0].label if like else None
    if before and before.name in others:
        return labels(others[before.name])
    texts = {name: column for name, column in found.texts.items() if column.rows == data.rows}
    if before and before.name in texts:
        return texts[before.name]
    for group in (parent(data.name), ""):
        beside = only_one(foremost(in_group(others, group), LABEL_NAMES), "--label", shown)
        beside = beside or only_one(foremost(in_group(texts, group), LABEL_NAMES), "--label", shown)
        if beside is not None:
            return labels(beside)
    anywhere = foremost(others.values(), LABEL_NAMES)
    return labels(anywhere[0]) if len(anywhere) == 1 else None


def labels(column: DatasetInfo | None) -> DatasetInfo | None:
    """The column, if its records can be labels."""
    can_be = column and column.content in {"numbers", "text"} and column.record_bytes
    return column if can_be else None


def extras_of(
    columns: Mapping[str, DatasetInfo], data: DatasetInfo, label: DatasetInfo | None
) -> tuple[DatasetInfo, ...]:
    """Other numeric datasets with as many rows as the data, in path order."""
    taken = {data.name, label.name if label else None}
    return tuple(
        column
        for name, column in sorted(columns.items())
        if name not in taken and column.rows == data.rows and column.content == "numbers"
    )


def find_requested(key: str | None, before: DatasetInfo | None) -> str | None:
    """The path asked for on the command line, or taken in the file before."""
    return stripped(key) if key is not None else before.name if before else None


def required(found: Inventory, key: str, shown: str) -> DatasetInfo:
    """The column at ``key``."""
    if key in found.columns:
        return found.columns[key]
    if key in found.lost:
        raise UnreachableError(f"dataset {key!r} of {shown} cannot be reached")
    kind = found.others.get(key)
    what = f"dataset {key!r} of {shown} holds {kind}" if kind else f"{shown} has no dataset {key!r}"
    raise SelectionError(f"{what}; it has: {join_first(found.names)}")


def unread(found: Inventory) -> list[str]:
    """Paths of what may be the records, and is of a type that is not read, or not to be reached."""
    likely = {
        name
        for name, kind in found.others.items()
        if kind not in (SINGLE if last(name) in DATA_NAMES else BESIDES)
    }
    return sorted(likely | found.lost)


def refuse_others(found: Inventory, names: Sequence[str], shown: str) -> None:
    """Refuse to take others for the data where ``names`` are it, and cannot be read.

    Raises:
        Unchosen: where there are any.
    """
    if any(name in found.lost for name in names):
        raise UnreachableError(f"{shown}: {join_first(list(names))} cannot be reached")
    if names:
        held = join_first([f"{name} holds {found.others[name]}" for name in names])
        raise SelectionError(
            f"{shown}: {held}, which is not read; choose another dataset by --data"
        )


def foremost(columns: Iterable[DatasetInfo], names: Sequence[str]) -> list[DatasetInfo]:
    """The columns with the first of ``names`` that any of them has."""
    among = list(columns)
    for name in names:
        same = [column for column in among if last(column.name) == name]
        if same:
            return same
    return []


def only_one(columns: Sequence[DatasetInfo], option: str, shown: str) -> DatasetInfo | None:
    """The only one of ``columns``; None of none.

    Raises:
        Unchosen: where there are several.
    """
    if len(columns) > 1:
        names = join_first(sorted(column.name for column in columns))
        raise SelectionError(
            f"{shown} has several datasets of that kind: choose by {option}: {names}"
        )
    return columns[0] if columns else None


def in_group(columns: Mapping[str, DatasetInfo], group: str) -> list[DatasetInfo]:
    """The columns that stand in ``group`` itself."""
    return [column for name, column in columns.items() if parent(name) == group]


def stripped(key: str) -> str:
    """A dataset's path without slashes around it."""
    return key.strip("/")


def parent(name: str) -> str:
    """The group of a dataset."""
    return name.rpartition("/")[0]


def last(name: str) -> str:
    """The last component of a path, in lower case."""
    return name.rpartition("/")[2].lower()
