"""HDF5 files of a few kilobytes that claim gigabytes."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

GIB, MIB = 1 << 30, 1 << 20
LATEST = {"every_other_row_is_missing"}
"""Those that need the latest format."""

BOMBS: dict[str, Callable[[h5py.File], Any]] = {}
"""What fills a file, by name; the file is closed afterwards."""


def bomb(function: Callable[[h5py.File], Any]) -> Callable[[h5py.File], Any]:
    BOMBS[function.__name__] = function
    return function


def write_bomb(path: Path, name: str) -> Path:
    """The file of the bomb ``name``."""
    libver = "latest" if name in LATEST else "earliest"
    with h5py.File(path, "w", libver=libver) as file:
        patches = BOMBS[name](file)
    if patches:
        with path.open("r+b") as raw:
            for offset, octets in patches:
                raw.seek(offset)
                raw.write(octets)
    return path


def deflated_zeros(mib: int) -> bytes:
    """A zlib stream of ``mib`` MiB of zeros, made without compressing all of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    # The Adler-32 checksum of n zeros.
    checksum = struct.pack(">I", (mib * MIB % 65521) << 16 | 1)
    return b"\x78\xda" + piece * mib + b"\x03\x00" + checksum


def packed(
    file: h5py.File, name: str, shape: Any, chunk: Any, codes: Any = (1,), dtype: Any = "u1"
) -> Any:
    """A chunked dataset with filters by number; nothing is written."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    for code in codes:
        values = (9,) if code == h5py.h5z.FILTER_DEFLATE else ()
        plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, values)
    kind = dtype if isinstance(dtype, h5py.h5t.TypeID) else h5py.h5t.py_create(np.dtype(dtype))
    space = h5py.h5s.create_simple(shape)
    return h5py.h5d.create(file.id, name.encode(), kind, space, plist)


@bomb
def chunk_of_4_gib(file):
    packed(file, "data", (2, 2 * GIB), (1, 2 * GIB)).write_direct_chunk(
        (0, 0), deflated_zeros(2048)
    )


@bomb
def chunk_deflated_twice(file):
    """A chunk of 1 MiB that inflates to 8 MB, and that to 8 GB."""
    data = packed(file, "data", (4, MIB), (1, MIB), codes=(1, 1))
    data.write_direct_chunk((0, 0), zlib.compress(deflated_zeros(8192), 9))


@bomb
def chunk_with_checksum_that_inflates(file):
    data = packed(file, "data", (4, 1000), (1, 1000), codes=(1, 3))
    data.write_direct_chunk((0, 0), deflated_zeros(4096) + b"abcd")


@bomb
def text_that_inflates(file):
    file["data"] = np.random.default_rng(0).random((4, 3))
    label = packed(file, "label", (4,), (4,), codes=(1,), dtype="S8")
    label.write_direct_chunk((0,), deflated_zeros(4096))


@bomb
def virtual_source_that_inflates(file):
    data = packed(file, "source", (4, 1000), (1, 1000), codes=(1, 1))
    data.write_direct_chunk((0, 0), zlib.compress(deflated_zeros(8192), 9))
    layout = h5py.VirtualLayout((4, 1000), "u1")
    layout[:] = h5py.VirtualSource(".", "source", (4, 1000))
    file.create_virtual_dataset("data", layout)


@bomb
def zstd_that_claims(file):
    frame = b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 8 * GIB) + b"\x03\x00\x00\x00"
    packed(file, "data", (4, 1000), (1, 1000), codes=(32015,)).write_direct_chunk((0, 0), frame)


@bomb
def lz4_that_claims(file):
    frame = struct.pack(">QII", 8 * GIB, GIB, 4) + b"abcd"
    packed(file, "data", (4, 1000), (1, 1000), codes=(32004,)).write_direct_chunk((0, 0), frame)


@bomb
def row_never_written(file):
    file.create_dataset("data", (1, 1 << 33), "u1")


@bomb
def row_in_chunks(file):
    data = packed(file, "data", (1, 1 << 33), (1, MIB))
    data.write_direct_chunk((0, 0), deflated_zeros(1))


@bomb
def row_without_sources(file):
    file.create_virtual_dataset("data", h5py.VirtualLayout((1, 1 << 33), "u1"))


@bomb
def row_with_a_source(file):
    file["source"] = np.ones((1, 10), "u1")
    layout = h5py.VirtualLayout((1, 1 << 33), "u1")
    layout[:, :10] = h5py.VirtualSource(".", "source", (1, 10))
    file.create_virtual_dataset("data", layout)


def array_type() -> Any:
    return h5py.h5t.array_create(h5py.h5t.STD_U8LE, (1 << 30,))


@bomb
def array_type_never_written(file):
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"data", array_type(), space)


@bomb
def array_type_in_chunks(file):
    data = packed(file, "data", (4,), (1,), dtype=array_type())
    data.write_direct_chunk((0,), deflated_zeros(1024))


@bomb
def wide_label(file):
    file["data"] = np.random.default_rng(0).random((4, 3))
    label = packed(file, "label", (4, 1 << 28), (1, 1 << 28))
    for row in range(4):
        label.write_direct_chunk((row, 0), deflated_zeros(256))


@bomb
def wide_text(file):
    file["data"] = np.random.default_rng(0).random((4, 3))
    label = packed(file, "label", (4,), (1,), dtype=f"S{1 << 28}")
    for row in range(4):
        label.write_direct_chunk((row,), deflated_zeros(256))


@bomb
def wide_extras(file):
    file["data"] = np.random.default_rng(0).random((4, 3))
    for number in range(8):
        extra = packed(file, f"extra{number}", (4, 1 << 28), (4, 1 << 26))
        for column in range(4):
            extra.write_direct_chunk((0, column << 26), deflated_zeros(256))


def shared_row(file: h5py.File, rows: int, kind: Any, value: Any) -> bytes:
    """The bytes of ``rows`` rows of variable length that are all one object of the file."""
    # The values are written to the heap first, so they are on the disk.
    source = file.create_dataset("source", (1,), kind)
    source[0] = value
    file.flush()
    with Path(file.filename).open("rb") as raw:
        raw.seek(source.id.get_offset())
        return raw.read(16) * rows


BYTES_ROW = (h5py.vlen_dtype(np.uint8), np.ones(2 * MIB, np.uint8))
TEXT_ROW = (h5py.string_dtype(), "x" * 2 * MIB)


@bomb
def rows_that_share_bytes(file):
    rows = shared_row(file, 60000, *BYTES_ROW)
    data = file.create_dataset("data", (60000,), BYTES_ROW[0])
    data[0] = np.ones(1, np.uint8)
    return [(data.id.get_offset(), rows)]


@bomb
def rows_that_share_bytes_in_a_chunk(file):
    rows = shared_row(file, 60000, *BYTES_ROW)
    kind = h5py.h5t.py_create(BYTES_ROW[0], logical=True)
    data = packed(file, "data", (60000,), (60000,), dtype=kind)
    data.write_direct_chunk((0,), zlib.compress(rows))


@bomb
def rows_that_share_bytes_in_the_header(file):
    rows = shared_row(file, 3000, *BYTES_ROW)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    kind = h5py.h5t.py_create(BYTES_ROW[0], logical=True)
    space = h5py.h5s.create_simple((3000,))
    data = h5py.Dataset(h5py.h5d.create(file.id, b"data", kind, space, plist))
    for row in range(3000):
        data[row] = np.array([7], np.uint8)
    file.flush()
    content = Path(file.filename).read_bytes()
    return [(find_rows(content, 3000), rows)]


def find_rows(content: bytes, count: int) -> int:
    """Where ``count`` rows of variable length with one byte each are in a file."""
    one, start = b"\1\0\0\0", -1
    while True:
        start = content.index(one, start + 1)
        block = content[start : start + 16 * count]
        if len(block) == 16 * count and all(
            block[i : i + 4] == one for i in range(0, len(block), 16)
        ):
            return start


@bomb
def texts_that_share_bytes(file):
    rows = shared_row(file, 60000, *TEXT_ROW)
    file["data"] = np.random.default_rng(0).random((60000, 3))
    label = file.create_dataset("label", (60000,), TEXT_ROW[0])
    label[0] = "a"
    return [(label.id.get_offset(), rows)]


@bomb
def many_rows_never_written(file):
    file.create_dataset("data", (10**9,), "f4")


@bomb
def many_rows_in_chunks_never_written(file):
    file.create_dataset("data", (10**9, 2), "f4", chunks=(1, 2), compression="gzip")


@bomb
def many_rows_with_one_chunk(file):
    file.create_dataset("data", (10**9, 2), "f4", chunks=(10, 2))[0] = 1


@bomb
def many_rows_that_may_grow(file):
    data = file.create_dataset("data", (10**9, 2), "f4", chunks=(1000, 2), maxshape=(None, 2))
    data[0] = 1


@bomb
def many_missing_rows(file):
    file.create_dataset("data", (1 << 24,), "u1", chunks=(1,))[0] = 1


@bomb
def many_labels_with_one_chunk(file):
    file["data"] = np.random.default_rng(0).random((4, 3))
    file.create_dataset("label", (10**9,), "i8", chunks=(1000,))[0] = 1


@bomb
def many_rows_without_sources(file):
    file.create_virtual_dataset("data", h5py.VirtualLayout((10**9, 2), "f4"))


@bomb
def many_rows_of_missing_files(file):
    file.create_dataset("data", (10**9, 2), "f4", external=[("gone", 0, 8 * 10**9)])


@bomb
def every_other_row_is_missing(file):
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    source = h5py.h5s.create_simple((1 << 23,))
    for number in range(20):
        space = h5py.h5s.create_simple((1 << 24,))
        space.select_hyperslab((number % 2,), (1 << 23,), (2,), (1,))
        made.set_virtual(space, f"gone{number}.h5".encode(), b"x", source)
    extent = h5py.h5s.create_simple((1 << 24,))
    h5py.h5d.create(file.id, b"data", h5py.h5t.STD_U8LE, extent, made)


@bomb
def many_datasets(file):
    """None is large, all together are."""
    for number in range(300):
        data = packed(file, f"x{number}", (1 << 16, 1 << 10), (1 << 14, 1 << 10))
        data.write_direct_chunk((0, 0), deflated_zeros(16))


@bomb
def datasets_of_the_same_bytes(file):
    """300 datasets that all name the values of the first."""
    values = np.random.default_rng(0).integers(0, 255, (1 << 12, 1 << 10), np.uint8)
    file["data"] = values
    for number in range(1, 3000):
        file.create_dataset(f"x{number}", values.shape, values.dtype)
    file.flush()
    unwritten = b"\xff" * 8 + struct.pack("<Q", values.nbytes)
    content, first = Path(file.filename).read_bytes(), file["data"].id.get_offset()
    places = [match.start() for match in re.finditer(re.escape(unwritten), content)]
    return [(place, struct.pack("<Q", first)) for place in places]


@bomb
def deep_groups(file):
    group = file
    for _ in range(3000):
        group = group.create_group("g")
        group["x"] = np.zeros(2)


@bomb
def groups_in_a_circle(file):
    for name in "abcdefgh":
        file.create_group(name)
    for one in "abcdefgh":
        for two in "abcdefgh":
            file[f"{one}/{two}"] = file[two]
            file[f"{one}/soft{two}"] = h5py.SoftLink(f"/{two}/{one}/{two}")
    file["x"] = np.zeros((4, 2))


@bomb
def chunks_that_are_read_for_every_row(file):
    """Each of 60 rows is in all 64 chunks of 64 MiB."""
    data = packed(file, "data", (60, 1 << 26), (60, 1 << 20))
    for column in range(64):
        data.write_direct_chunk((0, column << 20), deflated_zeros(60))


@bomb
def virtual_datasets_of_virtual_datasets(file):
    """64 ** 7 pieces."""
    file["d0"] = np.zeros((64, 64), "u1")
    for number in range(7):
        layout = h5py.VirtualLayout((64, 64), "u1")
        for column in range(64):
            source = h5py.VirtualSource(".", f"d{number}", (64, 64))
            layout[:, column] = source[:, 63 - column]
        file.create_virtual_dataset(f"d{number + 1}", layout)


@bomb
def type_of_3000_arrays(file):
    kind = h5py.h5t.STD_U8LE
    for _ in range(3000):
        kind = h5py.h5t.array_create(kind, (1,))
    h5py.h5d.create(file.id, b"data", kind, h5py.h5s.create_simple((4,)))


@bomb
def sparse_rows(file):
    """1e9 rows that are a hole in a sparse file."""
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple((10**9,))
    h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I32LE, space, made)
