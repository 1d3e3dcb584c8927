"""The reader of image folders: flat, with one subfolder per class, or with a list."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.config.options import Options
from datascan.decoders.base import Tracker
from datascan.decoders.image.header import format_from_name, sniff_format
from datascan.decoders.image.inspection import collect_images
from datascan.errors import DatasetError
from datascan.files import open_regular
from datascan.readers.base import Reader
from datascan.readers.dataset_files import FileStatus, find_status
from datascan.readers.image_folder.image_files import (
    FileIdentity,
    InspectedFile,
    InspectedFiles,
    read_once,
)
from datascan.readers.image_folder.list_file import read_list
from datascan.readers.image_folder.listing import (
    ImageSearch,
    Listing,
    list_folder,
    resolve_path,
)
from datascan.readers.image_folder.text_labels import describe_bad_label
from datascan.readers.key_spellings import key_spellings
from datascan.readers.sample import sample_spans
from datascan.records.block import Block, Fault, Labels
from datascan.records.key_hashes import hash_names
from datascan.records.part import FileState, PartIdentity, find_state, is_boundary
from datascan.records.shard import Plan, Shard
from datascan.records.writer import CONTENT, REACH, Writer

MAX_SUGGESTED = 3
MAX_COMPARED = 20_000
"""The most names that are compared with one that does not exist: a tenth of a second."""

FILES_PER_BLOCK = 32
BLOCK_BYTES = 64 << 20
"""A block has fewer files if they are large."""

MAX_ENTRIES_TO_DETECT = 5_000
"""A folder without an image among its first entries, up to this number, is not accepted."""

FILES_PER_SHARD, MIN_FILES_PER_SHARD = 256, 32
BOUNDARIES = 256
"""A shard begins at one name in this many, on average, also if it then has fewer files."""

NO_CLASS = "is not treated as a class, but torchvision's ImageFolder does so"

HEAD_BYTES = 4096
"""The part of a file that decides whether it is an image."""

DECODE_COST = 12
"""Decoding one byte of an image takes about as long as reading this many."""


class ImageFolderReader(Reader):
    """Reads complete image files, one after the other."""

    name = "images"
    needs_worker = False
    libraries = ("pillow", "simplejpeg")

    def __init__(self, paths: tuple[Path, ...], options: Options) -> None:
        super().__init__(paths, options)
        self.listing = Listing([], np.empty(0, np.int64))
        self.is_single = self.path.is_file()
        self._inspected = InspectedFiles(self.home, options.read.max_pixels)

    @property
    def home(self) -> Path:
        """The folder to which names are relative."""
        return self.path.parent if self.is_single else self.path

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is a folder with a file that has an image's extension, or an image."""
        try:
            if path.is_file():
                return is_image(path)
            search = ImageSearch(path, MAX_ENTRIES_TO_DETECT)
            return path.is_dir() and next(search.find(), None) is not None
        except (OSError, DatasetError):
            return False

    def __getstate__(self) -> dict[str, Any]:
        """Every process inspects files itself."""
        inspected = InspectedFiles(self.home, self.options.read.max_pixels)
        return {**self.__dict__, "_inspected": inspected, "on_found": None}

    def plan(self) -> Plan:
        """List the files.

        Raises:
            DatasetError: if the folder or the list cannot be read, or has no images.
        """
        file, exclude = self.options.read.list_file, self.options.read.exclude
        if self.is_single and file is None:
            if not is_image(self.path):
                raise DatasetError(f"{self.path} is not an image or a folder of images")
            self.listing = list_file(self.path)
        elif not self.path.is_dir():
            raise DatasetError(f"{self.path} is not a folder of images")
        elif file:
            self.listing = read_list(file, self.path, self.on_found, exclude)
        else:
            self.listing = list_folder(self.path, self.on_found, exclude)
        if not self.listing.names and any(self.listing.excluded):
            raise DatasetError(f"{self.path}: all images are excluded")
        if not self.listing.names and file is None:
            raise DatasetError(f"{self.path} contains no file with an image's extension")
        count = min(len(self.listing.names), self.options.read.limit or len(self.listing.names))
        sizes = np.maximum(self.listing.sizes[:count], 0)
        spans = sample_spans(self.options.read.sample, count)
        if spans is not None:
            sizes = np.concatenate([sizes[first:stop] for first, stop in spans])
        return Plan(
            shards=tuple(Shard(i, s) for i, s in enumerate(spans or self._split(sizes))),
            layout="image",
            nbytes=int(sizes.sum()),
            faults=tuple(self._folder_faults()),
            class_names=self.listing.class_names,
            records=len(sizes),
            work_bytes=int(sizes.sum()) * DECODE_COST,
            ignored_files=self.listing.ignored_files,
            excluded=self.listing.excluded,
            uninspected=self.listing.uninspected,
            total_records=len(self.listing.names),
            has_file_names=True,
            partial=self.listing.partial,
            notes=tuple(
                (subject, format_name(text))
                for subject, text in (
                    ("folders", self.listing.class_level),
                    ("list", self.listing.note),
                )
                if text
            ),
            # Class folders are always sorted by class, and no loader reads them in that order.
            is_read_in_order=file is not None and spans is None,
            sampled_from=None if spans is None else count,
            origins=() if spans is None else tuple(first for first, _ in spans),
        )

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """Blocks of at most ``FILES_PER_BLOCK`` files."""
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
        """File names, relative to the folder or as written in the list."""
        return [format_name(self.listing.names[shard.span[0] + row]) for row in rows]

    def find_key(self, plan: Plan, key: str) -> Iterator[tuple[int, int]]:
        """The files of this name; also with the path of the folder before it."""
        home = os.fspath(self.home)
        names = set(key_spellings(key))
        names |= {os.path.normpath(one) for one in names}
        names |= {os.path.relpath(one, home) for one in names if one.startswith(home + os.sep)}
        for shard in plan.shards:
            first, stop = shard.span
            for row, name in enumerate(self.listing.names[first:stop]):
                if name in names:
                    yield shard.index, row

    def suggest_keys(self, plan: Plan, key: str) -> list[str]:  # noqa: ARG002  (all files are listed)
        """Files of the same name in other folders, or else with a similar path."""
        base = os.path.basename(key)  # noqa: PTH119  (much faster)
        same = (one for one in self.listing.names if one.rpartition("/")[2] == base)
        found = [*islice(same, MAX_SUGGESTED)]
        if not found:
            found = get_close_matches(key, self.listing.names[:MAX_COMPARED], MAX_SUGGESTED)
        return [format_name(name) for name in found]

    def identify_part(self, shard: Shard) -> PartIdentity:
        """The names, labels and states of the files."""
        files, listing = slice(*shard.span), self.listing
        names = listing.names[files]
        arrays = (listing.labels, listing.present, listing.expected)
        columns = [None if a is None else (a.dtype.str, a[files].tobytes()) for a in arrays]
        notes = [
            [(i - files.start, found[i]) for i in range(files.start, files.stop) if i in found]
            for found in (listing.bad_labels, listing.unclassified)
        ]
        facts = ("\0".join(names).encode("utf-8", "surrogateescape"), columns, notes)
        return PartIdentity.of(facts, self._states(files, names))

    def _states(self, files: slice, names: Sequence[str]) -> Sequence[FileState]:
        if self.listing.states is not None:
            return [tuple(state) for state in self.listing.states[files].tolist()]
        home = os.fspath(self.home)
        return [find_state(resolve_path(home, name)) for name in names]

    def list_files(self) -> Iterator[FileStatus]:
        """The listed files, as far as they are read."""
        home = os.fspath(self.home)
        for name in self.listing.names[: self.options.read.limit]:
            yield find_status(resolve_path(home, name), name)

    def observe(self) -> int:
        """The time in nanoseconds: files that are changed later are being written."""
        return time.time_ns()

    def find_writer(self, before: int) -> Writer:  # noqa: ARG002  (each file is asked)
        """A process that may have changed some of the files."""
        return Writer("files changed or vanished during the scan", REACH + CONTENT, by_record=True)

    def were_changed(self, shard: Shard, rows: Sequence[int], before: int) -> list[bool]:
        """Whether each file was changed after ``before``, or has vanished since it was listed."""
        home, first = os.fspath(self.home), shard.span[0]
        listing = self.listing
        return [
            was_changed(resolve_path(home, listing.names[i]), int(listing.sizes[i]), before)
            for i in (first + row for row in rows)
        ]

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """The number of files of the shard."""
        first, stop = shard.span
        return int(stop - first)

    def _folder_faults(self) -> Iterator[Fault]:
        """Faults of the folder or of the list as a whole."""
        for name, why in self.listing.unreadable:
            yield Fault(None, "missing-file", f"cannot read the folder {format_name(name)}: {why}")
        if self.listing.lost is not None:
            text, count = self.listing.lost
            yield Fault(None, "missing-file", format_name(text), count)

    def _split(self, sizes: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        """Ranges of files for shards. A file that is added changes only those that are near."""
        first, total = 0, 0
        for i, size in enumerate(sizes.tolist()):
            count = i - first
            if count and (
                total >= self.options.read.shard_bytes
                or count == FILES_PER_SHARD
                or (count >= MIN_FILES_PER_SHARD and self._is_boundary(i))
            ):
                yield first, i
                first, total = i, 0
            total += size
        if first < len(sizes):
            yield first, len(sizes)

    def _is_boundary(self, record: int) -> bool:
        name = self.listing.names[record].encode("utf-8", "surrogateescape")
        return is_boundary(name, BOUNDARIES)

    def _block(self, shard: Shard, files: slice, track: Tracker, *, decode: bool) -> Block:
        first, home = files.start - shard.span[0], os.fspath(self.home)
        names = self.listing.names[files]
        start = shard.base + first
        if not decode:
            encoded = self._read_files(names, lambda row: track(first + row, 1))
            return Block(start, len(names), sum(map(len, encoded.values())), encoded=encoded)
        faults: list[Fault] = []
        found: dict[int, InspectedFile] = {}
        for row, name in enumerate(names):
            track(first + row, 1)
            try:
                file = self._inspected.inspect(resolve_path(home, name), name)
            except OSError as error:
                faults.append(Fault(row, "missing-file", error.strerror or str(error)))
            else:
                if file.nbytes:
                    found[row] = file
                else:
                    faults.append(Fault(row, "empty-record", "the file has 0 bytes"))
            faults += self._label_faults(files.start + row, row)
        inspected = collect_images([file.image for file in found.values()], list(found))
        fingerprints = np.zeros(len(names), np.uint64)
        fingerprints[list(found)] = [file.fingerprint for file in found.values()]
        return Block(
            start,
            len(names),
            sum(file.nbytes for file in found.values()),
            arrays=inspected.arrays,
            images=inspected.images,
            labels=self._labels(files),
            faults=(*faults, *inspected.faults),
            fingerprints=fingerprints,
            key_hashes=hash_names(names),
        )

    def _read_files(
        self, names: Sequence[str], track: Callable[[int], None]
    ) -> dict[int, bytes | memoryview]:
        """The contents of files, by row; each file is read once, however often it is named."""
        home = os.fspath(self.home)
        known: dict[FileIdentity, bytes] = {}
        encoded: dict[int, bytes | memoryview] = {}
        for row, name in enumerate(names):
            track(row)
            try:
                content = read_once(resolve_path(home, name), known)
            except OSError:
                continue  # reported as missing-file when the block was decoded
            if content:
                encoded[row] = content
        return encoded

    def _label_faults(self, record: int, row: int) -> Iterator[Fault]:
        if record in self.listing.bad_labels:
            label = self.listing.bad_labels[record]
            yield Fault(row, "non-integer-label", describe_bad_label(label))
        if record in self.listing.unclassified:
            folder = format_name(self.listing.unclassified[record])
            yield Fault(row, "missing-label", f"{folder} {NO_CLASS}")

    def _labels(self, rows: slice) -> Labels | None:
        labels, present = self.listing.labels, self.listing.present
        if labels is None or present is None:
            return None
        expected = self.listing.expected
        return Labels(labels[rows], present[rows], None if expected is None else expected[rows])


def is_image(path: Path) -> bool:
    """Whether a file has an image's extension, or begins like an image. Never raises."""
    if format_from_name(path.name) is not None:
        return True
    try:
        with open_regular(path) as file:
            return sniff_format(file.read(HEAD_BYTES)) is not None
    except OSError:
        return False


def list_file(path: Path) -> Listing:
    """The listing of a dataset that is a single image."""
    try:
        size = path.stat().st_size
    except OSError:
        size = -1
    return Listing([path.name], np.array([size], np.int64))


def was_changed(path: str, listed_size: int, since: int) -> bool:
    """Whether a file of ``listed_size`` (-1 if it did not exist) was changed after ``since``.

    The time of its last change of status counts, which copying tools do not set.
    """
    try:
        return os.stat(path).st_ctime_ns > since  # noqa: PTH116  (much faster)
    except (OSError, ValueError):
        return listed_size >= 0 and not os.path.lexists(path)


def format_name(name: str) -> str:
    """A file name as text, with backslash escapes for bytes that are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
