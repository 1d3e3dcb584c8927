"""A datascan reader for IDX files, the format of MNIST.

The format is described at the end of http://yann.lecun.com/exdb/mnist/: a big-endian header (two
zero bytes, the type 8 for uint8, the number of dimensions, then each dimension as uint32), and
the values. Images have three dimensions; their labels are in a file of one dimension.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from datascan.decoders.base import Tracker
from datascan.errors import DatasetError
from datascan.readers.base import Reader
from datascan.records.block import (
    ArrayColumn,
    Block,
    Fault,
    Labels,
    compute_digests,
    compute_fingerprints,
)
from datascan.records.shard import Plan, Shard

IMAGES = b"\x00\x00\x08\x03"
LABELS = b"\x00\x00\x08\x01"
HEADER_BYTES = 16


class IdxReader(Reader):
    """The images of an IDX file, uint8 (height, width), and the labels in the file next to it."""

    name: ClassVar[str] = "idx"

    @classmethod
    def accepts(cls, path: Path) -> bool:
        """Whether ``path`` is a file that starts like an IDX file of images."""
        try:
            with path.open("rb") as file:
                return file.read(len(IMAGES)) == IMAGES
        except OSError:
            return False

    def plan(self) -> Plan:
        """Shards of whole images; those that the header promises but the file lacks are lost."""
        with self.path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        if not header.startswith(IMAGES) or len(header) < HEADER_BYTES:
            raise DatasetError(f"{self.path} does not start with the header of IDX images")
        declared, self.height, self.width = struct.unpack(">4xIII", header)
        self.image_bytes = self.height * self.width
        if not self.image_bytes:
            raise DatasetError(f"{self.path}: images of {self.height} x {self.width} pixels")
        size = self.path.stat().st_size
        stored = (size - HEADER_BYTES) // self.image_bytes
        self.count = min(declared, stored)
        faults = []
        if stored < declared:
            end = f"the file ends at byte {size:,}, within image {stored:,} of {declared:,}"
            faults.append(Fault(None, "truncated-store", end, lost=declared - stored))
        elif size > HEADER_BYTES + declared * self.image_bytes:
            faults.append(Fault(None, "damaged-store", "the file has bytes after its last image"))
        if self.options.read.limit is not None:
            self.count = min(self.count, self.options.read.limit)
        step = max(1, self.options.read.shard_bytes // self.image_bytes)
        return Plan(
            shards=tuple(Shard(i, at) for i, at in enumerate(range(0, self.count, step))),
            layout="idx",
            nbytes=self.count * self.image_bytes,
            records=self.count,
            faults=tuple(faults),
        )

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:  # noqa: ARG002  (no native code that could crash)
        """The images of a shard as one block."""
        rows = self.count_rows(shard, track)
        first = min(shard.first, rows)
        last = rows if shard.last is None else min(shard.last, rows)
        if first >= last:
            return
        track(first, last - first)
        images = self.values(shard.span + first, last - first)
        column = ArrayColumn("data", np.arange(len(images)), images)
        lost = [
            Fault(row, "truncated-store", "cut off") for row in range(len(images), last - first)
        ]
        labels, missing = self.labels(shard.span + first, last - first)
        yield Block(
            start=shard.base + first,
            records=last - first,
            nbytes=(last - first) * self.image_bytes,
            arrays=(column,),
            labels=labels,
            faults=(*lost, *missing),
            fingerprints=np.append(compute_fingerprints(column), np.zeros(len(lost), np.uint64)),
            has_exact_fingerprints=False,
            digests=partial(compute_digests, (column,), {}),
        )

    def values(self, first: int, count: int) -> NDArray[np.uint8]:
        """``count`` images from ``first`` on, (n, height, width); fewer if the file has shrunk."""
        offset = HEADER_BYTES + first * self.image_bytes
        flat = np.fromfile(self.path, np.uint8, count * self.image_bytes, offset=offset)
        whole = len(flat) // self.image_bytes
        return flat[: whole * self.image_bytes].reshape(whole, self.height, self.width)

    def labels(self, first: int, count: int) -> tuple[Labels | None, list[Fault]]:
        """The labels of images, and a fault for each image without one; None without a file."""
        path = self.path.with_name(self.path.name.replace("images-idx3", "labels-idx1"))
        if path == self.path or not path.is_file():
            return None, []
        with path.open("rb") as file:
            found = b""
            if file.read(8).startswith(LABELS):
                file.seek(8 + first)
                found = file.read(count)
        values = np.zeros(count, np.uint8)
        values[: len(found)] = np.frombuffer(found, np.uint8)
        faults = [
            Fault(row, "missing-label", f"{path.name} has no label {first + row:,}")
            for row in range(len(found), count)
        ]
        return Labels(values, np.arange(count) < len(found)), faults

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The numbers of the images in the file."""
        return [str(shard.span + row) for row in rows]

    def count_rows(self, shard: Shard, track: Tracker) -> int:  # noqa: ARG002  (nothing is read)
        """How many images the shard has, from the plan."""
        step = max(1, self.options.read.shard_bytes // self.image_bytes)
        return min(step, self.count - int(shard.span))

    def describe_start(self, shard: Shard) -> str:
        """The first image."""
        return f"image {shard.span:,}"
