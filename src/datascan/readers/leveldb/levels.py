"""Where a store's tables stand, so that LevelDB leaves them alone."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from datascan.readers.leveldb.manifest import Table

LEVELS = 7


def stable_levels(tables: Sequence[Table]) -> tuple[Table, ...]:
    """The same tables on levels on which LevelDB has no reason to compact them.

    LevelDB rewrites tables in the background as soon as a level holds too much of them; only the
    deepest level has no limit. So every table sinks as deep as the older ones allow whose keys it
    shares: newer tables stay above older ones, and the tables of a level, but for the first level,
    share no keys.
    """
    levels = [Level() for _ in range(LEVELS)]
    placed = []
    for table in oldest_first(tables):
        below = next((i for i, level in enumerate(levels) if level.meets(table)), LEVELS)
        depth = max(0, below - 1)
        levels[depth].add(table)
        placed.append(replace(table, level=depth))
    return tuple(sorted(placed, key=lambda table: (table.level, table.number)))


def oldest_first(tables: Sequence[Table]) -> Iterator[Table]:
    """Deep levels before shallow ones; within level 0, small numbers first."""
    deep = [[table for table in tables if table.level == i] for i in range(LEVELS - 1, 0, -1)]
    yield from chain.from_iterable(map(chains_from_the_right, deep))
    yield from sorted((t for t in tables if t.level == 0), key=lambda table: table.number)


def chains_from_the_right(tables: Sequence[Table]) -> Iterator[Table]:
    """A level's tables by key, but those that touch from right to left.

    Of two tables that share a user key, the left one holds its newer versions.
    """
    touching: list[Table] = []
    for table in sorted(tables, key=lambda table: (table.first, table.last)):
        if touching and table.first > touching[-1].last:
            yield from reversed(touching)
            touching = []
        touching.append(table)
    yield from reversed(touching)


class Level:
    """Key ranges, and whether another one meets any of them."""

    def __init__(self) -> None:
        self.spans: list[tuple[bytes, bytes]] = []
        self.shared = False

    def add(self, table: Table) -> None:
        """Take in the keys of ``table``."""
        self.shared |= self.meets(table)
        insort(self.spans, (table.first, table.last))

    def meets(self, table: Table) -> bool:
        """Whether ``table`` has keys in common with this level."""
        if self.shared:
            return any(first <= table.last and table.first <= last for first, last in self.spans)
        at = bisect_left(self.spans, (table.last + b"\0",))
        return at > 0 and self.spans[at - 1][1] >= table.first
