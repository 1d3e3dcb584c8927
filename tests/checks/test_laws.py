"""Every check that is found keeps the laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.checks.base import Check
from tests.checks.laws import (
    HEADINGS,
    RULES,
    SEVERITIES,
    all_said,
    blocks,
    cut_everywhere,
    headings,
    page_of,
    pieces,
    said_after_pickling,
    sections,
    whole_scan,
)

BY_RULE = pytest.mark.parametrize("check", RULES, ids=lambda check: check.rule)
SHARDS = st.lists(blocks(), min_size=1, max_size=3)


def test_every_rule_is_listed_once():
    assert sorted(rule.rule for rule in RULES) == sorted(SEVERITIES)


@BY_RULE
def test_severity(check):
    assert check.severity.value == SEVERITIES[check.rule]


@BY_RULE
def test_rule_and_module_and_class_share_a_name(check):
    home = "checks" if issubclass(check, Check) else "caffe.rules"
    assert check.__module__ == f"datascan.{home}.{check.rule.replace('-', '_')}"
    assert check.__name__ == check.rule.title().replace("-", "")


@BY_RULE
def test_fix_is_one_line_without_a_full_stop(check):
    assert check.fix == check.fix.strip()
    assert "\n" not in check.fix
    assert not check.fix.endswith(".")
    assert check.fix[0].islower()


@BY_RULE
def test_meaning_is_one_line(check):
    assert check.__doc__ is not None
    assert check.__doc__ != Check.__doc__
    assert "\n" not in check.__doc__.strip()


@BY_RULE
def test_page_has_its_headings_with_something_below_each(check):
    page = page_of(check)
    assert tuple(headings(page)) == HEADINGS
    assert len(sections(page)) == len(HEADINGS)
    assert all(sections(page))


@settings(max_examples=150, deadline=None)
@given(SHARDS, st.data())
def test_cutting_blocks_anywhere_leaves_the_judgements_unchanged(shards, data):
    whole = all_said(whole_scan([[block] for block in shards]))
    chosen = [
        pieces(block, data.draw(st.lists(st.integers(0, block.records), max_size=3)))
        for block in shards
    ]
    assert all_said(whole_scan(chosen)) == whole


@settings(max_examples=60, deadline=None)
@given(SHARDS)
def test_single_records_add_up_to_the_same_judgements(shards):
    whole = all_said(whole_scan([[block] for block in shards]))
    assert all_said(whole_scan([cut_everywhere(block) for block in shards])) == whole


@settings(max_examples=60, deadline=None)
@given(SHARDS)
def test_tallies_pickle(shards):
    scanned = whole_scan([[block] for block in shards])
    assert said_after_pickling(scanned) == all_said(scanned)


@settings(max_examples=60, deadline=None)
@given(SHARDS)
def test_every_judgement_is_of_its_rule_and_counts_what_it_names(shards):
    for judged in all_said(whole_scan([[block] for block in shards])):
        assert judged.severity in (SEVERITIES[judged.rule], "warning")
        assert judged.records >= len(judged.named)
        assert "\n" not in judged.message + judged.fix
        assert not judged.message.endswith(".")
        assert len(judged.details) <= 20
        assert all(judged.named.values())
