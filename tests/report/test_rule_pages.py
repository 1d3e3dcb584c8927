"""The pages of the rules."""

from __future__ import annotations

import pytest

from datascan.errors import UsageError
from datascan.report.rule_pages import all_pages, all_rules, list_rules, rule_page, rule_summary

HEADINGS = [
    "What it is",
    "Why it breaks training",
    "How to find the cause",
    "How to fix it",
    "Example",
    "Limits",
    "Source",
]


@pytest.mark.parametrize("rule", all_rules())
def test_a_page_has_its_headings_in_order(rule):
    text = rule_page(rule)
    assert text.startswith(f"{rule} (")
    lines = text.splitlines()
    assert [line for line in lines if line in HEADINGS] == HEADINGS
    assert all(len(line) <= 100 for line in lines)
    for heading, following in zip(HEADINGS, [*HEADINGS[1:], None], strict=True):
        body = text.split(f"\n{heading}\n")[1].split(f"\n{following}\n")[0]
        assert len(body.split()) >= 3, heading


@pytest.mark.parametrize("rule", all_rules())
def test_a_meaning_is_one_sentence(rule):
    text = rule_summary(all_rules()[rule])
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text) < 100


def test_rules_are_listed_errors_first():
    found = list_rules()
    assert {name for name, _, _ in found} == set(all_rules())
    assert ("nan-value", "error", "Missing values (NaN)") in found
    severities = [severity for _, severity, _ in found]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    for severity in set(severities):
        names = [name for name, other, _ in found if other == severity]
        assert names == sorted(names)


def test_all_pages_begin_with_a_table():
    text = all_pages()
    table = text.split("\n\n")[0].splitlines()
    assert [line.split()[:2] for line in table] == [[name, sev] for name, sev, _ in list_rules()]
    for rule in all_rules():
        assert f"\n{rule_page(rule)}" in text


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("empty-clas", "did you mean empty-class?"),
        ("NaN-Value", "did you mean nan-value?"),
        ("nan", "did you mean nan-from-start or nan-value or sudden-nan?"),
        ("label-range", "did you mean label-out-of-range"),
        ("value", "did you mean "),
        ("shape", "did you mean shape-mismatch"),
        ("zzzzzzzz", "datascan explain lists them all"),
    ],
)
def test_an_unknown_rule(word, hint):
    with pytest.raises(UsageError) as failure:
        rule_page(word)
    assert str(failure.value).startswith(f"no such rule: {word}; {hint}")
    assert str(failure.value).count(" or ") <= 2
