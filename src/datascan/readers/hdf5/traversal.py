"""A walk over all objects of a file, each once, that goes on behind what is damaged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import h5py

from datascan.readers.hdf5.files import legible
from datascan.readers.hdf5.open_file import HDF5_ERRORS, load_filters, reason
from datascan.records.block import Fault


class ObjectTraversal:
    """Goes through ``file``, called ``shown``, and adds to ``faults`` what it cannot reach.

    The paths of that are in ``lost``.
    """

    def __init__(self, file: Any, shown: str, faults: list[Fault]) -> None:
        self.file = file
        self.shown = shown
        self.faults = faults
        self.lost: list[bytes] = []
        self.seen = {object_identity(file)}
        self.links: deque[bytes] = deque()

    def objects(self) -> Iterator[tuple[bytes, Any]]:
        """All objects with their paths: by hard links first, then what other links lead to."""
        yield from self._below(b"", self.file)
        while self.links:
            path = self.links.popleft()
            item = self._followed(path)
            if item is not None and self._is_new(item):
                yield from self._below(path, item)

    def _below(self, path: bytes, item: Any) -> Iterator[tuple[bytes, Any]]:
        stack = [(path, item)]
        while stack:
            inner, found = stack.pop()
            yield inner, found
            if isinstance(found, h5py.Group):
                stack += reversed(list(self._members(inner, found)))

    def _members(self, path: bytes, group: Any) -> Iterator[tuple[bytes, Any]]:
        """What a group holds by hard links and was not seen yet."""
        try:
            names = sorted(group.id)
        except HDF5_ERRORS as error:
            self._damaged(b"/" + path, error)
            return
        for name in names:
            inner = path + b"/" + name if path else name
            try:
                if group.id.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                    self.links.append(inner)
                elif self._is_new(item := open_object(group, name)):
                    yield inner, item
            except HDF5_ERRORS as error:
                self._damaged(inner, error)

    def _is_new(self, item: Any) -> bool:
        key = object_identity(item)
        new = key not in self.seen
        self.seen.add(key)
        return new

    def _followed(self, path: bytes) -> Any:
        """What a soft or external link leads to; None, and a fault, if it leads nowhere."""
        try:
            return open_object(self.file, path)
        except HDF5_ERRORS:
            self.lost.append(path)
            why = f"{self.shown}:{legible(path)} links to {self._target(path)}"
            self.faults.append(Fault(None, "missing-file", f"{why}, which cannot be opened"))
            return None

    def _target(self, path: bytes) -> str:
        try:
            target = self.file.id.links.get_val(path)
        except HDF5_ERRORS:
            return "a place that cannot be read"
        return ":".join(map(legible, target if isinstance(target, tuple) else (target,)))

    def _damaged(self, path: bytes, error: Exception) -> None:
        self.lost.append(path)
        why = f"{self.shown}:{legible(path)} cannot be read: {reason(error)}"
        self.faults.append(Fault(None, "damaged-store", why))


def open_object(group: Any, path: bytes) -> Any:
    """The group, dataset or type at ``path``, which h5py itself takes in UTF-8 only."""
    found = h5py.h5o.open(group.id, path)
    if isinstance(found, h5py.h5g.GroupID):
        return h5py.Group(found)
    if not isinstance(found, h5py.h5d.DatasetID):
        return h5py.Datatype(found)
    dataset = h5py.Dataset(found)
    load_filters(dataset)
    return dataset


def object_identity(item: Any) -> tuple[bytes, int]:
    """The same for two names of one object: its file, and its address there."""
    return h5py.h5f.get_name(item.id), h5py.h5o.get_info(item.id).addr
