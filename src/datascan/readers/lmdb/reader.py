"""The LMDB reader: a folder with ``data.mdb``, or a single file.

Pages are read directly (datascan.readers.lmdb), without copies and without crashes on damage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, cached_property, partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.dataset_files import FileStatus, find_status
from datascan.readers.keyvalue.batch import KeyRange, KeyValueBatch
from datascan.readers.keyvalue.keys import format_key
from datascan.readers.keyvalue.reader import KeyValueReader
from datascan.readers.lmdb.activity import Activity, find_writer, observe
from datascan.readers.lmdb.orphans import find_orphaned_leaves
from datascan.readers.lmdb.pages import LEAF, NO_PAGE, PageFile, Tree, has_magic, page_error
from datascan.readers.lmdb.tree import FIRST_LEAVES, TreeReader
from datascan.records.block import Fault
from datascan.records.part import PartIdentity, find_state
from datascan.records.shard import Plan
from datascan.records.writer import Writer

DATA = "data.mdb"
LOCK = "lock.mdb"
UNKNOWN_TREE = Tree(0, 2, 0, 0, 0, 0, NO_PAGE - 1)
"""A tree whose root is lost; all of its leaves are orphans."""

MAX_DATABASES = 10_000
"""A main database with more entries than this is assumed to contain records, not databases."""


MAX_NAMES, MAX_NAME = 20, 60
"""The number of databases that an error lists, and the bytes of each name."""


class Walk(Struct, frozen=True):
    """First keys of the leaf pages at which shards begin, and faults for lost branch pages."""

    keys: tuple[bytes | None, ...]
    faults: tuple[Fault, ...]


class LmdbReader(KeyValueReader):
    """Reads the last committed transaction of an LMDB environment, without its lock file."""

    name = "lmdb"

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self._opened: tuple[PageFile, TreeReader] | None = None
        self._transaction: int | None = None

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is a folder with a ``data.mdb``, or a file with LMDB's magic number."""
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
        """Read the meta pages, then plan as for any key-value store.

        Raises:
            DatasetError: if the path is not an LMDB environment, or has no such database.
        """
        if not self.data_path.is_file():
            raise DatasetError(
                f"{self.path} is not an LMDB environment: it has no {self.data_path.name}"
            )
        if self.data_path.suffix != ".mdb" and not has_magic(self.data_path):
            raise DatasetError(f"{self.path} is not an LMDB file: its header is missing")
        if self.file.meta is not None:
            # Workers read the same snapshot if a writer commits another one meanwhile.
            self._transaction = self.file.meta.transaction
        plan = super().plan()
        if self.tree.tree.entries and not plan.shards and not self.faults():
            raise DatasetError(f"{self.path} has no database that can be read")
        return plan

    @property
    def file(self) -> PageFile:
        """The data file, opened once per process."""
        return self._open()[0]

    @property
    def tree(self) -> TreeReader:
        """The requested database."""
        return self._open()[1]

    def _open(self) -> tuple[PageFile, TreeReader]:
        if self._opened is None:
            file = PageFile(self.data_path, self._transaction)
            tree = select_tree(file, self.options.read.db) or UNKNOWN_TREE
            find_orphans = cache(partial(find_orphaned_leaves, file, tree))
            self._opened = file, TreeReader(file, tree, find_orphans)
        return self._opened

    def identify_range(self, span: KeyRange) -> PartIdentity:  # noqa: ARG002  (pages may be anywhere)
        """The whole file and its transaction: any change concerns every range."""
        return PartIdentity.of((self._transaction,), [find_state(self.data_path)])

    def faults(self) -> tuple[Fault, ...]:
        """Faults for a truncated file, damaged meta pages, and lost branch pages."""
        found = []
        name = self.data_path.name
        if not self.file.size:
            found.append(Fault(None, "truncated-store", f"{name} is empty"))
        elif self.file.lost_metas and self.file.size < 2 * self.file.page_size:
            found.append(
                Fault(
                    None,
                    "truncated-store",
                    f"{name} has {self.file.size:,} bytes, too few for its two meta pages",
                )
            )
        elif self.file.lost_metas:
            both = len(self.file.lost_metas) == 2
            which = "both meta pages are" if both else f"meta page {self.file.lost_metas[0]} is"
            found.append(Fault(None, "damaged-store", f"{name}: {which} damaged"))
        if self.file.is_truncated:
            found.append(
                Fault(
                    None,
                    "truncated-store",
                    f"{name} has {self.file.size:,} bytes, "
                    f"but its pages need {self.file.declared_bytes:,}",
                )
            )
        if self.file.meta is not None and self.tree.tree is UNKNOWN_TREE:
            why = f"a page on the path to database {self.options.read.db!r} is lost"
            found.append(Fault(None, "damaged-store", f"{name}: {why}"))
        return (*found, *self._walk.faults)

    @cached_property
    def _walk(self) -> Walk:
        """A walk over all leaf pages to which intact branch pages lead."""
        if self.tree.tree is UNKNOWN_TREE:
            return Walk((), ())
        tree = TreeReader(self.file, self.tree.tree)
        keys = tuple(leaf.key for leaf in islice(tree.leaves(), 0, None, self._leaves_per_shard))
        return Walk(keys, tuple(page.fault for page in tree.lost))

    @property
    def _leaves_per_shard(self) -> int:
        """The number of leaf pages whose records have about ``shard_bytes`` bytes."""
        leaf_bytes = max(1.0, self.nbytes() / max(1, self.tree.tree.leaf_pages))
        return max(1, int(self.options.read.shard_bytes / leaf_bytes))

    def store_count(self) -> int | None:
        """The number of records that the database itself keeps; None if its root is lost."""
        is_known = self.tree.tree is not UNKNOWN_TREE
        return self.tree.tree.entries - self._database_count if is_known else None

    @property
    def lock_path(self) -> Path:
        """The lock file, which is never changed and need not exist."""
        is_folder = self.path.is_dir()
        return self.path / LOCK if is_folder else self.path.with_name(f"{self.path.name}-lock")

    def list_files(self) -> Iterator[FileStatus]:
        """The data file."""
        yield find_status(self.data_path, self.data_path.name)

    def observe(self) -> Activity | None:
        """The newest transaction, and whether another one is being written."""
        return observe(self.data_path, self.lock_path)

    def find_writer(self, before: Activity | None) -> Writer | None:
        """A process that committed transactions, or holds the write lock."""
        return find_writer(self.data_path.name, before, self.observe())

    def find_missing(self, records: int) -> Iterator[Fault]:
        """A fault if ``records`` differs from the number that the database itself keeps."""
        expected = self._store_count()
        if self.options.read.limit is not None or self.options.read.sample is not None:
            return
        if expected is None or expected == records:
            return
        if self.options.read.db is None and self.tree.tree.entries > MAX_DATABASES:
            expected -= len(self.tree.read_databases())
        if expected != records:
            why = f"{records:,} records were found, but the store counts {expected:,}"
            yield Fault(None, "damaged-store", f"{self.data_path.name}: {why}")

    @cached_property
    def _database_count(self) -> int:
        """The number of entries that are named databases; see ``MAX_DATABASES``."""
        may_have_databases = (
            self.tree.tree.entries <= MAX_DATABASES and self.options.read.db is None
        )
        return len(self.tree.read_databases()) if may_have_databases else 0

    def key_ranges(self) -> list[KeyRange]:
        """Ranges of leaf pages, divided at keys of branch pages."""
        tree = self.tree.tree
        if tree.root == NO_PAGE or not len(self.file.pages):
            return []
        if not tree.is_plain:
            # Key ranges assume byte order and one value per key.
            return [KeyRange()]
        if tree is UNKNOWN_TREE or self._walk.faults:  # orphans replace what is lost
            leaves = islice(self.tree.leaves(), 0, None, self._leaves_per_shard)
            edges = [leaf.key for leaf in leaves][1:]
        else:
            edges = list(self._walk.keys[1:])
        # The store's own count of leaves may be wrong. The size of the file is not.
        most = 2 * self.file.size // self.options.read.shard_bytes + 1
        every = len(edges) // most + 1
        edges = edges[every - 1 :: every]
        return [KeyRange(a, b) for a, b in pairwise([None, *edges, None])]

    def iter_entries(self, span: KeyRange, *, values: bool = True) -> Iterator[KeyValueBatch]:  # noqa: ARG002  (values are views and cost nothing)
        """The entries of a key range, as views of the file; values are not read."""
        yield from self.tree.iter_entries(span.first, span.stop)

    def sample_entries(self, span: KeyRange) -> Iterator[KeyValueBatch]:
        """The entries of a key range, the first ones from a few leaf pages."""
        yield from self.tree.iter_entries(span.first, span.stop, leaves_at_first=FIRST_LEAVES)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None in a database whose keys are not in byte order."""
        return self.tree.get(key) if self.tree.tree.is_plain else None

    def is_ordered(self) -> bool:
        """Whether keys are in byte order, each once."""
        return self.tree.tree.is_plain

    def nbytes(self) -> int:
        """The size in bytes of the database's pages, at most that of the file."""
        if self.tree.tree is UNKNOWN_TREE:
            return self.file.size
        return min(self.tree.tree.pages * self.file.page_size, self.file.size)


