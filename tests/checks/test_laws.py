"""Every built-in rule and check obeys the laws."""

from __future__ import annotations

import pytest

from datascan.checks.base import Check
from datascan.checks.fault_check import FaultCheck
from datascan.plugins import CHECKS, NET_RULES, load, rule_target
from datascan.testing.check_laws import CheckLaws, RuleLaws, blocks

ALL_CHECKS = [load(rule_target(rule)) for rule in CHECKS]
ALL_NET_RULES = [load(rule_target(rule)) for rule in NET_RULES]
FAULT_RULES = sorted(
    {check.rule for check in ALL_CHECKS if issubclass(check, FaultCheck)} | {"missing-label"}
)

SEVERITIES = {
    "nan-value": "error",
    "inf-value": "error",
    "extreme-value": "warning",
    "constant-record": "warning",
    "constant-feature": "warning",
    "shape-mismatch": "error",
    "malformed-record": "error",
    "malformed-label": "error",
    "empty-record": "error",
    "duplicate-record": "warning",
    "conflicting-label": "error",
    "corrupt-image": "error",
    "damaged-metadata": "warning",
    "unsupported-image": "warning",
    "not-an-image": "error",
    "misnamed-image": "warning",
    "never-written": "error",
    "not-inspected": "warning",
    "odd-size": "warning",
    "oversized-image": "error",
    "outside-reference": "error",
    "partial-download": "warning",
    "mixed-channels": "warning",
    "trailing-bytes": "info",
    "exif-orientation": "info",
    "animated-image": "warning",
    "label-out-of-range": "error",
    "non-integer-label": "error",
    "non-finite-label": "error",
    "missing-label": "warning",
    "length-mismatch": "error",
    "live-writer": "error",
    "empty-class": "warning",
    "class-imbalance": "warning",
    "batch-label-gap": "warning",
    "truncated-store": "error",
    "damaged-store": "error",
    "reader-crash": "error",
    "record-count-mismatch": "error",
    "missing-file": "error",
    "key-gap": "warning",
    "empty-dataset": "error",
    "gradient-blow-up": "error",
    "sudden-nan": "error",
    "nan-from-start": "error",
    "loss-saturated": "error",
    "died": "error",
    "break-before-log": "error",
    "damaged-log": "error",
    "loss-broken-in-test": "error",
    "loss-stuck": "warning",
    "loss-zero": "warning",
    "unexpected-shape": "error",
    "unexpected-dtype": "error",
    "unexpected-class": "error",
    "label-shift": "warning",
    "value-out-of-range": "warning",
    "record-count-change": "warning",
    "label-beyond-outputs": "error",
    "pooling-stride-exceeds-kernel": "error",
    "lr-policy-incomplete": "error",
    "lr-not-finite": "error",
    "loss-needs-matrix": "error",
    "loss-input-not-probability": "error",
    "source-mismatch": "error",
    "batchnorm-unstable": "warning",
    "unscaled-input": "warning",
    "unknown-field": "warning",
    "unknown-type": "error",
    "not-understood": "info",
    "labels-not-binary": "error",
}
"""Every rule there is, with its default severity."""


def test_every_rule_is_listed_once():
    rules = [rule.rule for rule in (*ALL_CHECKS, *ALL_NET_RULES)]
    assert sorted(rules) == sorted(SEVERITIES)


@pytest.mark.parametrize("rule", [*ALL_CHECKS, *ALL_NET_RULES], ids=lambda rule: rule.rule)
def test_severity(rule):
    assert rule.severity.value == SEVERITIES[rule.rule]


def test_every_rule_has_a_title_of_its_own():
    titles = [rule.title for rule in (*ALL_CHECKS, *ALL_NET_RULES)]
    assert all(titles)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("rule", [*ALL_CHECKS, *ALL_NET_RULES], ids=lambda rule: rule.rule)
def test_rule_and_module_and_class_share_a_name(rule):
    home = "checks" if issubclass(rule, Check) else "caffe.rules"
    assert rule.__module__ == f"datascan.{home}.{rule.rule.replace('-', '_')}"
    assert rule.__name__ == rule.rule.title().replace("-", "")


class TestChecks(CheckLaws):
    rules = ALL_CHECKS

    def blocks(self):
        return blocks(faults=FAULT_RULES)


class TestNetRules(RuleLaws):
    rules = ALL_NET_RULES
