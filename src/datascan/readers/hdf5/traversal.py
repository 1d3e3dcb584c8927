"""Traversal of all objects of a file, each once, past damaged ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import h5py

from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.references import (
    ForbiddenFileError,
    RootFile,
    member_identity,
    object_identity,
)
from datascan.records.block import Fault

MAX_LINKS = 1 << 20
MAX_FOLLOWED = 1 << 16
MAX_DEPTH = 128
MAX_PATH_BYTES = 1 << 28
"""How many links there may be, how many of them other than hard links are followed, how deep groups
may be nested, and how long all paths may be."""

MAX_SHOWN = 80
"""Longer paths of groups that are not read are cut in messages."""


Target = bytes | tuple[bytes, bytes]
"""The path in a soft link, or the file and the path in an external link."""


class ObjectTraversal:
    """Traverses ``root``. Unreachable objects are added to ``faults``, and their paths to ``lost``.

    ``shown`` is the file's name in faults.
    """

    def __init__(self, root: RootFile, shown: str, faults: list[Fault]) -> None:
        self.root = root
        self.file = root.file
        self.shown = shown
        self.faults = faults
        self.lost: list[bytes] = []
        self.visited = {object_identity(root.file)}
        self.links: deque[tuple[bytes, Target]] = deque()
        self.count = self.path_bytes = 0

    def objects(self) -> Iterator[tuple[bytes, Any]]:
        """All objects with their paths: hard links first, then targets of other links."""
        yield from self._objects_below(b"", self.file)
        followed: set[tuple[bytes, Target]] = set()
        count = 0
        while self.links:
            path, target = self.links.popleft()
            is_absolute = isinstance(target, bytes) and target.startswith(b"/")
            key = b"" if is_absolute else path.rpartition(b"/")[0], target
            if key in followed:
                continue
            if (count := count + 1) > MAX_FOLLOWED:
                self._add_unread(path, f"is not followed, nor are links after {MAX_FOLLOWED:,}")
                return
            item = self._follow(path, target)
            if item is not None:
                followed.add(key)
                if self._visit(item):
                    yield from self._objects_below(path, item)

    def _objects_below(self, path: bytes, item: Any) -> Iterator[tuple[bytes, Any]]:
        stack = [(path, item)]
        while stack:
            inner, found = stack.pop()
            yield inner, found
            if isinstance(found, h5py.Group):
                stack += reversed(list(self._new_members(inner, found)))

    def _new_members(self, path: bytes, group: Any) -> Iterator[tuple[bytes, Any]]:
        """The objects to which a group has hard links and that were not visited yet."""
        if path.count(b"/") >= MAX_DEPTH:
            self._add_unread(path, f"is nested more than {MAX_DEPTH} groups deep")
            return
        try:
            names = self._names(path, group)
        except HDF5_ERRORS as error:
            self._add_damaged(b"/" + path, error)
            return
        for name in names:
            inner = path + b"/" + name if path else name
            try:
                if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                    self.links.append((inner, group.id.links.get_val(name)))
                elif member_identity(group, name) not in self.visited and self._visit(
                    item := self.root.open_member(group, name)
                ):
                    yield inner, item
            except ForbiddenFileError as error:
                self._add_forbidden(inner, error)
            except HDF5_ERRORS as error:
                self._add_damaged(inner, error)

    def _names(self, path: bytes, group: Any) -> list[bytes]:
        """The names of a group's links in order; not all, and a fault, if there are too many."""
        names: list[bytes] = []

        def add(name: bytes) -> bool | None:
            self.count += 1
            self.path_bytes += len(path) + len(name)
            if self.count > MAX_LINKS or self.path_bytes > MAX_PATH_BYTES:
                return True
            names.append(name)
            return None

        is_cut, _ = group.id.links.iterate(add)
        if is_cut:
            self._add_unread(path, f"is not read on after {self.count - 1:,} links")
        return sorted(names)

    def _visit(self, item: Any) -> bool:
        """Mark an object as visited; return whether it was not before."""
        key = object_identity(item)
        is_new = key not in self.visited
        self.visited.add(key)
        return is_new

    def _follow(self, path: bytes, target: Target) -> Any:
        """The target of a soft or external link; None and a fault if it cannot be opened."""
        try:
            return self.root.open(path)
        except ForbiddenFileError as error:
            self._add_forbidden(path, error)
            return None
        except HDF5_ERRORS:
            self.lost.append(path)
            why = f"{self.shown}:{decode_name(path)} links to {describe_target(target)}"
            self.faults.append(Fault(None, "missing-file", f"{why}, which cannot be opened"))
            return None

    def _add_damaged(self, path: bytes, error: Exception) -> None:
        self.lost.append(path)
        why = f"{self.shown}:{decode_name(path)} cannot be read: {reason(error)}"
        self.faults.append(Fault(None, "damaged-store", why))

    def _add_forbidden(self, path: bytes, error: ForbiddenFileError) -> None:
        self.lost.append(path)
        why = f"{self.shown}:{decode_name(path)} refers to {error}"
        self.faults.append(Fault(None, error.rule, why))

    def _add_unread(self, path: bytes, why: str) -> None:
        """The fault of a group that is not read, or not to its end."""
        self.lost.append(path)
        self.faults.append(
            Fault(None, "damaged-store", f"{self.shown}:/{decode_name(path)[:MAX_SHOWN]} {why}")
        )


def describe_target(target: Target) -> str:
    """A link's target as text."""
    return ":".join(map(decode_name, target if isinstance(target, tuple) else (target,)))
