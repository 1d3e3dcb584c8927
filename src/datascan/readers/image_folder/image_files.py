"""The files of an image folder: read and inspected once, however many names they have."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from msgspec import Struct

from datascan.decoders.image.header import format_from_name
from datascan.decoders.image.inspection import InspectedImage, inspect_image
from datascan.files import (
    MAX_IMAGE_BYTES,
    NotRegularError,
    open_descriptor,
    read_descriptor,
)
from datascan.records.buffers import hash_bytes

MAX_FILES = 4096
"""How many results are kept."""

MAX_PIXEL_BYTES = 128 << 20
"""Of float images, results include pixels; this is how many bytes of them are kept."""

FileIdentity = tuple[int, int, int, int]
"""Device, inode, size and time of modification of a file."""


class InspectedFile(Struct, frozen=True, eq=False):
    """A file: its size in bytes, the fingerprint of its content, and the image in it."""

    nbytes: int
    fingerprint: int
    image: InspectedImage

    @property
    def pixel_bytes(self) -> int:
        """The size in bytes of its pixels, if they are kept."""
        return 0 if self.image.pixels is None else self.image.pixels.nbytes


class InspectedFiles:
    """The latest results, because a list or links may name one file a hundred thousand times."""

    def __init__(self, home: Path, max_pixels: int) -> None:
        self.home, self.max_pixels = home, max_pixels
        self._known: OrderedDict[tuple[FileIdentity, str | None], InspectedFile] = OrderedDict()
        self._pixel_bytes = 0

    def inspect(self, path: str, name: str) -> InspectedFile:
        """Read and inspect a file, or return the result if that was done before.

        Raises:
            OSError: if it is missing, unreadable, or not a regular file.
        """
        descriptor, status = open_file(path)
        try:
            key = (identify(status), format_from_name(name))
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
            data = read_image(descriptor, status, path)
        finally:
            os.close(descriptor)
        image = inspect_image(data, name, self.max_pixels) if data else InspectedImage()
        if image.is_foreign and not self._contains(path):
            # A link or a list may name any file of the user, so nothing of it is quoted.
            image = InspectedImage(faults=(("not-an-image", "a file outside of the folder"),))
        known = InspectedFile(len(data), hash_bytes(data) if data else 0, image)
        self._known[key] = known
        self._pixel_bytes += known.pixel_bytes
        while len(self._known) > MAX_FILES or (
            self._pixel_bytes > MAX_PIXEL_BYTES and len(self._known) > 1
        ):
            _, oldest = self._known.popitem(last=False)
            self._pixel_bytes -= oldest.pixel_bytes
        return known

    def _contains(self, path: str) -> bool:
        """Whether the file itself, not only a link to it, is in the folder."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.home))


def identify(status: os.stat_result) -> FileIdentity:
    """What identifies the content of a file in this state, regardless of the path."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def open_file(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file: the descriptor, and its state. Never waits for a pipe or a device.

    Raises:
        OSError: if it is missing, unreadable, or not a regular file.
    """
    try:
        return open_descriptor(path)
    except NotRegularError as error:
        raise OSError(0, "not a regular file") from error
    except ValueError as error:  # a name with a null byte
        raise OSError(0, str(error)) from error


def read_once(path: str, known: dict[FileIdentity, bytes]) -> bytes:
    """The content of a file, which is taken from ``known`` or added to it.

    Raises:
        OSError: if it is missing, unreadable, or not a regular file.
    """
    descriptor, status = open_file(path)
    try:
        identity = identify(status)
        if identity not in known:
            known[identity] = read_image(descriptor, status, path)
        return known[identity]
    finally:
        os.close(descriptor)


def read_image(descriptor: int, status: os.stat_result, path: str) -> bytes:
    """The content of an open file.

    Raises:
        OSError: if it cannot be read, or is too large.
    """
    return read_descriptor(descriptor, status.st_size, MAX_IMAGE_BYTES, path)
