"""Keys in another order, and keys with several values: the walk gives what the library gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lmdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datascan.checks.damaged_store import DamagedStore
from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.readers.lmdb.pages import PageFile
from datascan.readers.lmdb.reader import LmdbReader
from datascan.scanner.scan import scan
from tests.builders.lmdb import write_lmdb

PAGE = 4096
LARGE = (1 << 32) - 1

Entries = list[tuple[bytes, bytes]]


def walked(path: Path) -> Entries:
    """All entries of database "d", of which no page is lost."""
    reader = LmdbReader((path,), Options().replace(db="d"))
    found: Entries = []
    for (span,) in [reader.key_ranges()] if reader.tree.tree.entries else []:
        for pairs in reader.iter_entries(span):
            assert pairs.faults == ()
            found += [(pairs.keys[row], pairs.values[row]) for row in range(len(pairs))]
    assert reader.faults() == ()
    assert reader.store_count() == len(found)
    return found


def by_library(path: Path, **flags: Any) -> Entries:
    with lmdb.open(str(path), max_dbs=1, readonly=True, lock=False) as environment:
        database = environment.open_db(b"d", create=False, **flags)
        with environment.begin(db=database) as transaction:
            return list(transaction.cursor())


def store(path: Path, entries: Entries, **flags: Any) -> Path:
    """A store with these entries in "d", and with those in place that others were before."""
    return write_lmdb(path, entries, db="d", map_size=1 << 26, **flags)


def deleted(path: Path, entries: Entries, **flags: Any) -> None:
    """Take some entries out again."""
    with lmdb.open(str(path), map_size=1 << 26, max_dbs=1) as environment:
        database = environment.open_db(b"d", **flags)
        with environment.begin(write=True, db=database) as transaction:
            for key, value in entries:
                transaction.delete(key, value)


KEYS = st.binary(min_size=1, max_size=20)
VALUES = st.binary(min_size=1, max_size=400)
SETTINGS = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@SETTINGS
@given(
    keys=st.lists(KEYS, min_size=1, max_size=4, unique=True),
    values=st.lists(
        st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=400)), max_size=150
    ),
    gone=st.integers(0, 60),
    backward=st.booleans(),
)
def test_several_values_of_any_length(tmp_path_factory, keys, values, gone, backward):
    path = tmp_path_factory.mktemp("store")
    flags = {"dupsort": True, "reverse_key": backward}
    entries = [(keys[owner % len(keys)], value) for owner, value in values]
    store(path, entries, **flags)
    deleted(path, entries[:gone], **flags)
    assert walked(path) == by_library(path, **flags)


@SETTINGS
@given(
    width=st.sampled_from([1, 2, 3, 4, 8, 100, 511]),
    owners=st.lists(st.integers(0, 3), max_size=200),
    gone=st.integers(0, 60),
    integers=st.booleans(),
)
def test_several_values_of_one_length(tmp_path_factory, width, owners, gone, integers):
    path = tmp_path_factory.mktemp("store")
    flags = {"dupsort": True, "dupfixed": True, "integerdup": integers and width in (4, 8)}
    source = random.Random(len(owners))
    entries = [(b"key %d" % owner, source.randbytes(width)) for owner in owners]
    store(path, entries, **flags)
    deleted(path, entries[:gone], **flags)
    assert walked(path) == by_library(path, **flags)


@SETTINGS
@given(
    keys=st.lists(st.integers(0, LARGE), max_size=300, unique=True),
    width=st.sampled_from([4, 8]),
    size=st.sampled_from([0, 3, 300, 2000, 5000]),
)
def test_keys_that_are_numbers(tmp_path_factory, keys, width, size):
    path = tmp_path_factory.mktemp("store")
    entries = [(key.to_bytes(width, "little"), bytes([key % 251]) * size) for key in keys]
    store(path, entries, integerkey=True)
    assert walked(path) == by_library(path, integerkey=True)


@SETTINGS
@given(keys=st.lists(KEYS, max_size=300, unique=True), size=st.sampled_from([0, 300, 5000]))
def test_keys_that_compare_from_their_ends(tmp_path_factory, keys, size):
    path = tmp_path_factory.mktemp("store")
    store(path, [(key, key * (size // len(key))) for key in keys], reverse_key=True)
    assert walked(path) == by_library(path, reverse_key=True)


@pytest.mark.parametrize("fixed", [False, True])
def test_trees_of_values_of_every_depth(tmp_path, fixed):
    source = random.Random(4)
    flags = {"dupsort": True, "dupfixed": fixed}
    counts = (1, 2, 40, 3000, 1, 20_000)
    entries = [(b"%d" % i, source.randbytes(100)) for i, n in enumerate(counts) for _ in range(n)]
    store(tmp_path, entries, **flags)
    assert walked(tmp_path) == by_library(tmp_path, **flags)


FORMS = {
    "several": {"dupsort": True},
    "fixed": {"dupsort": True, "dupfixed": True},
    "numbers": {"integerkey": True},
    "ends": {"reverse_key": True},
}


def entries_of(form: str) -> Iterator[tuple[bytes, bytes]]:
    source = random.Random(3)
    for i in range(3000):
        value = source.randbytes(300)
        if form in ("several", "fixed"):
            # One key has a tree of values, some have pages inside their entries.
            yield (b"many" if i % 3 == 0 else b"%06d" % (i // 5)), value
        else:
            yield i.to_bytes(8, "little"), value


@pytest.fixture(params=list(FORMS))
def healthy(tmp_path, request) -> tuple[Path, bytes, Entries]:
    """A folder, a file's content, and its entries."""
    flags = FORMS[request.param]
    store(tmp_path, list(entries_of(request.param)), **flags)
    return tmp_path, (tmp_path / "data.mdb").read_bytes(), by_library(tmp_path, **flags)


