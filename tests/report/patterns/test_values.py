"""Columns, channels, positions and fields: planted ones are found exactly, random ones not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.report.patterns.places import FoundPlaces, RecordPlaces, find_axes
from datascan.report.patterns.values import find_values


def places_of(bad, *, column="data", first=0):
    return [
        RecordPlaces(first + i, column, True, one.shape, int(one.sum()), find_axes(one))
        for i, one in enumerate(bad)
        if one.any()
    ]


def texts(bad, columns=("data",)):
    found = places_of(bad)
    return [one.text for one in find_values(FoundPlaces(found, frozenset(columns)), len(found))]


@given(st.integers(2, 300), st.integers(0, 299), st.integers(20, 60))
def test_a_planted_column_is_found(width, column, records):
    bad = np.zeros((records, width), bool)
    bad[:, column % width] = True
    assert texts(bad) == [f"in column {column % width}"]


@given(st.integers(0, 2**32 - 1), st.integers(5, 40), st.integers(2, 60), st.floats(0.01, 0.9))
def test_random_values_are_in_no_column(seed, records, width, share):
    bad = np.random.default_rng(seed).random((records, width)) < share
    flagged = bad[bad.any(axis=1)]
    assert texts(bad) == ["in every value"] * bool(len(flagged) >= 5 and flagged.all())


def test_random_values_in_a_thousand_draws():
    random = np.random.default_rng(11)
    for _ in range(1_000):
        shape = [(4,), (12,), (3, 5), (3, 8, 8), (8, 8, 3), (100,)][int(random.integers(6))]
        count = int(random.integers(5, 60))
        bad = np.zeros((count, np.prod(shape, dtype=int)), bool)
        for one in bad:
            one[random.integers(0, bad.shape[1], int(random.integers(1, 4)))] = True
        assert texts(bad.reshape(count, *shape)) == []


@pytest.mark.parametrize(
    ("shape", "place", "said"),
    [
        ((16,), np.s_[7], ["in column 7"]),
        ((16,), np.s_[[7, 8]], ["in columns 7 and 8"]),
        ((16,), np.s_[[2, 7, 12]], ["in columns 2, 7 and 12"]),
        ((40,), np.s_[7:12], ["in columns 7 to 11"]),
        ((40,), np.s_[24:], ["in the last 16 values"]),
        ((40,), np.s_[:16], ["in the first 16 values"]),
        ((16,), np.s_[:], ["in every value"]),
        ((16,), np.s_[:12], []),  # most of the columns are no place
        ((10, 8), np.s_[:, 3], ["in column 3"]),
        ((10, 8), np.s_[0], ["in the first row of each record"]),
        ((10, 8), np.s_[9], ["in the last row of each record"]),
        ((10, 8), np.s_[4, 3], ["in row 4 of each record", "in column 3"]),
        ((3, 12, 12), np.s_[2], ["in channel 2"]),
        ((12, 12, 3), np.s_[:, :, 0], ["in channel 0"]),
        ((3, 12, 12), np.s_[:, 5, :], ["in row 5 of each record"]),
        ((3, 4, 12, 12), np.s_[:, 1, 1:9, 2:9], ["in axis 1 index 1"]),
        ((1, 1, 16), np.s_[0, 0, 7], ["in column 7"]),
        ((), np.s_[...], []),
    ],
)
def test_places_are_named(shape, place, said):
    bad = np.zeros((40, *shape), bool)
    bad[(slice(None), *np.index_exp[place])] = True
    assert texts(bad) == said


def test_few_values_elsewhere_do_not_hide_a_column():
    bad = np.zeros((100, 16), bool)
    bad[:97, 7] = True
    bad[[97, 98, 99], [1, 2, 3]] = True
    found = places_of(bad)
    (said,) = find_values(FoundPlaces(found, frozenset(["data"])), 200)
    assert (said.text, said.share, said.is_whole) == ("in column 7", 0.97, False)


def test_records_of_several_lengths():
    places = [
        place
        for i in range(40)
        for bad in [np.zeros((1, 5 + i, 6), bool)]
        for _ in [bad.__setitem__((0, i, 4), True)]
        for place in places_of(bad, first=i)
    ]
    (said,) = find_values(FoundPlaces(places, frozenset(["data"])), 40)
    assert said.text == "in column 4"


def test_a_field_of_several_is_named():
    bad = np.random.default_rng(0).random((30, 9)) < 0.2
    places = [*places_of(bad, column="actions")]
    names = frozenset(["actions", "states", "rewards"])
    (said,) = find_values(FoundPlaces(places, names), len(places))
    assert said.text == "in field actions"
    both = [*places, *places_of(bad, column="states")]
    assert list(find_values(FoundPlaces(both, names), len(places))) == []


def test_most_records_are_bad_throughout():
    bad = np.ones((100, 50), bool)
    bad[:4, ::2] = False
    assert texts(bad) == ["in every value"]
    bad[:20, ::2] = False
    assert texts(bad) == []
