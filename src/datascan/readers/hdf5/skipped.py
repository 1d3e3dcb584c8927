"""The datasets of a file that are not read: other types, and other numbers of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

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
    total: dict[Uninspected, int] = {}
    for one in found:
        key = replace(one, records=0)
        total[key] = total.get(key, 0) + one.records
    parts = (replace(key, records=records) for key, records in total.items())
    return tuple(sorted(parts, key=lambda one: (one.what, one.name, one.encoding)))
