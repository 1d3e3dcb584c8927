"""Texts are cut in their middle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from datascan.outputs.html.limits import short


@given(st.text(max_size=30), st.integers(3, 20))
def test_what_is_cut_keeps_both_ends(text, width):
    cut = short(text, width)
    assert len(cut) == min(len(text), width)
    assert (cut[0], cut[-1]) == (text[0], text[-1]) if text else not cut