def select_tree(file: PageFile, name: str | None) -> Tree | None:
    """The database called ``name``, or the main one; None if a page on the path to it is lost.

    Raises:
        DatasetError: if there is no such database, or the main one contains only databases.
    """
    if file.meta is None:
        return None
    main = TreeReader(file, file.meta.main)
    if name is not None:
        key = name.encode()
        span = (None, None) if main.tree.is_backward else (key, key + b"\0")
        tree = main.read_databases(*span).get(key)
        if tree is None and has_lost_pages(main):
            return None
        if tree is None:
            known = list_names(main.read_databases())
            raise DatasetError(f"{file.path} has no database {name!r}; it has: {known}")
        return tree
    if 0 < main.tree.entries <= MAX_DATABASES:
        named = main.read_databases()
        if len(named) == main.tree.entries:
            raise DatasetError(
                f"{file.path} contains named databases; choose one with --db: {list_names(named)}"
            )
    return main.tree


def list_names(databases: Iterable[bytes]) -> str:
    """The first names in order, shortened."""
    names = [format_key(name[:MAX_NAME]) for name in sorted(databases)[:MAX_NAMES]]
    return ", ".join(names) or "none"


def has_lost_pages(tree: TreeReader) -> bool:
    """Whether a branch or leaf page of a tree cannot be used."""
    unusable = [
        leaf for leaf in tree.leaves() if page_error(tree.file, leaf.page, LEAF) is not None
    ]
    return bool(unusable or tree.lost)
