"""Lines on a terminal: when to colour, and what fits into a width."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.outputs.terminal.paper import (
    columns,
    shorten,
    supports_unicode,
    use_colour,
    wrap_text,
)
from datascan.testing.reports import ANY_TEXT

WORDS = st.text(alphabet="ab  数\u0301", max_size=300)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_when_to_colour(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert use_colour(Terminal())
    assert not use_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not use_colour(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    assert use_colour(Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not use_colour(Terminal())


def test_colour_can_be_forced(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert use_colour(io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "0")
    assert not use_colour(Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not use_colour(Terminal())


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", True), ("UTF8", True), ("ascii", False), ("latin-1", False), ("cp1252", False)],
)
def test_what_a_stream_can_show(encoding, expected):
    assert supports_unicode(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is expected


@given(WORDS, st.integers(1, 40))
def test_wrapping_loses_nothing_but_spaces(text, width):
    said = wrap_text(text, "", width)
    assert "".join(said).replace(" ", "") == text.replace(" ", "")
    assert all(columns(line) <= width or " " not in line.strip() for line in said)


@given(ANY_TEXT, st.integers(3, 30))
def test_what_is_shortened_fits(text, width):
    assert columns(shorten(text, width)) <= width
