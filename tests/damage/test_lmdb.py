"""LMDB files that are truncated, overwritten and emptied."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datascan.checks.damaged_store import DamagedStore
from datascan.checks.empty_dataset import EmptyDataset
from datascan.checks.truncated_store import TruncatedStore
from datascan.config.options import Options
from datascan.metrics.base import metric_name
from datascan.metrics.faults import measure_faults
from datascan.readers.lmdb.pages import PageFile
from datascan.readers.lmdb.reader import LmdbReader
from datascan.readers.lmdb.tree import TreeReader
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import scan
from tests.builders.lmdb import numbered, random_datums, write_lmdb

PAGE = 4096
CHECKS = [TruncatedStore(), DamagedStore(), EmptyDataset()]


def scan_file(folder: Path, content: bytes, **options) -> ScanResult:
    (folder / "data.mdb").write_bytes(content)
    return scan(LmdbReader((folder,), Options().replace(**options)), CHECKS)


def read_whole(result: ScanResult) -> set[str]:
    """Keys of all records that were read in full."""
    keys: list[str] = []
    for shard, count in zip(result.summary.plan.shards, result.summary.counts, strict=True):
        keys += result.reader.keys(shard, range(count))
    assert len(keys) == len(set(keys)) == result.summary.records
    assert keys == sorted(keys)
    tally = result.summary.tallies.get(metric_name(measure_faults))
    lost = [f.records.addresses.array for f in tally.entries.values()] if tally else []
    indices = result.summary.indices(np.concatenate(lost)) if lost else []
    return set(keys) - {keys[i] for i in indices}


def rules(result: ScanResult) -> set[str]:
    return {issue.rule for issue in result.issues}


def big(folder: Path) -> dict[bytes, bytes]:
    """Values on overflow pages."""
    entries = numbered(random_datums(1000, (3, 32, 32)))
    write_lmdb(folder, entries)
    return entries


def small(folder: Path) -> dict[bytes, bytes]:
    """Values inside leaf pages, in a tree of three levels."""
    entries = numbered(random_datums(12_000, (1, 4, 4)))
    write_lmdb(folder, entries)
    return entries


def grown(folder: Path) -> dict[bytes, bytes]:
    """Many transactions, as Caffe commits them, which leave old versions of pages in the file."""
    entries = numbered(random_datums(6000))
    pairs = list(entries.items())
    for first in range(0, len(pairs), 500):
        write_lmdb(folder, pairs[first : first + 500])
    return entries


BUILDERS = [big, small, grown]


def overwritten(content: bytes, fill: Callable[[], bytes]) -> tuple[bytes, list[int]]:
    """Replace one page in fifty, but no meta page."""
    pages = random.Random(7).sample(range(2, len(content) // PAGE), len(content) // PAGE // 50)
    damaged = bytearray(content)
    for page in pages:
        damaged[page * PAGE : (page + 1) * PAGE] = fill()
    return bytes(damaged), pages


def keys_outside(folder: Path, lost: list[int]) -> set[str]:
    """Keys of the records in a healthy file that have no byte on a ``lost`` page."""
    file = PageFile(folder / "data.mdb")
    kept = set()
    for pairs in TreeReader(file, file.meta.main).iter_entries():
        for row in range(len(pairs)):
            first, length = int(pairs.values.offsets[row]), int(pairs.values.lengths[row])
            pages = {int(pairs.keys.offsets[row]) // PAGE}
            pages.update(range(first // PAGE, (first + length - 1) // PAGE + 1))
            if not pages & set(lost):
                kept.add(pairs.keys[row].decode())
    return kept


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_cut(tmp_path, build, share):
    entries = build(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    end = int(len(content) * share)
    outside = keys_outside(tmp_path, list(range(end // PAGE, len(content) // PAGE + 1)))
    result = scan_file(tmp_path, content[:end])
    assert "truncated-store" in rules(result)
    assert read_whole(result) >= outside
    assert outside
    (cut,) = (j for j in result.issues if j.rule == "truncated-store")
    assert f"of {len(entries):,} records could be reached" in cut.message
    assert cut.records == len(entries) - len(read_whole(result))


@pytest.mark.parametrize("end", [1, 100, PAGE - 1, PAGE, 2 * PAGE - 1, 2 * PAGE, 2 * PAGE + 1])
def test_cut_within_the_meta_pages(tmp_path, end):
    small(tmp_path)
    result = scan_file(tmp_path, (tmp_path / "data.mdb").read_bytes()[:end])
    assert rules(result) == {"truncated-store"}


@pytest.mark.parametrize("build", [big, small])
@pytest.mark.parametrize("fill", [lambda: bytes(PAGE), lambda: random.Random(1).randbytes(PAGE)])
def test_overwritten_pages(tmp_path, build, fill):
    entries = build(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    damaged, pages = overwritten(content, fill)
    outside = keys_outside(tmp_path, pages)
    result = scan_file(tmp_path, damaged)
    assert "damaged-store" in rules(result)
    assert read_whole(result) >= outside
    assert len(read_whole(result)) < len(entries)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("metas", [[0], [1], [0, 1]])
def test_meta_pages_destroyed(tmp_path, build, metas):
    entries = build(tmp_path)
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    for meta in metas:
        content[meta * PAGE : (meta + 1) * PAGE] = bytes(PAGE)
    result = scan_file(tmp_path, bytes(content))
    assert rules(result) == {"damaged-store"}
    assert read_whole(result) == {key.decode() for key in entries}


def test_every_single_page_lost(tmp_path):
    """If any page is zeroed, the records on all others are found, also those below a branch."""
    small(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    for page in range(2, len(content) // PAGE, 7):
        (tmp_path / "data.mdb").write_bytes(content)
        outside = keys_outside(tmp_path, [page])
        damaged = bytearray(content)
        damaged[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
        result = scan_file(tmp_path, bytes(damaged))
        assert read_whole(result) >= outside, page


@pytest.mark.parametrize("content", [b"", b"\x00", random.Random(3).randbytes(100_000)])
def test_nothing_left(tmp_path, content):
    result = scan_file(tmp_path, content)
    assert result.summary.records == 0
    assert rules(result) & {"truncated-store", "damaged-store"}


def test_a_pointer_to_the_wrong_page(tmp_path):
    """The records of a leaf with two pointers to it are counted once."""
    small(tmp_path)
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    root = next(
        page
        for page in range(len(content) // PAGE)
        if content[page * PAGE + 10] == 1 and content[page * PAGE : page * PAGE + 8] != bytes(8)
    )
    at = root * PAGE
    nodes = np.frombuffer(bytes(content[at + 16 : at + 20]), "<u2")
    first, second = (at + int(node) for node in nodes)
    content[second : second + 4] = content[first : first + 4]
    result = scan_file(tmp_path, bytes(content))
    assert "damaged-store" in rules(result)
    read_whole(result)


def pages_of(content: bytes, kind: int) -> list[int]:
    """The pages with the flag ``kind``: 1 for branches, 2 for leaves."""
    return [
        page
        for page in range(2, len(content) // PAGE)
        if content[page * PAGE + 10] == kind
        and content[page * PAGE : page * PAGE + 8] == page.to_bytes(8, "little")
    ]


def with_bit_flipped(content: bytes, at: int, bit: int) -> bytes:
    flipped = bytearray(content)
    flipped[at] ^= 1 << bit
    return bytes(flipped)


@pytest.mark.parametrize("bit", range(1, 8))
def test_a_flipped_bit_in_the_count_of_a_branch_costs_nothing(tmp_path, bit):
    entries = small(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    for page in pages_of(content, 1):
        result = scan_file(tmp_path, with_bit_flipped(content, page * PAGE + 12, bit))
        assert "damaged-store" in rules(result)
        assert read_whole(result) == {key.decode() for key in entries}


@pytest.mark.parametrize("bit", range(1, 8))
def test_a_flipped_bit_in_the_count_of_a_leaf_is_reported(tmp_path, bit):
    entries = small(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    page = pages_of(content, 2)[3]
    outside = keys_outside(tmp_path, [page])
    result = scan_file(tmp_path, with_bit_flipped(content, page * PAGE + 12, bit))
    assert "damaged-store" in rules(result)
    keys = set()
    for shard, count in zip(result.summary.plan.shards, result.summary.counts, strict=True):
        keys |= set(result.reader.keys(shard, range(count)))
    assert outside <= keys <= {key.decode() for key in entries}


@pytest.mark.parametrize("where", ["pointer", "node"])
def test_a_branch_with_a_damaged_entry_is_swept(tmp_path, where):
    entries = small(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    page = pages_of(content, 1)[0] * PAGE
    node = page + int.from_bytes(content[page + 18 : page + 20], "little")
    at, bit = (page + 19, 6) if where == "pointer" else (node + 6, 2)
    result = scan_file(tmp_path, with_bit_flipped(content, at, bit))
    assert "damaged-store" in rules(result)
    assert read_whole(result) == {key.decode() for key in entries}


def test_a_wrong_count_of_records_is_reported(tmp_path):
    entries = small(tmp_path)
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    number = len(entries).to_bytes(8, "little")
    for meta in (0, 1):
        at = content.find(number, meta * PAGE, (meta + 1) * PAGE)
        if at >= 0:
            content[at : at + 8] = (len(entries) - 1000).to_bytes(8, "little")
    result = scan_file(tmp_path, bytes(content))
    assert result.summary.records == len(entries)
    (issue,) = result.issues
    assert issue.rule == "damaged-store"
    assert "12,000 records were found, but the store counts 11,000" in issue.details[0]


@pytest.mark.parametrize("how", ["cut", "page"])
def test_a_named_database_whose_entry_is_lost_is_swept(tmp_path, how):
    entries = numbered(random_datums(3000, (1, 4, 4)))
    write_lmdb(tmp_path, entries, db="train")
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    main = PageFile(tmp_path / "data.mdb").meta.main.root
    if how == "page":
        content[main * PAGE : (main + 1) * PAGE] = bytes(PAGE)
        reached = len(entries)
    else:
        content = content[: main * PAGE]
        reached = 0
    result = scan_file(tmp_path, bytes(content), db="train")
    assert "database 'train' is lost" in " ".join(d for j in result.issues for d in j.details)
    assert len(read_whole(result)) >= reached
    if how == "cut":
        assert "truncated-store" in rules(result)


@pytest.mark.parametrize("number", [(1 << 63) - 1, 1 << 62, (1 << 64) - 1])
def test_a_value_on_a_page_that_no_file_has(tmp_path, number):
    big(tmp_path)
    content = bytearray((tmp_path / "data.mdb").read_bytes())
    leaf = pages_of(content, 2)[0] * PAGE
    node = leaf + int.from_bytes(content[leaf + 16 : leaf + 18], "little")
    at = node + 8 + int.from_bytes(content[node + 6 : node + 8], "little")
    content[at : at + 8] = number.to_bytes(8, "little")
    result = scan_file(tmp_path, bytes(content))
    assert rules(result) == {"truncated-store"}
    assert (result.summary.records, len(read_whole(result))) == (1000, 999)


def with_tree(content: bytes, **fields: int) -> bytearray:
    """The file with these numbers in the description of its main tree, in both meta pages."""
    places = {"depth": (6, 2), "branches": (8, 8), "leaves": (16, 8), "overflow": (24, 8)}
    changed = bytearray(content)
    for meta in (0, 1):
        for name, value in fields.items():
            at, width = places[name]
            at += meta * PAGE + 16 + 24 + 48
            changed[at : at + width] = value.to_bytes(width, "little")
    return changed


def test_a_branch_that_leads_to_itself(tmp_path):
    entries = small(tmp_path)
    content = with_tree((tmp_path / "data.mdb").read_bytes(), depth=40)
    for page in pages_of(content, 1):
        start = page * PAGE
        lower = int.from_bytes(content[start + 12 : start + 14], "little")
        for pointer in range(start + 16, start + lower, 2):
            node = start + int.from_bytes(content[pointer : pointer + 2], "little")
            content[node : node + 4] = page.to_bytes(4, "little")
    result = scan_file(tmp_path, bytes(content))
    assert "damaged-store" in rules(result)
    assert read_whole(result) == {key.decode() for key in entries}


@pytest.mark.parametrize("leaves", [0, (1 << 64) - 1])
def test_impossible_counts_of_pages(tmp_path, leaves):
    entries = small(tmp_path)
    content = (tmp_path / "data.mdb").read_bytes()
    changed = with_tree(content, branches=0, leaves=leaves, overflow=0)
    assert read_whole(scan_file(tmp_path, bytes(changed))) == {k.decode() for k in entries}


@pytest.mark.parametrize("build", [big, small])
def test_a_file_that_is_cut_while_it_is_read(tmp_path, build, monkeypatch):
    monkeypatch.setattr("datascan.readers.lmdb.tree.BATCH_BYTES", 1 << 16)
    monkeypatch.setattr("datascan.readers.lmdb.tree.BATCH_RECORDS", 100)
    entries = build(tmp_path)
    file = PageFile(tmp_path / "data.mdb")
    walk = TreeReader(file, file.meta.main).iter_entries()
    read, lost = len(next(walk)), []
    os.truncate(tmp_path / "data.mdb", file.size // 2)
    for pairs in walk:
        for row in range(len(pairs)):
            assert len(pairs.keys[row]) == 8
            assert pairs.values[row] in (b"", entries[pairs.keys[row]])
        lost += pairs.faults
        read += len(pairs)
    assert {fault.rule for fault in lost} == {"truncated-store"}
    unread = sum(1 for fault in lost if fault.row is not None)
    assert 0 < read - unread < len(entries)
