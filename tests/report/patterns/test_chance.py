"""Bounds of probabilities are above the exact ones, and close to them."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.report.patterns.chance import bound_chance, bound_repeated, holds


@given(st.integers(1, 60), st.data())
def test_the_tail_of_draws_without_replacement_is_bounded(total, data):
    marked = data.draw(st.integers(0, total))
    drawn = data.draw(st.integers(1, total))
    found = data.draw(st.integers(max(0, drawn + marked - total), min(drawn, marked)))
    ways = sum(
        comb(marked, k) * comb(total - marked, drawn - k)
        for k in range(found, min(drawn, marked) + 1)
    )
    exact = ways / comb(total, drawn)
    assert exact <= bound_chance(found, drawn, marked, total) * (1 + 1e-9)


@given(st.integers(1, 60), st.floats(0.01, 0.9), st.data())
def test_the_tail_of_independent_draws_is_bounded(drawn, share, data):
    found = data.draw(st.integers(0, drawn))
    exact = sum(
        comb(drawn, k) * share**k * (1 - share) ** (drawn - k) for k in range(found, drawn + 1)
    )
    assert exact <= bound_repeated(share, found, drawn) * (1 + 1e-9)


def test_the_bounds_are_close_if_chance_is_small():
    assert bound_chance(6, 6, 6, 60) == pytest.approx(1 / comb(60, 6), rel=1e-6)
    assert bound_repeated(0.1, 6, 6) == pytest.approx(1e-6, rel=1e-6)
    assert bound_repeated(1e-3, 100_000, 100_000) == 0
    assert bound_chance(10**6, 10**6, 10**6, 10**9) == 0


@pytest.mark.parametrize(
    ("found", "drawn", "others_found", "others", "said"),
    [
        (9, 10, 0, 100, True),
        (8, 10, 0, 100, False),  # not for 90% of the records
        (4, 4, 0, 100, False),  # too few records
        (10, 10, 34, 100, False),  # holds for a third of the others as well
        (10, 10, 33, 100, True),
        (60, 60, 60, 60, True),  # half of all that it holds for
        (100, 100, 100, 100, True),
        (10, 10, 100, 100, False),
    ],
)
def test_a_pattern_holds_for_the_records_and_not_for_the_others(
    found, drawn, others_found, others, said
):
    assert holds(found, drawn, others_found, others) is said
