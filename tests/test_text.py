"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from datascan.text import (
    escape_control,
    escape_surrogates,
    format_bytes,
    format_number,
    format_percent,
    format_shape,
    pluralize,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_940, "999.9 kB"),
        (1_000_000, "1.0 MB"),
        (154_150_000, "154.2 MB"),
        (1_000_000_000, "1.0 GB"),
        (1_000_000_000_000, "1.0 TB"),
        (4_900_000_000_000_000, "4900.0 TB"),
    ],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


def test_what_is_not_0_never_looks_like_it():
    shares = (0, 1e-9, 0.0118, 0.99996, 1)
    assert [format_percent(p) for p in shares] == ["0%", "< 0.01%", "1.18%", "> 99.99%", "100.00%"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0001, "0.01%"), (0.00009, "< 0.01%"), (0.5, "50.00%"), (0.99994, "99.99%")],
)
def test_shares(share, text):
    assert format_percent(share) == text


def test_a_share_that_would_round_to_all_of_it():
    assert format_percent(0.99995) == "> 99.99%"


def test_numbers():
    assert [format_number(n) for n in (None, 0.0, 1234567, 0.1 + 0.2)] == [
        "?",
        "0",
        "1.23457e+06",
        "0.3",
    ]


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "record", "0 records"),
        (1, "record", "1 record"),
        (1000, "record", "1,000 records"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (2, "info", "2 info"),
        (1, "info", "1 info"),
    ],
)
def test_counts(count, noun, text):
    assert pluralize(count, noun) == text


def test_shapes():
    assert [format_shape(shape) for shape in ((), (5,), (3, 32, 32))] == ["scalar", "5", "3x32x32"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e4 \u4e2d", "plain \u00e4 \u4e2d"),
        ("a\x1b[1m\n", "a\\x1b[1m\\n"),
        ("\u202ereversed", "\\u202ereversed"),
        ("no\u00a0break\u2028", "no\\xa0break\\u2028"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_control_characters(text, shown):
    assert escape_control(text) == shown


def test_bytes_that_are_not_utf_8():
    assert escape_surrogates("a\udc80\udcff\u00e4") == "a\\x80\\xff\u00e4"
    # Surrogates that stand for no byte.
    assert escape_surrogates("\ud800\udc7f\udd00\udfff") == "\\ud800\\udc7f\\udd00\\udfff"
