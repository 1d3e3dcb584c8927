"""Traversal of all objects of a file, each once, past damaged ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import h5py

from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.open_file import HDF5_ERRORS, reason
from datascan.readers.hdf5.references import ForbiddenFileError, RootFile, object_identity
from datascan.records.block import Fault


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
        self.links: deque[bytes] = deque()

    def objects(self) -> Iterator[tuple[bytes, Any]]:
        """All objects with their paths: hard links first, then targets of other links."""
        yield from self._objects_below(b"", self.file)
        while self.links:
            path = self.links.popleft()
            item = self._follow(path)
            if item is not None and self._visit(item):
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
        try:
            names = sorted(group.id)
        except HDF5_ERRORS as error:
            self._add_damaged(b"/" + path, error)
            return
        for name in names:
            inner = path + b"/" + name if path else name
            try:
                if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                    self.links.append(inner)
                elif self._visit(item := self.root.open_member(group, name)):
                    yield inner, item
            except ForbiddenFileError as error:
                self._add_forbidden(inner, error)
            except HDF5_ERRORS as error:
                self._add_damaged(inner, error)

    def _visit(self, item: Any) -> bool:
        """Mark an object as visited; return whether it was not before."""
        key = object_identity(item)
        is_new = key not in self.visited
        self.visited.add(key)
        return is_new

    def _follow(self, path: bytes) -> Any:
        """The target of a soft or external link; None and a fault if it cannot be opened."""
        try:
            return self.root.open(path)
        except ForbiddenFileError as error:
            self._add_forbidden(path, error)
            return None
        except HDF5_ERRORS:
            self.lost.append(path)
            why = f"{self.shown}:{decode_name(path)} links to {self._describe_target(path)}"
            self.faults.append(Fault(None, "missing-file", f"{why}, which cannot be opened"))
            return None

    def _describe_target(self, path: bytes) -> str:
        try:
            target = self.file.id.links.get_val(path)
        except HDF5_ERRORS:
            return "an unreadable target"
        return ":".join(map(decode_name, target if isinstance(target, tuple) else (target,)))

    def _add_damaged(self, path: bytes, error: Exception) -> None:
        self.lost.append(path)
        why = f"{self.shown}:{decode_name(path)} cannot be read: {reason(error)}"
        self.faults.append(Fault(None, "damaged-store", why))

    def _add_forbidden(self, path: bytes, error: ForbiddenFileError) -> None:
        self.lost.append(path)
        why = f"{self.shown}:{decode_name(path)} refers to {error}"
        self.faults.append(Fault(None, error.rule, why))
