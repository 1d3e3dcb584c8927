"""The page walk gives what the lmdb library gives, for trees of every form."""

from __future__ import annotations

from pathlib import Path

import lmdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datascan.readers.lmdb.pages import PageFile
from datascan.readers.lmdb.traversal import Child
from datascan.readers.lmdb.tree import TreeReader
from tests.builders.lmdb import write_lmdb


def walked(path: Path, first: bytes | None = None, stop: bytes | None = None) -> list[tuple]:
    file = PageFile(path / "data.mdb")
    assert file.meta is not None
    walk = TreeReader(file, file.meta.main)
    found = []
    for pairs in walk.iter_entries(first, stop):
        assert pairs.faults == ()
        found += [(pairs.keys[row], pairs.values[row]) for row in range(len(pairs))]
    assert walk.lost == []
    return found


def by_library(path: Path) -> list[tuple]:
    with lmdb.open(str(path), readonly=True, lock=False) as env, env.begin() as transaction:
        return list(transaction.cursor())


SIZES = st.sampled_from([0, 1, 7, 100, 1000, 2022, 2023, 2024, 4080, 4081, 5000, 9000])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    entries=st.dictionaries(st.binary(min_size=1, max_size=200), SIZES, max_size=60),
    first=st.none() | st.binary(max_size=3),
    stop=st.none() | st.binary(max_size=3),
)
def test_same_entries_as_the_library(tmp_path_factory, entries, first, stop):
    path = tmp_path_factory.mktemp("store")
    write_lmdb(path, {key: bytes([len(key)]) * size for key, size in entries.items()})
    expected = by_library(path)
    assert walked(path) == expected
    inside = [
        (key, value)
        for key, value in expected
        if (first is None or key >= first) and (stop is None or key < stop)
    ]
    assert walked(path, first, stop) == inside


@pytest.mark.parametrize("size", [20, 900, 3000, 20_000])
def test_deep_trees(tmp_path, size):
    path = write_lmdb(tmp_path, {b"%08d" % i: b"%d" % i * (size // 8) for i in range(3000)})
    assert walked(path) == by_library(path)


def test_deletions_and_overwrites(tmp_path):
    write_lmdb(tmp_path, {b"%06d" % i: b"x" * 500 for i in range(2000)})
    with lmdb.open(str(tmp_path), map_size=1 << 28) as env, env.begin(write=True) as transaction:
        for i in range(0, 2000, 3):
            transaction.delete(b"%06d" % i)
        for i in range(1, 2000, 3):
            transaction.put(b"%06d" % i, b"y" * 6000)
    assert walked(tmp_path) == by_library(tmp_path)


def test_find(tmp_path):
    write_lmdb(tmp_path, {b"%06d" % i: b"%d" % i for i in range(5000)})
    file = PageFile(tmp_path / "data.mdb")
    walk = TreeReader(file, file.meta.main)
    assert walk.get(b"004999") == b"4999"
    assert walk.get(b"000000") == b"0"
    assert walk.get(b"5") is None
    assert walk.get(b"0000001") is None


def test_a_branch_page_that_a_writer_empties_after_it_was_checked(tmp_path, monkeypatch):
    path = write_lmdb(tmp_path, {b"%08d" % i: b"x" * 900 for i in range(300)})
    file = PageFile(path / "data.mdb")
    walk = TreeReader(file, file.meta.main)
    monkeypatch.setattr(walk, "_read_children", lambda parent, raw: [])
    assert list(walk.leaves()) == []
    (lost,) = walk.lost
    assert "has no entries" in lost.why
    raw = bytearray((path / "data.mdb").read_bytes())
    root = file.meta.main.root
    raw[root * file.page_size + 12 : root * file.page_size + 14] = (16).to_bytes(2, "little")
    (path / "data.mdb").write_bytes(raw)
    changed = PageFile(path / "data.mdb")
    emptied = changed.pages[root].tobytes()
    assert TreeReader(changed, file.meta.main)._read_children(Child(root, None), emptied) == []


def test_a_branch_page_that_a_writer_changes_is_read_again(tmp_path, monkeypatch):
    path = write_lmdb(tmp_path, {b"%08d" % i: b"x" * 900 for i in range(300)})
    walk = TreeReader(PageFile(path / "data.mdb"), PageFile(path / "data.mdb").meta.main)
    read = []
    monkeypatch.setattr(
        walk, "_read_children", lambda *given: read.append(given) or read_children(*given)
    )
    read_children = TreeReader._read_children.__get__(walk)
    leaves = list(walk.leaves())
    assert leaves == list(walk.leaves())
    assert len(read) == 1
    walk.file.pages = walk.file.pages.copy()
    lower = walk.file.pages[walk.tree.root][12:14].view("<u2")
    lower -= 2
    assert list(walk.leaves()) == []
    assert "has damaged entries" in walk.lost[0].why
    walk.file.pages = walk.file.pages[:1]
    assert list(walk.leaves()) == []
    assert walk.lost[1].missing


@pytest.mark.parametrize("leaves", [1, 3, 512])
def test_the_first_entries_from_a_few_leaf_pages(tmp_path, leaves):
    path = write_lmdb(tmp_path, {b"%08d" % i: b"x" * 900 for i in range(100)})
    file = PageFile(path / "data.mdb")
    walk = TreeReader(file, file.meta.main)
    batches = list(walk.iter_entries(leaves_at_first=leaves))
    assert [batch.keys[row] for batch in batches for row in range(len(batch))] == [
        b"%08d" % i for i in range(100)
    ]
    assert len(batches[0]) <= 4 * leaves
