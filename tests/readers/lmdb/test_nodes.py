"""Entries of leaf pages that extend beyond their page."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from datascan.readers.lmdb.nodes import (
    UsedPages,
    find_damaged_pages,
    locate_nodes,
    read_leaf_nodes,
)
from datascan.readers.lmdb.pages import PageFile
from datascan.readers.lmdb.traversal import Child
from datascan.readers.lmdb.tree import TreeReader
from tests.builders.lmdb import write_lmdb

COUNT = 20


@pytest.fixture
def leaf(tmp_path):
    """A file whose only tree is one leaf, the number of that page, and the offset of its data."""
    path = write_lmdb(tmp_path, {b"%04d" % i: b"x" * 50 for i in range(COUNT)}) / "data.mdb"
    file = PageFile(path)
    return path, file.meta.main.root, file.page_size


def nodes_with(path, page: int, changes: dict[int, bytes]):
    """The nodes of the page, after bytes at some offsets of the file were changed."""
    content = bytearray(path.read_bytes())
    for at, octets in changes.items():
        content[at : at + len(octets)] = octets
    path.write_bytes(content)
    return read_leaf_nodes(PageFile(path), np.array([page]))


def entry(path, page: int, size: int, row: int) -> int:
    """Where an entry begins in the file."""
    start = page * size
    (pointer,) = struct.unpack_from("<H", path.read_bytes(), start + 16 + 2 * row)
    return start + pointer


def test_an_intact_page(leaf):
    path, page, _ = leaf
    nodes = nodes_with(path, page, {})
    assert len(nodes.offsets) == COUNT
    assert (nodes.broken_pages, nodes.inconsistent_pages) == ((), ())
    assert find_damaged_pages(nodes) == []


@pytest.mark.parametrize("size", [0, 900, 3000, 9000])
def test_intact_pages_are_read_alike_at_once_and_each_by_itself(tmp_path, size):
    path = write_lmdb(tmp_path, {b"%04d" % i * (i % 3 + 1): bytes(size) for i in range(90)})
    file = PageFile(path / "data.mdb")
    leaves = list(TreeReader(file, file.meta.main).leaves())
    at_once = locate_nodes(file, leaves)
    each = read_leaf_nodes(file, np.array([leaf.page for leaf in leaves]))
    for name in ("key_offsets", "key_lengths", "offsets", "lengths", "errors", "storage"):
        np.testing.assert_array_equal(getattr(at_once, name), getattr(each, name))
    used, before = UsedPages(file), UsedPages(file)
    assert at_once.mark_shared_values(file, used) is at_once
    assert used.is_used.any() == (size > 900)
    # Once more: the values belong to other records now.
    shared = at_once.mark_shared_values(file, used).errors > 0
    assert shared.all() if size > 900 else not shared.any()
    before.is_used[at_once.offsets[40] // file.page_size] = True
    assert not before.claim_all(at_once, file.page_size) or size <= 900
    assert before.is_used.sum() == 1 or size <= 900


@pytest.mark.parametrize("page", [1 << 63, 1 << 40])
def test_pages_that_are_not_read_at_once(leaf, page):
    path, root, _ = leaf
    file = PageFile(path)
    assert locate_nodes(file, [Child(root, None)]) is not None
    assert locate_nodes(file, [Child(root, None), Child(page, None)]) is None
    assert locate_nodes(file, [Child(0, None)]) is None
    assert locate_nodes(file, []) is None


def test_a_value_beyond_its_page(leaf):
    path, page, size = leaf
    # The first entry is stored last, at the end of the page.
    nodes = nodes_with(path, page, {entry(path, page, size, 0): struct.pack("<H", 51)})
    assert len(nodes.offsets) == COUNT - 1
    assert (nodes.broken_pages, nodes.inconsistent_pages) == ((page,), ())
    (lost,) = find_damaged_pages(nodes)
    assert (lost.page, lost.missing) == (page, False)
    assert "has entries that extend beyond it" in repr(lost)


def test_a_value_that_is_shorter_than_it_was(leaf):
    path, page, size = leaf
    nodes = nodes_with(path, page, {entry(path, page, size, 3): struct.pack("<H", 40)})
    assert len(nodes.offsets) == COUNT
    assert (nodes.broken_pages, nodes.inconsistent_pages) == ((), (page,))
    (lost,) = find_damaged_pages(nodes)
    assert "has entries that do not match the space it uses" in repr(lost)


@pytest.mark.parametrize("pointer", [0, 15, "end"])
def test_a_pointer_out_of_its_page(leaf, pointer):
    path, page, size = leaf
    value = size - 7 if pointer == "end" else pointer
    nodes = nodes_with(path, page, {page * size + 16: struct.pack("<H", value)})
    assert len(nodes.offsets) == COUNT - 1
    assert nodes.broken_pages == (page,)


@pytest.mark.parametrize("lower", [0, 17, 0xFFFF])
def test_a_page_that_a_writer_changes_after_it_was_checked(leaf, lower):
    """The end of its pointers, at byte 12, may then be anything."""
    path, page, size = leaf
    nodes = nodes_with(path, page, {page * size + 12: struct.pack("<H", lower)})
    inside = (nodes.key_offsets >= page * size) & (nodes.key_offsets < (page + 1) * size)
    assert inside.all()
    assert len(nodes.offsets) <= (size - 16) // 2
