"""The datasets of a file that are not read: other types, and other numbers of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from datascan.readers.hdf5.inventory import EMPTY, Inventory
from datascan.readers.hdf5.selection import Selection
from datascan.records.block import Uninspected


def find_skipped(inventory: Inventory, selection: Selection) -> Iterator[Uninspected]:
    """Every dataset that is not a column of one of the selected tables, in path order."""
    used = {
        column.name
        for table in selection.tables
        for column in (table.data, table.label, *table.extras)
        if column is not None
    }
    for name in inventory.names:
        if name in used:
            continue
        if name in inventory.columns:
            rows = inventory.columns[name].rows
            yield Uninspected("field", name, f"{inventory.columns[name].content}, other rows", rows)
        elif inventory.others[name] != EMPTY:
            yield Uninspected(
                "field", name, inventory.others[name], inventory.other_rows.get(name, 0)
            )


def add_skipped(found: Iterable[Uninspected]) -> tuple[Uninspected, ...]:
    """The same of several files: those of one name and type are added."""
    total: dict[tuple[Any, str, str], int] = {}
    for one in found:
        key = one.what, one.name, one.encoding
        total[key] = total.get(key, 0) + one.records
    return tuple(Uninspected(*key, records) for key, records in sorted(total.items()))
