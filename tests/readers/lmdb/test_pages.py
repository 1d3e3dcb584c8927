"""Trees by their flags, and files that cannot be opened."""

from __future__ import annotations

import os
import struct

import pytest

import datascan
from datascan.errors import DatasetError
from datascan.readers.base import detect_reader
from datascan.readers.lmdb.pages import PAGE_SIZES, PageFile, Tree, find_foreign_layout

REVERSE_KEY, DUP_SORT, INTEGER_KEY, DUP_FIXED, INTEGER_DUP, REVERSE_DUP = 2, 4, 8, 16, 32, 64
VALID = 0x8000


def tree(flags: int) -> Tree:
    return Tree(
        flags=flags, depth=1, branch_pages=2, leaf_pages=3, overflow_pages=5, entries=7, root=11
    )


@pytest.mark.parametrize(
    ("flags", "is_plain", "has_duplicates", "is_backward"),
    [
        (0, True, False, False),
        (VALID, True, False, False),
        (REVERSE_KEY, False, False, True),
        (INTEGER_KEY, False, False, True),
        (DUP_SORT, False, True, False),
        (DUP_SORT | DUP_FIXED | VALID, False, True, False),
        (DUP_SORT | INTEGER_DUP, False, True, False),
        (DUP_SORT | INTEGER_KEY, False, True, True),
    ],
)
def test_what_the_flags_of_a_tree_mean(flags, is_plain, has_duplicates, is_backward):
    found = tree(flags)
    assert found.is_plain == is_plain
    assert found.has_duplicates == has_duplicates
    assert found.is_backward == is_backward
    assert found.comparable(b"ab") == (b"ba" if is_backward else b"ab")
    assert found.pages == 10


@pytest.mark.parametrize(
    ("flags", "is_backward"),
    [
        (DUP_SORT, False),
        (DUP_SORT | REVERSE_KEY, False),
        (DUP_SORT | INTEGER_KEY, False),
        (DUP_SORT | INTEGER_DUP, True),
        (DUP_SORT | REVERSE_DUP, True),
    ],
)
def test_the_order_of_values(flags, is_backward):
    assert tree(flags).value_tree(tree(0)).is_backward == is_backward


def test_files_that_cannot_be_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("absent", "pipe", "."):
        with pytest.raises(DatasetError, match="cannot read"):
            PageFile(tmp_path / name)


def test_sizes_of_pages():
    assert sorted(PAGE_SIZES) == [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536]
    assert PAGE_SIZES[0] == 4096


def foreign_store(order: str, bits: int, page_size: int = 4096, version: int = 1) -> bytes:
    """Two meta pages and a leaf, as LMDB writes them on another machine."""
    mark, word = {"big": ">", "little": "<"}[order], {32: "I", 64: "Q"}[bits]
    pages = []
    for number in (0, 1):
        head = struct.pack(f"{mark}{word}HHHH", number, 0, 0x08, 0, 0)
        meta = struct.pack(f"{mark}II{word}{word}", 0xBEEFC0DE, version, 0, 1 << 20)
        free = struct.pack(f"{mark}IHH5{word}", page_size, 8, 0, *[0] * 5)
        main = struct.pack(f"{mark}IHH5{word}", 0, 0, 1, 0, 1, 0, 3, 2)
        tail = struct.pack(f"{mark}{word}{word}", 2, number)
        pages.append((head + meta + free + main + tail).ljust(page_size, b"\0"))
    return b"".join(pages) + bytes(page_size)


@pytest.mark.parametrize("page_size", [4096, 16384, 65536])
@pytest.mark.parametrize(("order", "bits"), [("big", 64), ("big", 32), ("little", 32)])
@pytest.mark.parametrize("is_folder", [True, False])
def test_stores_of_other_machines_are_named(tmp_path, order, bits, page_size, is_folder):
    path = tmp_path / "data.mdb" if is_folder else tmp_path / "train.db"
    path.write_bytes(foreign_store(order, bits, page_size))
    given = tmp_path if is_folder else path
    assert detect_reader(given) == "lmdb"
    with pytest.raises(DatasetError) as caught:
        datascan.scan(given)
    assert f"is the LMDB of a {order}-endian {bits}-bit machine" in str(caught.value)
    assert "mdb_dump" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_layout_of_this_machine_is_not_foreign():
    assert find_foreign_layout(foreign_store("little", 64)) is None
    assert find_foreign_layout(bytes(1 << 17)) is None
    assert find_foreign_layout(b"") is None


@pytest.mark.parametrize("version", [0, 2, 999])
def test_other_format_versions_are_named(tmp_path, version):
    (tmp_path / "data.mdb").write_bytes(foreign_store("little", 64, version=version))
    with pytest.raises(DatasetError, match=f"format version {version} is not supported"):
        datascan.scan(tmp_path)
