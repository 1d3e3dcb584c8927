"""Trees by their flags, and files that cannot be opened."""

from __future__ import annotations

import os

import pytest

from datascan.errors import DatasetError
from datascan.readers.lmdb.pages import PAGE_SIZES, PageFile, Tree

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
