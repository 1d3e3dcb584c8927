"""LMDB files whose pages refer to one another as no library writes them: small, but never large."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from datascan.checks.damaged_store import DamagedStore
from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.lmdb.orphans import find_orphaned_leaves
from datascan.readers.lmdb.pages import PageFile, Tree
from datascan.readers.lmdb.reader import LmdbReader
from datascan.readers.lmdb.traversal import MAX_LOST
from datascan.readers.lmdb.tree import TreeReader
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan
from tests.builders.lmdb import datum
from tests.builders.lmdb_pages import (
    DUP_DATA,
    SUB_DATA,
    Entry,
    branch_page,
    leaf_page,
    lmdb_file,
    on_overflow,
    overflow_pages,
    tree_record,
)

VALUE = datum(np.zeros((1, 3, 3), np.uint8), 1)
SECONDS = 10
DUP_SORT = 4


def scan_file(folder: Path, content: bytes, **options) -> ScanResult:
    (folder / "data.mdb").write_bytes(content)
    start = time.process_time()
    result = scan(LmdbReader((folder,), Options().replace(**options)), [DamagedStore()])
    assert time.process_time() - start < SECONDS
    return result


def places(result: ScanResult) -> str:
    (issue,) = result.issues
    assert issue.rule == "damaged-store"
    return issue.message


def key(i: int) -> bytes:
    return b"%08d" % i


def leaves_below(first: int, count: int) -> list[tuple[bytes, int]]:
    """Branch entries for leaf pages that begin with key 100 * i."""
    return [(key(100 * i), first + i) for i in range(count)]


def test_a_value_that_many_entries_share_is_read_once(tmp_path):
    value = datum(np.zeros((3, 200, 200), np.uint8), 1)
    count, each = 100, 60
    leaves = [
        leaf_page(
            3 + i, [on_overflow(key(100 * i + j), 3 + count, len(value)) for j in range(each)]
        )
        for i in range(count)
    ]
    pages = [branch_page(2, leaves_below(3, count)), *leaves, overflow_pages(3 + count, value)]
    tree = tree_record(2, 2, leaf_pages=count, entries=count * each)
    result = scan_file(tmp_path, lmdb_file(pages, tree))
    assert result.summary.records == count * each
    assert result.nbytes == len(value)
    assert f"{count * each - 1:,} " in places(result)


def test_runs_of_pages_that_overlap_are_read_once(tmp_path):
    run = overflow_pages(4, bytes(40_000))
    # Every page of the run claims to be the first of another one.
    pages = [overflow_pages(4 + i, bytes(len(run) - i * 4096 - 16))[:4096] for i in range(10)]
    entries = [on_overflow(key(i), 4 + i, (10 - i) * 4096 - 16) for i in range(10)]
    content = lmdb_file(
        [leaf_page(2, entries), leaf_page(3, [Entry(b"a", b"")]), *pages],
        tree_record(2, entries=10),
    )
    result = scan_file(tmp_path, content)
    assert result.nbytes == 10 * 4096 - 16
    assert "9 " in places(result)


@pytest.mark.parametrize(
    "keys",
    [
        lambda i: b"",
        lambda i: key(i % 2 * 10_000),
        lambda i: key(10_000 - i),
        key,
    ],
    ids=["empty", "alternating", "descending", "ascending"],
)
def test_a_leaf_that_many_branch_entries_name_is_read_once(tmp_path, keys):
    leaf = leaf_page(3, [Entry(key(1000 + i), VALUE) for i in range(71)])
    branch = branch_page(2, [(keys(i), 3) for i in range(85)])
    content = lmdb_file([branch, leaf], tree_record(2, 2, entries=71))
    result = scan_file(tmp_path, content)
    assert result.summary.records == 71
    assert "page " in places(result)


def test_trees_of_branches_that_share_their_children_are_linear(tmp_path):
    width, levels = 200, 12
    pages = [
        branch_page(2 + level, [(key(i * width + level), 3 + level) for i in range(width)])
        for level in range(levels)
    ]
    pages.append(leaf_page(2 + levels, [Entry(key(0), VALUE)]))
    result = scan_file(tmp_path, lmdb_file(pages, tree_record(2, levels + 1)))
    assert result.summary.records <= 1
    assert places(result)


def test_pointers_that_repeat_an_entry_count_once(tmp_path):
    leaf = leaf_page(2, [Entry(key(0), VALUE), Entry(key(1), VALUE)], repeat=900)
    result = scan_file(tmp_path, lmdb_file([leaf], tree_record(2, entries=1800)))
    assert result.summary.records == 2
    assert "do not match the space" in places(result)


def test_a_count_of_leaves_that_is_too_low_makes_no_more_shards(tmp_path):
    count = 200
    leaves = [leaf_page(3 + i, [Entry(key(100 * i), VALUE)]) for i in range(count)]
    content = lmdb_file(
        [branch_page(2, leaves_below(3, count)), *leaves],
        tree_record(2, 2, leaf_pages=1, overflow_pages=1 << 40, entries=count),
    )
    result = scan_file(tmp_path, content, shard_bytes=1 << 18)
    assert len(result.summary.plan.shards) <= 2 * len(content) / (1 << 18) + 2
    assert result.summary.records == count
    assert result.issues == ()


def many_trees(flags: int, record: bytes, width: int) -> tuple[list[bytes], int]:
    """Pages of a tree of ``width`` x 40 entries that all have the value ``record``, from 2 on."""
    leaves = [
        leaf_page(3 + i, [Entry(key(100 * i + j), record, flags) for j in range(40)])
        for i in range(width)
    ]
    return [branch_page(2, leaves_below(3, width)), *leaves], 3 + width


def large_tree(first: int, width: int = 100) -> tuple[list[bytes], bytes]:
    """A tree of ``width`` ** 2 branch entries that end at one leaf, and its record."""
    branches = [
        branch_page(first + 1 + i, [(key(1000 * i + j), first + 1 + width) for j in range(width)])
        for i in range(width)
    ]
    root = branch_page(first, [(key(1000 * i), first + 1 + i) for i in range(width)])
    leaf = leaf_page(first + 1 + width, [Entry(key(0), b"")])
    return [root, *branches, leaf], tree_record(first, 3)


def test_keys_that_share_a_tree_of_values(tmp_path):
    pages, record = large_tree(103)
    trees, after = many_trees(SUB_DATA | DUP_DATA, record, 100)
    assert after == 103
    content = lmdb_file([*trees, *pages], tree_record(2, 2, flags=DUP_SORT))
    result = scan_file(tmp_path, content)
    assert result.summary.records <= 1
    assert "used more than once" in places(result)


def test_databases_that_share_a_tree_do_not_slow_down_the_sweep(tmp_path):
    pages, record = large_tree(103)
    trees, after = many_trees(SUB_DATA, record, 100)
    assert after == 103
    content = lmdb_file([*trees, *pages], tree_record(2, 2, entries=4000))
    (tmp_path / "data.mdb").write_bytes(content)
    file = PageFile(tmp_path / "data.mdb")
    assert file.meta is not None
    start = time.process_time()
    find_orphaned_leaves(file, file.meta.main)
    assert time.process_time() - start < SECONDS
    with pytest.raises(DatasetError) as caught:
        scan_file(tmp_path, content)
    assert len(str(caught.value)) < 1500


def test_free_lists_that_share_their_pages(tmp_path):
    numbers = (1 << 18).to_bytes(8, "little") * ((1 << 18) + 1)
    width, each = 100, 60
    leaves = [
        leaf_page(
            3 + i,
            [on_overflow(key(100 * i + j), 4 + width, len(numbers)) for j in range(each)],
        )
        for i in range(width)
    ]
    pages = [
        branch_page(2, leaves_below(3, width)),
        *leaves,
        leaf_page(3 + width, [Entry(key(0), VALUE)]),
        overflow_pages(4 + width, numbers),
    ]
    free = tree_record(2, 2, flags=8)
    # The root of the main database is lost, so the free list is read.
    content = lmdb_file(pages, tree_record(1, 2), free)
    result = scan_file(tmp_path, content)
    assert result.summary.records == 1


def test_places_are_listed_up_to_a_limit(tmp_path):
    width = 200
    branches = [
        branch_page(3 + i, [(key(1000 * i + j), (1 << 40) + i * 1000 + j) for j in range(width)])
        for i in range(width)
    ]
    root = branch_page(2, [(key(1000 * i), 3 + i) for i in range(width)])
    (tmp_path / "data.mdb").write_bytes(lmdb_file([root, *branches], tree_record(2, 3)))
    file = PageFile(tmp_path / "data.mdb")
    assert file.meta is not None
    faults = [f for b in TreeReader(file, file.meta.main).iter_entries() for f in b.faults]
    assert len(faults) == MAX_LOST + 1
    assert faults[-1].detail == f"more than {MAX_LOST:,} pages"
    deeper = TreeReader(file, Tree(0, 4, 0, 0, 0, 0, 2))
    assert list(deeper.leaves()) == []
    assert len(deeper.lost) == MAX_LOST + 1
