"""The pages of the rules."""

from __future__ import annotations

import pytest

from datascan.errors import UsageError
from datascan.pages import all_pages, checks, meaning, page

HEADINGS = [
    "What it is",
    "Why it breaks training",
    "How to find the cause",
    "How to fix it",
    "Example",
    "Limits",
    "Source",
]


@pytest.mark.parametrize("rule", checks())
def test_a_page_has_its_headings_in_order(rule):
    text = page(rule)
    assert text.startswith(f"{rule} (")
    lines = text.splitlines()
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert all(len(line) <= 100 for line in lines)
    for heading, following in zip(HEADINGS, [*HEADINGS[1:], None], strict=True):
        body = text.split(f"\n{heading}\n")[1].split(f"\n{following}\n")[0]
        assert len(body.split()) >= 3, heading


@pytest.mark.parametrize("rule", checks())
def test_a_meaning_is_one_sentence(rule):
    text = meaning(checks()[rule])
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text) < 100


def test_all_pages_begin_with_a_table():
    text = all_pages()
    for rule in checks():
        assert f"\n{rule} (" in text


def test_an_unknown_rule():
    with pytest.raises(UsageError, match="did you mean empty-class"):
        page("empty-clas")
    with pytest.raises(UsageError, match="datascan explain lists them all"):
        page("zzzzzzzz")
