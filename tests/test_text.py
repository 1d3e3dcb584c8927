"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from datascan.text import format_bytes, format_percent


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (154_150_000, "154.2 MB"), (4_900_000_000_000_000, "4900.0 TB")],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


def test_what_is_not_0_never_looks_like_it():
    shares = (0, 1e-9, 0.0118, 0.99996, 1)
    assert [format_percent(p) for p in shares] == ["0%", "< 0.01%", "1.18%", "> 99.99%", "100.00%"]
