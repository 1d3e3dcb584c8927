"""Texts are cut in their middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.outputs.html.limits import Limits, short


@given(st.text(max_size=30), st.integers(3, 20))
def test_what_is_cut_keeps_both_ends(text, width):
    cut = short(text, width)
    assert len(cut) == min(len(text), width)
    assert (cut[0], cut[-1]) == (text[0], text[-1]) if text else not cut


def test_several_reports_share_a_page():
    limits = Limits(300, 20, 240, thumbnails=60, points=20_000, rows=200, strips=3)
    assert limits.shared(0) == limits.shared(1)
    assert limits.shared(1).strips == 1
    third = limits.shared(3)
    assert (third.findings, third.thumbnails, third.points, third.strips) == (100, 20, 6666, 1)
    many = limits.shared(100)
    assert (many.findings, many.thumbnails, many.points, many.strips) == (20, 0, 500, 0)
    assert (many.examples, many.text, many.rows) == (20, 240, 200)


@pytest.mark.parametrize(
    ("width", "text"), [(6, "abcdef"), (5, "ab\u2026ef"), (4, "ab\u2026f"), (3, "a\u2026f")]
)
def test_texts_are_cut_in_the_middle(width, text):
    assert short("abcdef", width) == text
