"""Numbers and names as people read them."""

from __future__ import annotations

import json
import tomllib

import pytest
import tomlkit
from hypothesis import given

from datascan.testing.reports import ANY_TEXT
from datascan.text import (
    escape_control,
    escape_in_json,
    escape_in_toml,
    escape_surrogates,
    format_bytes,
    format_number,
    format_percent,
    format_shape,
    format_size,
    parse_size,
    pluralize,
)
from tests.builders.hostile_strings import HOSTILE_STRINGS
from tests.outputs.judges import assert_safe, longest_stack

every_string = pytest.mark.parametrize("text", HOSTILE_STRINGS.values(), ids=HOSTILE_STRINGS)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (154_150_000, "154.2 MB"), (4_900_000_000_000_000, "4900.0 TB")],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


def test_what_is_not_0_never_looks_like_it():
    shares = (0, 1e-9, 0.0118, 0.99996, 1)
    assert [format_percent(p) for p in shares] == ["0%", "< 0.01%", "1.18%", "> 99.99%", "100.00%"]


HEALTHY = (
    *(
        "train/0001.jpg",
        "caf\u00e9",
        "\u6570\u636e",
        "\u05d0\u05d1",
        "e\u0301",
        "a b",
        "\U0001f600",
    ),
    *("std::vector", "a::b", "10% [a] #1", r"C:\data", "\u0e01\u0e35\u0e49"),
)


@pytest.mark.parametrize("text", HEALTHY)
def test_ordinary_names_are_shown_as_they_are(text):
    assert escape_control(text) == text
    assert escape_in_json(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\r\nb\u2028", r"a\r\nb\u2028"),
        ("caf\udce9\ud800", r"caf\xe9\ud800"),
        ("\u202e\U000e0041", r"\u202e\U000e0041"),
        ("::stop-commands::x", r"\x3a:stop-commands::x"),
        ("a ::b ::c", r"a \x3a:b \x3a:c"),
        ("a##[error]", r"a\x23#[error]"),
        ("##VSO[a]", r"\x23#VSO[a]"),
        ("\u0338a" + "\u0301" * 10, r"\u0338a" + "\u0301" * 8 + r"\u0301\u0301"),
        ("a\u3164b\ufe0f", r"a\u3164b\ufe0f"),
    ],
)
def test_what_is_not_safe_to_print_is_escaped(text, shown):
    assert escape_control(text) == shown


@every_string
def test_escaped_text_is_safe_in_one_line(text):
    shown = escape_control(text)
    assert_safe(shown)
    assert "\n" not in shown
    assert longest_stack(shown) <= 8
    assert escape_control(shown) == shown


@given(ANY_TEXT)
def test_any_text_is_escaped_once(text):
    shown = escape_control(text)
    assert shown.isprintable()
    assert escape_control(shown) == shown


@every_string
def test_json_reads_back_as_it_was(text):
    for ascii_only in (True, False):
        written = escape_in_json(json.dumps([text, {text: text}], ensure_ascii=ascii_only))
        assert_safe(written)
        assert json.loads(written) == [text, {text: text}]


@every_string
def test_toml_reads_back_as_it_was(text):
    text = escape_surrogates(text)
    written = escape_in_toml(f"{tomlkit.key(text).as_string()} = {tomlkit.item(text).as_string()}")
    assert_safe(written)
    assert tomllib.loads(written) == {text: text}


@pytest.mark.parametrize(
    ("text", "count", "shown"),
    [
        ("4GB", 4_000_000_000, "4 GB"),
        (" 1.5 gb ", 1_500_000_000, "1.5 GB"),
        ("512MB", 512_000_000, "512 MB"),
        ("1234567 kb", 1_234_567_000, "1,234.567 MB"),
        ("4GiB", 4_294_967_296, "4,294,967,296 B"),
        ("1000", 1_000, "1,000 B"),
        ("999b", 999, "999 B"),
        ("0.5TB", 500_000_000_000, "500 GB"),
    ],
)
def test_sizes(text, count, shown):
    assert parse_size(text) == count
    assert format_size(count) == shown


@pytest.mark.parametrize("text", ["", "GB", "4 4GB", "-1GB", "4iB", "1e9", "4G B", "٤GB", "9" * 40])
def test_what_is_not_a_size(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


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
