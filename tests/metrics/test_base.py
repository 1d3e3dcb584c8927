"""Partial results add exactly, in order, however they are bracketed."""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.metrics.base import (
    Concatenated,
    ExactSum,
    Flagged,
    Highest,
    Lowest,
    TallyMap,
    add_all,
    count_distinct,
    is_repeated,
    make_repeated,
)
from datascan.testing.blocks import pickled

FINITE = st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.sampled_from(
    [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        2.2250738585072014e-308,
        sys.float_info.max,
        -sys.float_info.max,
        1e16,
    ]
)
FLOATS = st.lists(FINITE | EDGES, max_size=40)
INTEGERS = [np.dtype(code) for code in "bBhHiIqQ"]


@given(FLOATS, st.integers(0, 40))
def test_exact_sum_of_floats(values, at):
    array = np.array(values, np.float64)
    left, right = ExactSum.of(array[:at]), ExactSum.of(array[at:])
    assert (left + right).fraction == sum(map(Fraction, values), Fraction(0))
    assert left + right == ExactSum.of(array)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@given(data=st.data())
def test_exact_sum_of_integers(dtype, data):
    info = np.iinfo(dtype)
    edges = st.sampled_from([info.min, info.max, 0, info.max // 2])
    values = data.draw(st.lists(st.integers(int(info.min), int(info.max)) | edges, max_size=30))
    at = data.draw(st.integers(0, len(values)))
    array = np.array(values, dtype)
    assert (ExactSum.of(array[:at]) + ExactSum.of(array[at:])).fraction == sum(values)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_exact_sum_of_many_extremes(dtype):
    info = np.iinfo(dtype)
    for value in (int(info.min), int(info.max)):
        assert ExactSum.of(np.full(100_000, value, dtype)).fraction == 100_000 * value


def test_exact_sum_of_booleans():
    assert ExactSum.of(np.array([True, False, True])).fraction == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_sum_that_is_not_finite_stays_so(bad):
    lost, found = ExactSum.of(np.array([1.0, bad])), ExactSum.of(np.array([1.0]))
    assert lost.fraction is None
    assert (lost + found).fraction is None
    assert (found + lost).fraction is None


@given(st.lists(FINITE, min_size=1), st.data())
def test_extents(values, data):
    at = data.draw(st.integers(0, len(values) - 1))
    for kind, pick in ((Lowest, min), (Highest, max)):
        whole = reduce(add, map(kind, values))
        assert whole == kind(pick(values))
        if at:
            halves = [reduce(add, map(kind, half)) for half in (values[:at], values[at:])]
            assert halves[0] + halves[1] == whole


@given(st.lists(st.text(max_size=3), max_size=100))
def test_add_all_keeps_the_order(items):
    assert add_all(items) == ("".join(items) if items else None)


@given(st.lists(st.integers(), min_size=1, max_size=100))
def test_add_all_of_a_generator(items):
    assert add_all(iter(items)) == sum(items)


def test_add_all_adds_in_pairs():
    class Depth(int):
        def __add__(self, right):
            return Depth(max(int(self), int(right)) + 1)

    assert add_all([Depth(0)] * 1024) == 10
    assert add_all([Depth(0)] * 1000) <= 19


@given(st.lists(st.lists(st.integers(-9, 9), max_size=5), min_size=1, max_size=6))
def test_flagged_records_are_joined_in_order(groups):
    tallies = [
        Flagged.of(np.array(group, np.int64), np.array(group, np.int64) * 2) for group in groups
    ]
    flat = [number for group in groups for number in group]
    for total in (add_all(tallies), reduce(add, tallies)):
        assert total.addresses.array.tolist() == flat
        assert total.facts.array.tolist() == [2 * number for number in flat]
        again = pickled(total)
        assert again.addresses.array.tolist() == flat
        assert len(again.addresses.chunks) == 1


def test_flagged_facts_may_be_words_or_rows():
    words = Flagged.of(np.array([1]), np.array(["a"], object))
    words += Flagged.of(np.array([2]), np.array(["long"], object))
    assert pickled(words).facts.array.tolist() == ["a", "long"]
    rows = Flagged.of(np.arange(2), np.eye(2)) + Flagged.of(np.arange(1), np.ones((1, 2)))
    assert rows.facts.array.shape == (3, 2)


def test_joined_arrays_take_a_common_dtype():
    joined = Concatenated((np.array([1], np.int8),)) + Concatenated((np.array([300], np.int16),))
    assert joined.array.tolist() == [1, 300]


def narrow(values, dtype):
    return Concatenated((np.array(values, np.int16),), np.dtype(dtype))


def test_numbers_in_a_smaller_dtype():
    for joined in (
        narrow([1, 2], "f4") + narrow([3], "f4"),
        Concatenated((np.array([1, 2], "f4"),)) + narrow([3], "f4"),
        narrow([1, 2], "f4") + Concatenated((np.array([3], np.int8),)),
        pickled(narrow([1, 2, 3], "f4")),
    ):
        assert joined.array.dtype == "f4"
        assert joined.array.tolist() == [1, 2, 3]
    assert (narrow([1], "f4") + narrow([2], "f8")).array.dtype == "f8"
    assert (narrow([1], "f4") + Concatenated((np.array([1 << 31]),))).array.tolist() == [1, 1 << 31]
    assert narrow([1, 2], "f8").compact.dtype == np.int16


def test_joining_lets_go_of_the_chunks():
    joined = Concatenated((np.arange(2),)) + Concatenated((np.arange(3),))
    assert joined.array is joined.array
    assert len(joined.chunks) == 1
    joined.release()
    assert (joined.array.tolist(), joined.array.dtype) == ([], np.int64)


def test_a_repeated_value_takes_the_memory_of_one():
    ones, more = make_repeated(np.ones(1, np.bool_), 1 << 40), make_repeated(np.array([True]), 3)
    none = Concatenated((np.empty(0, np.bool_),))
    both = pickled(none + ones + more)
    assert is_repeated(both.array)
    assert (len(both.array), both.array[-1]) == ((1 << 40) + 3, True)
    for other in (np.zeros(2, np.bool_), np.ones(2, np.bool_)):
        assert (more + Concatenated((other,))).array.tolist() == [True] * 3 + other.tolist()
    zeros = make_repeated(np.zeros(1), 2)
    assert np.signbit((zeros + make_repeated(np.array([-0.0]), 1)).array).tolist() == [0, 0, 1]
    assert (
        make_repeated(np.ones(1, np.int8), 2) + Concatenated((np.empty(0),))
    ).array.dtype == "f8"


NAMED = st.dictionaries(st.sampled_from("abcd"), st.text(max_size=2), max_size=4)


@given(NAMED, NAMED, NAMED)
def test_tallies_under_names(one, two, three):
    left = (TallyMap(one) + TallyMap(two)) + TallyMap(three)
    right = TallyMap(one) + (TallyMap(two) + TallyMap(three))
    assert left == right
    assert list(left.entries) == list(right.entries) == list(dict.fromkeys([*one, *two, *three]))
    for name, text in left.entries.items():
        assert text == "".join(each.get(name, "") for each in (one, two, three))
    assert pickled(left) == left


@given(
    st.sampled_from(["u1", "i1", "u8", "i8", "f4"]),
    st.lists(st.integers(0, 300), max_size=30),
    st.booleans(),
)
def test_distinct_values_are_those_of_numpy(dtype, numbers, extreme):
    values = np.array(numbers).astype(dtype)
    if extreme and dtype[0] in "ui":
        values = np.concatenate(
            [values, np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)]
        )
    for ours, theirs in zip(
        count_distinct(values), np.unique(values, return_counts=True), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_large_values_close_to_one_another_are_counted():
    for values in (np.array([2**64 - 1, 2**64 - 3, 2**64 - 1], np.uint64), np.array([-(2**63)])):
        found, counts = count_distinct(values)
        assert found.tolist() == sorted(set(values.tolist()))
        assert counts.sum() == len(values)


@pytest.mark.parametrize("values", [[0.5, 1.5, 0.5], [0.25, 0.75], [1e300, -1e300, 1e300]])
def test_fractions_are_not_taken_for_their_whole_part(values):
    found, counts = count_distinct(np.array(values))
    assert found.tolist() == sorted(set(values))
    assert counts.tolist() == [values.count(value) for value in found.tolist()]
