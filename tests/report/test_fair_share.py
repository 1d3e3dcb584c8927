"""Pictures are shared: the first example of every rule comes before the second of any."""

from __future__ import annotations

from datascan.report.fair_share import share_examples
from datascan.report.figures import Example
from datascan.testing.reports import finding


def found(rule, *indices):
    return finding(rule=rule, examples=[Example("", i, "") for i in indices])


def test_the_last_rule_has_as_many_as_the_first():
    rules = [found(f"rule-{i}", *range(20 * i, 20 * i + 20)) for i in range(6)]
    shared = share_examples(rules, 60)
    assert len(shared) == 60
    assert [sum(20 * i <= index < 20 * i + 20 for index in shared) for i in range(6)] == [10] * 6


def test_what_a_rule_does_not_need_is_left_to_the_others():
    assert share_examples([found("a", 1), found("b", 2, 3, 4)], 4) == [1, 2, 3, 4]


def test_several_findings_of_a_rule_have_one_share():
    rules = [found("a", 1, 2), found("a", 3, 4), found("b", 5, 6)]
    assert share_examples(rules, 4) == [1, 5, 2, 6]


def test_a_record_of_two_rules_has_one_picture():
    assert share_examples([found("a", 1, 2), found("b", 1, 3)], 9) == [1, 2, 3]


def test_examples_without_a_record_have_none():
    assert share_examples([finding(examples=[Example("page 3")])], 9) == []
