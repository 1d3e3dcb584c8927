"""Selection of the datasets of a file: data, labels, and additional columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from datascan.config.options import ReadOptions
from datascan.readers.hdf5.inventory import DESCRIPTIVE, SINGLE, DatasetInfo, Inventory, join_first

DATA_NAMES = ("data", "x", "images", "features")
LABEL_NAMES = ("label", "labels", "y", "targets")


class Table(Struct, frozen=True):
    """Datasets whose rows belong together: row i of each belongs to record i."""

    data: DatasetInfo
    label: DatasetInfo | None = None
    extras: tuple[DatasetInfo, ...] = ()


class Selection(Struct, frozen=True):
    """The tables of a file: one of data and label, or one for every dataset (``selects_all``)."""

    tables: tuple[Table, ...]
    selects_all: bool = False


class SelectionError(Exception):
    """The datasets of a file cannot be selected. The message is a full sentence."""


class UnreachableError(SelectionError):
    """The dataset to select is damaged, and its fault has been recorded."""


def select_datasets(
    inventory: Inventory, options: ReadOptions, first: Selection | None, shown: str
) -> Selection:
    """Select the tables of a file, as in the first file if there was one before.

    Raises:
        SelectionError: if a requested dataset does not exist, or the selection is ambiguous.
    """
    if not inventory.columns:
        raise SelectionError(
            f"{shown} has no numeric dataset with at least one axis, only: {inventory.describe()}"
        )
    if first is not None and first.selects_all:
        return select_all(inventory.columns)
    data = select_data(inventory, options, first, shown)
    if data is None:
        return select_all(inventory.columns)
    label = select_label(inventory, options, first, data, shown)
    first_label = first.tables[0].label if first else None
    if label and first_label and "text" in {label.content, first_label.content} != {"text"}:
        raise SelectionError(
            f"{shown}: labels in {label.name} are {label.content}, "
            f"but those of the first file are {first_label.content}"
        )
    return Selection((Table(data, label, select_extras(inventory.columns, data, label)),))


def select_all(columns: Mapping[str, DatasetInfo]) -> Selection:
    """Select every dataset as a table of its own, in path order."""
    return Selection(tuple(Table(columns[name]) for name in sorted(columns)), selects_all=True)


def select_data(
    inventory: Inventory, options: ReadOptions, first: Selection | None, shown: str
) -> DatasetInfo | None:
    """The data; None if all datasets should be scanned."""
    columns = inventory.columns
    requested = find_requested(options.data_key, first.tables[0].data if first else None)
    if requested is not None:
        return get_dataset(inventory, requested, shown)
    in_root = first_named(members(columns, ""), DATA_NAMES)
    if in_root:
        return get_single(in_root, "--data", shown)
    unreadable = find_unreadable(inventory)
    refuse_unreadable(inventory, [n for n in unreadable if n.lower() in DATA_NAMES], shown)
    named = first_named(columns.values(), DATA_NAMES)
    if named:
        return named[0] if len(named) == 1 else None
    rest = [info for name, info in columns.items() if base_name(name) not in LABEL_NAMES]
    if options.label_key is not None:
        rest = [info for info in rest if info.name != options.label_key.strip("/")]
    if not rest:
        refuse_unreadable(inventory, unreadable, shown)
    if len(rest) == 1:
        return rest[0]
    if options.label_key is not None:
        if not rest:
            raise SelectionError(f"{shown} has no dataset besides the label")
        names = join_first([info.name for info in rest])
        raise SelectionError(
            f"{shown} has several datasets besides the label; choose one with --data: {names}"
        )
    return None


def select_label(
    inventory: Inventory,
    options: ReadOptions,
    first: Selection | None,
    data: DatasetInfo,
    shown: str,
) -> DatasetInfo | None:
    """The labels of ``data``, if it has any.

    A text dataset is used if it was requested, or has a label's name and as many rows as the data.
    """
    if options.label_key is not None:
        return get_requested_label(inventory, options.label_key.strip("/"), shown)
    others = {name: info for name, info in inventory.columns.items() if name != data.name}
    first_label = first.tables[0].label if first else None
    if first_label and first_label.name in others:
        return usable_label(others[first_label.name])
    texts = {name: info for name, info in inventory.texts.items() if info.rows == data.rows}
    if first_label and first_label.name in texts:
        return texts[first_label.name]
    for group in (group_name(data.name), ""):
        for candidates in (others, texts):
            named = first_named(members(candidates, group), LABEL_NAMES)
            if (label := get_single(named, "--label", shown)) is not None:
                return usable_label(label)
    anywhere = first_named(others.values(), LABEL_NAMES)
    return usable_label(anywhere[0]) if len(anywhere) == 1 else None


def get_requested_label(inventory: Inventory, key: str, shown: str) -> DatasetInfo:
    """The label dataset that the user requested."""
    if key in inventory.texts:
        return inventory.texts[key]
    info = get_dataset(inventory, key, shown)
    if not usable_label(info):
        raise SelectionError(
            f"dataset {info.name!r} of {shown} has no numbers, so it cannot be the label"
        )
    return info


def usable_label(info: DatasetInfo) -> DatasetInfo | None:
    """The dataset if its rows can be labels, else None."""
    can_be_label = info.content in {"numbers", "text"} and info.record_bytes
    return info if can_be_label else None


def select_extras(
    columns: Mapping[str, DatasetInfo], data: DatasetInfo, label: DatasetInfo | None
) -> tuple[DatasetInfo, ...]:
    """Other numeric datasets with as many rows as the data, in path order."""
    used = {data.name, label.name if label else None}
    return tuple(
        info
        for name, info in sorted(columns.items())
        if name not in used and info.rows == data.rows and info.content == "numbers"
    )


def find_requested(key: str | None, first: DatasetInfo | None) -> str | None:
    """The path that the user requested, or that was selected in the first file."""
    return key.strip("/") if key is not None else first.name if first else None


def get_dataset(inventory: Inventory, key: str, shown: str) -> DatasetInfo:
    """The dataset at ``key``.

    Raises:
        SelectionError: if it does not exist or has an unsupported type.
        UnreachableError: if it is damaged.
    """
    if key in inventory.columns:
        return inventory.columns[key]
    if key in inventory.lost:
        raise UnreachableError(f"dataset {key!r} of {shown} cannot be reached")
    content = inventory.others.get(key)
    why = f"{shown} has no dataset {key!r}"
    if content:
        why = f"dataset {key!r} of {shown} contains {content}"
    raise SelectionError(f"{why}; available datasets: {join_first(inventory.names)}")


def find_unreadable(inventory: Inventory) -> list[str]:
    """Paths of datasets that may be the data but have an unsupported type or are damaged."""
    likely = {
        name
        for name, content in inventory.others.items()
        if content not in (SINGLE if base_name(name) in DATA_NAMES else DESCRIPTIVE)
    }
    return sorted(likely | inventory.lost)


def refuse_unreadable(inventory: Inventory, names: Sequence[str], shown: str) -> None:
    """Do not select other data in place of ``names``, which cannot be read.

    Raises:
        SelectionError: if there are any.
    """
    if any(name in inventory.lost for name in names):
        raise UnreachableError(f"{shown}: {join_first(list(names))} cannot be reached")
    if names:
        contents = join_first([f"{name} contains {inventory.others[name]}" for name in names])
        raise SelectionError(
            f"{shown}: {contents}, which cannot be read; choose another dataset with --data"
        )


def first_named(columns: Iterable[DatasetInfo], names: Sequence[str]) -> list[DatasetInfo]:
    """The datasets with the first of ``names`` that any dataset has."""
    candidates = list(columns)
    for name in names:
        matches = [info for info in candidates if base_name(info.name) == name]
        if matches:
            return matches
    return []


def get_single(columns: Sequence[DatasetInfo], option: str, shown: str) -> DatasetInfo | None:
    """The only dataset of ``columns``; None if it is empty.

    Raises:
        SelectionError: if there are several.
    """
    if len(columns) > 1:
        names = join_first(sorted(info.name for info in columns))
        raise SelectionError(
            f"{shown} has several matching datasets; choose one with {option}: {names}"
        )
    return columns[0] if columns else None


def members(columns: Mapping[str, DatasetInfo], group: str) -> list[DatasetInfo]:
    """The datasets directly in ``group``."""
    return [info for name, info in columns.items() if group_name(name) == group]


def group_name(name: str) -> str:
    """The path of a dataset's group."""
    return name.rpartition("/")[0]


def base_name(name: str) -> str:
    """The last component of a path, in lower case."""
    return name.rpartition("/")[2].lower()
