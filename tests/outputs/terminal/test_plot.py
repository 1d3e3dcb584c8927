"""The plot in characters."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from datascan.outputs.terminal.plot import ASCII, HEIGHT, plot


def test_it_falls_and_breaks():
    lines = plot([0, 10, 20, 30], [4.0, 2.0, 0.0, None], 50, unicode=False)
    assert len(lines) == HEIGHT + 2
    assert lines[0].startswith("        4|*")
    assert lines[0].endswith(ASCII.broken)
    assert lines[HEIGHT - 1].startswith("        0|")
    assert ASCII.point in lines[HEIGHT - 1]
    assert lines[-1].split() == ["0", "30"]


def test_many_decades_are_drawn_by_logarithms():
    lines = plot([0, 1, 2], [1e-3, 1.0, 1e3], 50, unicode=True)
    assert [line.strip()[0] for line in lines if "•" in line] == ["1", "1", "0"]


def test_nothing_to_draw():
    assert plot([0, 1], [None, None], 80, unicode=True) == []
    assert plot([0], [1.0], 80, unicode=True) == []
    assert plot([0, 1], [1.0, 2.0], 15, unicode=True) == []


@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=2),
    st.integers(1, 120),
    st.booleans(),
)
@example([None, 5e-324], 21, False)
def test_no_line_is_too_long(values, width, unicode):
    lines = plot(list(range(len(values))), values, width, unicode=unicode)
    assert all(len(line) <= width for line in lines)
