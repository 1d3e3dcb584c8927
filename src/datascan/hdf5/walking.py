"""A walk over all objects of a file, each once, that goes on behind what is damaged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import h5py

from datascan.hdf5.files import legible
from datascan.hdf5.opening import HDF5_ERRORS, reason
from datascan.model import Fault


class Walk:
    """Goes through ``file``, called ``shown``, and adds to ``faults`` what it cannot reach."""

    def __init__(self, file: Any, shown: str, faults: list[Fault]) -> None:
        self.file = file
        self.shown = shown
        self.faults = faults
        self.seen = {identity(file)}
        self.links: deque[str] = deque()

    def objects(self) -> Iterator[tuple[str, Any]]:
        """All objects with their paths: by hard links first, then what other links lead to."""
        yield from self._below("", self.file)
        while self.links:
            name = self.links.popleft()
            item = self._followed(name)
            if item is not None and self._is_new(item):
                yield from self._below(name, item)

    def _below(self, name: str, item: Any) -> Iterator[tuple[str, Any]]:
        stack = [(name, item)]
        while stack:
            path, found = stack.pop()
            yield path, found
            if isinstance(found, h5py.Group):
                stack += reversed(list(self._members(path, found)))

    def _members(self, path: str, group: Any) -> Iterator[tuple[str, Any]]:
        """What a group holds by hard links and was not seen yet."""
        try:
            names = sorted(group)
        except HDF5_ERRORS as error:
            self._damaged(f"/{path}", error)
            return
        for name in names:
            inner = f"{path}/{name}" if path else name
            try:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    self.links.append(inner)
                elif self._is_new(item := group[name]):
                    yield inner, item
            except HDF5_ERRORS as error:
                self._damaged(inner, error)

    def _is_new(self, item: Any) -> bool:
        key = identity(item)
        new = key not in self.seen
        self.seen.add(key)
        return new

    def _followed(self, name: str) -> Any:
        """What a soft or external link leads to; None, and a fault, if it leads nowhere."""
        try:
            return self.file[name]
        except HDF5_ERRORS:
            link: Any = self.file.get(name, getlink=True)
            other, path = getattr(link, "filename", ""), getattr(link, "path", "what is unknown")
            to = f"{legible(other)}:{legible(path)}" if other else legible(path)
            why = f"{self.shown}:{legible(name)} links to {to}, which cannot be opened"
            self.faults.append(Fault(None, "missing-file", why))
            return None

    def _damaged(self, path: str, error: Exception) -> None:
        why = f"{self.shown}:{legible(path)} cannot be read: {reason(error)}"
        self.faults.append(Fault(None, "damaged-store", why))


def identity(item: Any) -> tuple[bytes, int]:
    """The same for two names of one object: its file, and its address there."""
    return h5py.h5f.get_name(item.id), h5py.h5o.get_info(item.id).addr
