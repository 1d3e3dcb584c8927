"""A LevelDB opened through clones: one that is recovered, and one for every process that reads."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import signal
import tempfile
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any

import plyvel

from datascan.errors import DatasetError
from datascan.readers.leveldb.clone import forbid_compaction, make_clone, read_state
from datascan.readers.leveldb.files import Folder
from datascan.readers.leveldb.inspection import inspect
from datascan.readers.leveldb.recovery import Recovered, recover, words_of
from datascan.readers.leveldb.tables import DisjointTables

PREFIX = "datascan-"
CACHE_BYTES = 8 << 20
NOBODY = 0
"""The owner of the clones, to a copy that was sent to another process."""


class Store:
    """A store that any number of processes may read. Pickles without its handles.

    All clones are in one folder, which is removed when its process calls ``close`` or ends.
    """

    def __init__(self, path: Path, root: Path, recovered: Recovered) -> None:
        self.path = path
        self.root = root
        self.recovered = recovered
        self._opened: dict[int, Any] = {}
        self._owner = os.getpid()
        self._removal = weakref.finalize(self, remove_own, root, self._owner)

    @classmethod
    def of(cls, path: Path) -> Store:
        """Clone the LevelDB in ``path`` and recover the clone.

        Raises:
            DatasetError: if it cannot be read or cloned.
        """
        path = path.resolve()
        try:
            found = inspect(path)
        except OSError as error:
            raise DatasetError(f"cannot read {error.filename or path}: {error.strerror}") from error
        # Named before it is made: Ctrl-C may come as soon as it exists.
        root = scratch_for(path) / f"{PREFIX}{secrets.token_hex(8)}"
        try:
            root.mkdir(mode=0o700)
            return cls(path, root, recover(found, root))
        except BaseException as error:
            shutil.rmtree(root, ignore_errors=True)
            if isinstance(error, OSError):
                raise cannot_clone(path, root.parent, error) from error
            raise

    @cached_property
    def disjoint_tables(self) -> DisjointTables | None:
        """The store's tables, if they can be read without LevelDB."""
        home = self.recovered.home
        if home is None:
            return None
        paths = {number: home / name for number, name in Folder.of(home).tables.items()}
        return DisjointTables.of(self.recovered.tables, paths)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}, "_removal": None, "_owner": NOBODY}

    @property
    def db(self) -> Any:
        """The ``plyvel.DB`` of this process; None if LevelDB cannot open the store.

        Raises:
            DatasetError: if the store cannot be cloned again.
        """
        # A forked process inherits its parent's: it is left alone, neither used nor closed.
        if os.getpid() not in self._opened and self.recovered.home is not None:
            self._opened[os.getpid()] = self._open(self.recovered.home)
        return self._opened.get(os.getpid())

    def _open(self, recovered: Path) -> Any:
        try:
            home = recovered
            if os.getpid() != self._owner:
                # Only one process can open a clone: the recovered one is its maker's.
                home = Path(tempfile.mkdtemp(prefix="reader-", dir=self.root)) / "clone"
                tables = {n: recovered / name for n, name in Folder.of(recovered).tables.items()}
                make_clone(home, read_state(recovered), tables)
            forbid_compaction(home)
            return plyvel.DB(
                str(home), paranoid_checks=True, lru_cache_size=CACHE_BYTES, compression=None
            )
        except OSError as error:
            raise cannot_clone(self.path, self.root.parent, error) from error
        except plyvel.Error as error:
            raise DatasetError(f"cannot open {self.path}: {words_of(error)}") from error

    def close(self) -> None:
        """Close what this process opened, and remove all clones if it made them."""
        opened = self._opened.pop(os.getpid(), None)
        if opened is not None:
            opened.close()
        if self._removal is not None and os.getpid() == self._owner:
            self._removal()


def remove_own(root: Path, owner: int) -> None:
    """Remove the folder ``root``, unless this is a fork of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(root, ignore_errors=True)


def scratch_for(path: Path) -> Path:
    """The folder for temporary files, in which ``path`` will be cloned.

    Raises:
        DatasetError: if no such folder is writable.
    """
    try:
        # It tries folders by a file in each, which a signal must not leave behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            return Path(tempfile.gettempdir())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    except OSError as error:
        raise DatasetError(
            f"cannot clone {path}: no folder for temporary files is writable; "
            "set TMPDIR to one that is"
        ) from error


def cannot_clone(path: Path, scratch: Path, error: OSError) -> DatasetError:
    """The error of a store that cannot be cloned in ``scratch``."""
    why = error.strerror or words_of(error)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "set TMPDIR to a folder with more space" if is_full else "set TMPDIR to another folder"
    return DatasetError(f"cannot clone {path} into {scratch}: {why}; {remedy}")