def entries_beside(path: Path, lost: set[int]) -> Entries:
    """Entries of a healthy file that lie on none of the ``lost`` pages."""
    reader = LmdbReader((path,), Options().replace(db="d"))
    kept = []
    for pairs in reader.iter_entries(reader.key_ranges()[0]):
        for row in range(len(pairs)):
            places = (int(column.offsets[row]) // PAGE for column in (pairs.keys, pairs.values))
            if not lost & set(places):
                kept.append((pairs.keys[row], pairs.values[row]))
    return kept


def read(path: Path) -> Entries:
    """The entries that can be read of a damaged file, in any order."""
    reader = LmdbReader((path,), Options().replace(db="d"))
    found = []
    for pairs in reader.iter_entries(reader.key_ranges()[0]):
        lost = {fault.row for fault in pairs.faults}
        rows = (row for row in range(len(pairs)) if row not in lost)
        found += [(pairs.keys[row], pairs.values[row]) for row in rows]
    return found


@pytest.mark.parametrize("fill", ["zeros", "noise", "noise behind the header"])
@pytest.mark.parametrize("seed", range(4))
def test_damage_costs_what_lies_on_it(healthy, fill, seed):
    path, content, _ = healthy
    source = random.Random(seed)
    leaves = [p for p in range(2, len(content) // PAGE) if content[p * PAGE + 10] & 0x02]
    main = PageFile(path / "data.mdb").meta.main.root
    lost = set(source.sample([page for page in leaves if page != main], 4))
    beside = entries_beside(path, lost)
    damaged = bytearray(content)
    for page in lost:
        start = page * PAGE + (16 if fill == "noise behind the header" else 0)
        size = (page + 1) * PAGE - start
        damaged[start : start + size] = bytes(size) if fill == "zeros" else source.randbytes(size)
    (path / "data.mdb").write_bytes(damaged)
    assert set(read(path)) >= set(beside)
    result = scan(LmdbReader((path,), Options().replace(db="d")), [DamagedStore()])
    assert result.summary.records >= len(read(path)) > 1900
    assert [judged.rule for judged in result.issues] == ["damaged-store"]


def test_a_lost_branch_costs_nothing_but_the_key_it_belongs_to(healthy):
    path, content, entries = healthy
    branches = [p for p in range(2, len(content) // PAGE) if content[p * PAGE + 10] & 0x01]
    assert branches
    for page in branches:
        damaged = bytearray(content)
        damaged[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        (path / "data.mdb").write_bytes(damaged)
        kept = read(path)
        assert len(kept) == len(set(kept))
        assert {(k, v) for k, v in entries if k != b"many"} <= set(kept) <= set(entries)


@pytest.mark.parametrize("seed", range(60))
def test_bytes_that_are_not_as_they_were_written_break_nothing(healthy, seed):
    path, content, entries = healthy
    source = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(40):
        # Mostly where pages say what they are and where their entries lie.
        page = source.randrange(len(content) // PAGE) * PAGE
        damaged[page + source.choice([source.randrange(40), source.randrange(PAGE)])] ^= (
            1 << source.randrange(8)
        )
    (path / "data.mdb").write_bytes(damaged)
    try:
        result = scan(LmdbReader((path,), Options().replace(db="d")), [DamagedStore()])
    except DatasetError:
        return
    assert result.summary.records <= 2 * len(entries)
