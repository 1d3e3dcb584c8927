"""Entries of LMDB leaf pages: C and NumPy locate the same, and refuse the same pages."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.native import leaf_pages
from tests.native.calls import leaf_entry, leaf_page

leaves = pytest.importorskip("datascan.native.leaves", reason="not compiled")

MODULES = [leaves, leaf_pages]
SIZE = 512
OVERFLOW = struct.pack("<QHHI", 3, 0, 4, 2).ljust(2 * SIZE, b"v")


def locate(module, file, pages, *, size=SIZE, room=40, count=None):
    """The number of entries, and the columns and counts, filled with sevens before."""
    columns, counts = np.full((4, room), 7), np.full(len(pages), 7)
    data, numbers = np.frombuffer(file, np.uint8), np.array(pages, np.int64)
    count = len(file) // size if count is None else count
    found = module.locate_entries(data, numbers, size, count, columns, counts)
    return found, columns, counts


def store(*entries, number=1):
    """A file whose page 1 has the entries, and pages 3 and 4 a value."""
    return bytes(SIZE) + leaf_page(number, list(entries)) + leaf_page(2, []) + OVERFLOW


@pytest.mark.parametrize("module", MODULES)
def test_entries_with_values_on_the_page_and_on_overflow_pages(module):
    file = store(leaf_entry(b"k1", b"abc"), leaf_entry(b"key2", length=900, first=3))
    found, columns, counts = locate(module, file, [2, 1])
    assert found == 2
    assert counts.tolist() == [0, 2]
    assert (columns[:, 2:] == 7).all()
    rows = columns[:, :2].T.tolist()
    assert [file[key : key + size] for key, size, _, _ in rows] == [b"k1", b"key2"]
    assert [file[at : at + length] for _, _, at, length in rows] == [b"abc", b"v" * 900]
    assert rows[1][2] == 3 * SIZE + 16


DAMAGE = {
    "another number": store(leaf_entry(b"k"), number=2),
    "a value of several": store(leaf_entry(b"k", b"v", flags=4)),
    "a database": store(leaf_entry(b"k", b"v", flags=2)),
    "a value beyond the page": store(leaf_entry(b"k", b"v", length=600)),
    "a value beyond the file": store(leaf_entry(b"k", length=900, first=4)),
    "a value that is too long for its pages": store(leaf_entry(b"k", length=1100, first=3)),
    "a value far beyond the file": store(leaf_entry(b"k", length=9, first=(1 << 64) - 1)),
    "a value on a leaf page": store(leaf_entry(b"k", length=9, first=2)),
    "a value on its own page": store(leaf_entry(b"k", length=9, first=1)),
    "an empty value on another page": store(leaf_entry(b"k", flags=1)),
    "a gap": store(leaf_entry(b"k", b"v"))[: 2 * SIZE - 20].ljust(2 * SIZE, b"\0"),
}
for place, octets in {
    "lower": (12, 15),
    "odd": (12, 17),
    "upper": (14, 0x301),
    "type": (10, 4),
}.items():
    page = bytearray(store(leaf_entry(b"k", b"v")))
    page[SIZE + octets[0] : SIZE + octets[0] + 2] = octets[1].to_bytes(2, "little")
    DAMAGE[place] = bytes(page)
for pointer in (15, 505, 0xFFFF):
    page = bytearray(store(leaf_entry(b"k", b"v")))
    page[SIZE + 16 : SIZE + 18] = pointer.to_bytes(2, "little")
    DAMAGE[f"pointer {pointer}"] = bytes(page)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("case", DAMAGE)
def test_pages_that_are_not_read_here(module, case):
    found, columns, counts = locate(module, DAMAGE[case], [2, 1])
    assert (found, columns.max(), counts.max()) == (-1, 0, 0)


@pytest.mark.parametrize("module", MODULES)
def test_pages_outside_and_more_entries_than_room(module):
    file = store(leaf_entry(b"k", b"v"), leaf_entry(b"l", b"w"))
    assert locate(module, file, [1])[0] == 2
    assert locate(module, file, [1], room=1)[0] == -1
    for page in (-1, 5, 1 << 62, -(1 << 63)):
        assert locate(module, file, [page])[0] == -1
    assert locate(module, file, [1], count=1)[0] == -1
    assert locate(module, file, [])[0] == 0


@pytest.mark.parametrize("module", MODULES)
def test_arguments_that_do_not_fit(module):
    file = store(leaf_entry(b"k", b"v"))
    for size in (0, -512, 256, 768, 1 << 17, 1 << 62):
        with pytest.raises(ValueError, match="power of two"):
            locate(module, file, [1], size=size, count=1)
        with pytest.raises(ValueError, match="power of two"):
            module.claim_pages(*np.zeros((3, 1), np.int64), size, np.zeros(1, np.uint8))
    for count in (-1, 6, 1 << 60):
        with pytest.raises(ValueError, match="fewer pages"):
            locate(module, file, [1], count=count)
    data, pages = np.frombuffer(file, np.uint8), np.ones(1, np.int64)
    for shape, counted in (((3, 9), 1), ((4, 9), 2)):
        with pytest.raises(ValueError, match="shape"):
            module.locate_entries(
                data, pages, SIZE, 5, np.zeros(shape, np.int64), np.zeros(counted, np.int64)
            )


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=4), st.integers(1, 1000)
)
def test_both_read_damaged_pages_alike(changes, length):
    entries = [leaf_entry(b"%d" % i * (i + 1), b"v" * i * 7) for i in range(5)]
    file = bytearray(store(*entries, leaf_entry(b"big", length=length, first=3)))
    for place, octet in changes:
        # The leaf page, and the head of the value's first page.
        file[SIZE + place if place < SIZE else 3 * SIZE + place - SIZE] = octet
    ours, theirs = (locate(module, bytes(file), [1, 2]) for module in MODULES)
    assert ours[0] == theirs[0]
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_array_equal(mine, other)


RUNS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1500)), max_size=6)


@given(RUNS, st.sets(st.integers(0, 15), max_size=3))
def test_both_claim_the_same_pages(runs, before):
    keys = np.full(len(runs), SIZE + 40)
    offsets = np.array([SIZE * page + 16 for page, _ in runs], np.int64)
    lengths = np.array([length for _, length in runs], np.int64)
    taken = set(before)
    is_free = True
    for page, length in runs:
        own = set(range(page, page + -(-(length + 16) // SIZE))) if length and page != 1 else set()
        is_free &= not own & taken
        taken |= own
    for module in MODULES:
        used = np.isin(np.arange(16), list(before)).astype(np.uint8)
        expected = np.isin(np.arange(16), list(taken if is_free else before))
        assert module.claim_pages(keys, offsets, lengths, SIZE, used) == is_free
        assert used.tolist() == expected.tolist()


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("key", "offset", "length"),
    [
        (-1, 0, 1),
        (0, -1, 1),
        (0, 600, -1),
        (0, 2064, 1),
        (0, 528, 1521),
        (0, 528, 1 << 62),
        (0, 1 << 62, 1),
    ],
)
def test_values_outside_of_the_pages(module, key, offset, length):
    columns = np.array([[40, key], [1040, offset], [9, length]])
    used = np.zeros(4, np.uint8)
    with pytest.raises(ValueError, match="outside"):
        module.claim_pages(*columns, SIZE, used)
    assert not used.any()
    for columns in ((2, 1, 1), (1, 2, 1), (1, 1, 2)):
        with pytest.raises(ValueError, match="length"):
            module.claim_pages(*(np.zeros(size, np.int64) for size in columns), SIZE, used)
