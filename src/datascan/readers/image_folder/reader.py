"""Folders of image files: flat, with a sub-folder for each class, or with a list."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import numpy as np

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.decoders.image.decoder import inspect_images
from datascan.errors import DatasetError
from datascan.readers.base import Reader
from datascan.readers.image_folder.list_file import read_list
from datascan.readers.image_folder.listing import Listing, Search, list_folder, path_of
from datascan.readers.image_folder.text_labels import find_mistyped
from datascan.records.block import Block, Fault, Labels
from datascan.records.buffers import hash_bytes
from datascan.records.shard import Plan, Shard

FILES_PER_BLOCK = 32
BLOCK_BYTES = 64 << 20
"""Large files are read a few at a time."""

MAX_ENTRIES_TO_DETECT = 5_000
"""A folder without any image among so many entries is not taken for a dataset of images."""

FILES_PER_SHARD = 256
NO_CLASS = "is not taken for a class; torchvision's ImageFolder makes it one"

DECODED_BYTES = 12
"""Decoding a byte of an image costs about as much as reading so many."""


class ImageFolderReader(Reader):
    """Reads image files whole, one after the other."""

    name = "images"

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.listing = Listing([], np.empty(0, np.int64))

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """A folder with a file that has an image's extension."""
        try:
            return (
                path.is_dir()
                and next(Search(path, MAX_ENTRIES_TO_DETECT).images(), None) is not None
            )
        except (OSError, DatasetError):
            return False

    def plan(self) -> Plan:
        """List the files."""
        if not self.path.is_dir():
            raise DatasetError(f"{self.path} is no folder of images")
        file = self.options.read.list_file
        self.listing = read_list(file, self.path) if file else list_folder(self.path)
        if not self.listing.names and file is None:
            raise DatasetError(f"{self.path} holds no file with an image's extension")
        count = min(len(self.listing.names), self.options.read.limit or len(self.listing.names))
        sizes = np.maximum(self.listing.sizes[:count], 0)
        return Plan(
            shards=tuple(Shard(i, span) for i, span in enumerate(self._spans(sizes))),
            layout="image",
            nbytes=int(sizes.sum()),
            faults=tuple(
                Fault(None, "missing-file", f"cannot read the folder {format_name(name)}: {why}")
                for name, why in self.listing.unreadable
            ),
            class_names=self.listing.class_names,
            records=count,
            work_bytes=int(sizes.sum()) * DECODED_BYTES,
            ignored_files=self.listing.ignored_files,
        )

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """Blocks of some files each."""
        first, stop = shard.span
        low = first + shard.first
        high = stop if shard.last is None else min(stop, first + shard.last)
        while low < high:
            sizes = self.listing.sizes[low : min(low + FILES_PER_BLOCK, high)]
            count = max(1, int(np.searchsorted(np.cumsum(np.maximum(sizes, 0)), BLOCK_BYTES)))
            stop = min(low + count, low + len(sizes))
            yield self._block(shard, slice(low, stop), track, decode=decode)
            low = stop

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """File names, as the folder or the list has them."""
        return [format_name(self.listing.names[shard.span[0] + row]) for row in rows]

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """How many files the shard has."""
        first, stop = shard.span
        return int(stop - first)

    def _spans(
        self, sizes: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> Iterator[tuple[int, int]]:
        first, total = 0, 0
        for i, size in enumerate(sizes.tolist()):
            total += size
            if total >= self.options.read.shard_bytes or i + 1 - first == FILES_PER_SHARD:
                yield first, i + 1
                first, total = i + 1, 0
        if first < len(sizes):
            yield first, len(sizes)

    def _block(self, shard: Shard, files: slice, track: Tracker, *, decode: bool) -> Block:
        first, home = files.start - shard.span[0], os.fspath(self.path)
        names = self.listing.names[files]
        contents: list[bytes] = []
        faults: list[Fault] = []
        for row, name in enumerate(names):
            track(first + row, 1)
            try:
                contents.append(read_file(path_of(home, name)))
            except OSError as error:
                contents.append(b"")
                faults.append(Fault(row, "missing-file", error.strerror or str(error)))
            else:
                if not contents[-1]:
                    faults.append(Fault(row, "empty-record", "the file has 0 bytes"))
            faults += self._label_faults(files.start + row, row)
        rows = [row for row, content in enumerate(contents) if content]
        start, nbytes = shard.base + first, sum(map(len, contents))
        if not decode:
            encoded = {row: contents[row] for row in rows}
            return Block(start, len(names), nbytes, encoded=encoded)
        seen = inspect_images(
            [contents[row] for row in rows],
            rows,
            max_pixels=self.options.read.max_pixels,
            track=lambda i, count: track(first + rows[i], count),
            names=[names[row] for row in rows],
        )
        prints = np.zeros(len(names), np.uint64)
        prints[rows] = [hash_bytes(contents[row]) for row in rows]
        return Block(
            start,
            len(names),
            nbytes,
            arrays=seen.arrays,
            images=seen.images,
            labels=self._labels(files),
            faults=(*faults, *seen.faults),
            fingerprints=prints,
        )

    def _label_faults(self, at: int, row: int) -> Iterator[Fault]:
        if at in self.listing.bad_labels:
            yield Fault(row, "non-integer-label", find_mistyped(self.listing.bad_labels[at]))
        if at in self.listing.unclassified:
            folder = format_name(self.listing.unclassified[at])
            yield Fault(row, "missing-label", f"{folder} {NO_CLASS}")

    def _labels(self, rows: slice) -> Labels | None:
        labels, present = self.listing.labels, self.listing.present
        if labels is None or present is None:
            return None
        return Labels(labels[rows], present[rows])


def read_file(path: str) -> bytes:
    """All bytes of a regular file; a pipe or device is never opened, lest reading it wait for ever.

    Raises:
        OSError: where it is missing, unreadable, or no file.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            raise OSError(0, "not a regular file")
        with FileIO(path) as file:
            return file.readall()
    except ValueError as error:  # a name with a null byte
        raise OSError(0, str(error)) from error


def format_name(name: str) -> str:
    """A file name as text: what is not UTF-8 with backslash escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
