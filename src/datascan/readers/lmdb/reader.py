"""LMDB: a folder with ``data.mdb``, or a single file.

It is read page by page (datascan.readers.lmdb): without copies, and without crashing on damage.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, cached_property, partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.keyvalue.reader import KeyValueReader
from datascan.readers.lmdb.orphans import find_orphaned_leaves
from datascan.readers.lmdb.pages import LEAF, NO_PAGE, PageFile, Tree, has_magic, page_error
from datascan.readers.lmdb.tree import TreeReader
from datascan.records.block import Fault
from datascan.records.shard import Plan

DATA = "data.mdb"
UNKNOWN_TREE = Tree(0, 2, 0, 0, 0, 0, NO_PAGE - 1)
"""Stands for a tree whose root nobody knows: all of its leaves are strays."""

MAX_DATABASES = 10_000
"""A main database with more entries is taken to hold records, not databases."""


class LmdbReader(KeyValueReader):
    """Reads an LMDB environment without its lock file, as of the newest whole transaction."""

    name = "lmdb"

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self._opened: tuple[PageFile, TreeReader] | None = None

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """A folder with a ``data.mdb``, or a file that begins with LMDB's magic number."""
        if path.is_dir():
            return (path / DATA).is_file()
        return path.is_file() and has_magic(path)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}

    @property
    def data_path(self) -> Path:
        """The data file."""
        return self.path / DATA if self.path.is_dir() else self.path

    def plan(self) -> Plan:
        """Look at the meta pages, then plan as for any key-value store."""
        if not self.data_path.is_file():
            raise DatasetError(f"{self.path} is no LMDB: there is no {self.data_path.name} in it")
        if self.data_path.suffix != ".mdb" and not has_magic(self.data_path):
            raise DatasetError(f"{self.path} is no LMDB: it does not begin like one")
        plan = super().plan()
        if self.tree.tree.entries and not plan.shards and not self.faults():
            raise DatasetError(f"{self.path} holds no database that can be read")
        return plan

    @property
    def file(self) -> PageFile:
        """The data file, opened once a process."""
        return self._open()[0]

    @property
    def tree(self) -> TreeReader:
        """The database asked for."""
        return self._open()[1]

    def _open(self) -> tuple[PageFile, TreeReader]:
        if self._opened is None:
            file = PageFile(self.data_path)
            tree = select_tree(file, self.options.read.db) or UNKNOWN_TREE
            strays = cache(partial(find_orphaned_leaves, file, tree))
            self._opened = file, TreeReader(file, tree, strays)
        return self._opened

    def faults(self) -> tuple[Fault, ...]:
        """A file that is too short, meta pages that are destroyed, branch pages that are lost."""
        found = []
        name = self.data_path.name
        if not self.file.size:
            found.append(Fault(None, "truncated-store", f"{name} is empty"))
        elif self.file.lost_metas:
            both = len(self.file.lost_metas) == 2
            which = "both meta pages are" if both else f"meta page {self.file.lost_metas[0]} is"
            found.append(Fault(None, "damaged-store", f"{name}: {which} destroyed"))
        if self.file.is_truncated:
            found.append(
                Fault(
                    None,
                    "truncated-store",
                    f"{name} has {self.file.size:,} bytes, "
                    f"but its pages take {self.file.declared_bytes:,}",
                )
            )
        if self.file.meta is not None and self.tree.tree is UNKNOWN_TREE:
            words = f"the page that leads to database {self.options.read.db!r} is lost"
            found.append(Fault(None, "damaged-store", f"{name}: {words}"))
        return (*found, *self._branch_faults)

    @cached_property
    def _branch_faults(self) -> tuple[Fault, ...]:
        walk = TreeReader(self.file, self.tree.tree)
        for _ in walk.leaves():
            pass
        lost = walk.lost if self.tree.tree is not UNKNOWN_TREE else []
        return tuple(page.fault for page in lost)

    def store_count(self) -> int | None:
        """How many records the database says it has."""
        known = self.tree.tree is not UNKNOWN_TREE
        return self.tree.tree.entries - self._databases if known else None

    def find_missing(self, records: int) -> Iterator[Fault]:
        """A number of records that is not that of the database's own entry."""
        claimed = self._store_count()
        if claimed is None or claimed == records:
            return
        if self.options.read.db is None and self.tree.tree.entries > MAX_DATABASES:
            claimed -= len(self.tree.databases())
        if claimed != records:
            words = f"it holds {records:,} records, but counts {claimed:,} itself"
            yield Fault(None, "damaged-store", f"{self.data_path.name}: {words}")

    @cached_property
    def _databases(self) -> int:
        """Entries that are named databases; a tree with many entries is taken to hold none."""
        few = self.tree.tree.entries <= MAX_DATABASES
        return len(self.tree.databases()) if few and self.options.read.db is None else 0

    def key_ranges(self) -> list[KeyRange]:
        """Runs of leaf pages, with the keys that part them in the branch pages."""
        tree = self.tree.tree
        if tree.root == NO_PAGE or not len(self.file.pages):
            return []
        if not tree.is_plain:
            # Keys in an order of their own, or with several values: ranges would have to know it.
            return [KeyRange()]
        leaf_bytes = max(1.0, self.nbytes() / max(1, tree.leaf_pages))
        step = max(1, int(self.options.read.shard_bytes / leaf_bytes))
        leaves = islice(self.tree.leaves(), 0, None, step)
        edges = [leaf.key for leaf in leaves][1:]
        return [KeyRange(a, b) for a, b in pairwise([None, *edges, None])]

    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:  # noqa: ARG002
        """The entries of a key range, where they lie: values are not touched."""
        yield from self.tree.pairs(span.first, span.stop)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``, if the database is an ordinary one."""
        return self.tree.find(key) if self.tree.tree.is_plain else None

    def nbytes(self) -> int:
        """The bytes of the database's pages, as far as the file has them."""
        if self.tree.tree is UNKNOWN_TREE:
            return self.file.size
        return min(self.tree.tree.pages * self.file.page_size, self.file.size)


def select_tree(file: PageFile, name: str | None) -> Tree | None:
    """The database called ``name``, or the main one; None where the way to it is lost.

    Raises:
        DatasetError: where there is no such database, or the main one only holds others.
    """
    if file.meta is None:
        return None
    main = TreeReader(file, file.meta.main)
    if name is not None:
        key = name.encode()
        own_order = main.tree.is_backward
        tree = (main.databases() if own_order else main.databases(key, key + b"\0")).get(key)
        if tree is None and has_lost_pages(main):
            return None
        if tree is None:
            known = ", ".join(sorted(map(format_key, main.databases()))) or "none"
            raise DatasetError(f"{file.path} has no database {name!r}; it has: {known}")
        return tree
    if 0 < main.tree.entries <= MAX_DATABASES:
        named = main.databases()
        if len(named) == main.tree.entries:
            known = ", ".join(sorted(map(format_key, named))[:20])
            raise DatasetError(f"{file.path} holds named databases: choose one by --db: {known}")
    return main.tree


def has_lost_pages(tree: TreeReader) -> bool:
    """Whether any page of a tree, branch or leaf, cannot be used."""
    unusable = [
        leaf for leaf in tree.leaves() if page_error(tree.file, leaf.page, LEAF) is not None
    ]
    return bool(unusable or tree.lost)
