"""Marks the issues that are tolerated: those of a rule with few enough records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from datascan.checks.base import Issue, Tolerance
from datascan.config.tolerance import Allowance
from datascan.metrics.base import sorted_distinct


def tolerate(
    issues: Sequence[Issue], allowances: Mapping[str, str], total: int
) -> tuple[Issue, ...]:
    """The issues of a dataset of which ``total`` records were read, tolerated ones marked.

    All issues of a rule count together, accepted ones not at all. What cannot be counted is not
    tolerated. If more records are named than ``allowances`` allow, the message says so.
    """
    found = {}
    for rule, allowed in allowances.items():
        same = [issue for issue in issues if issue.rule == rule and issue.accepted is None]
        if same and all(map(is_counted, same)):
            found[rule] = Tolerance(count_records(same), total, allowed)
    return tuple(
        mark(issue, found[issue.rule]) if issue.rule in found and issue.accepted is None else issue
        for issue in issues
    )


def mark(issue: Issue, tolerance: Tolerance) -> Issue:
    """The issue with what is tolerated of its rule."""
    if Allowance.of(tolerance.allowed).covers(tolerance.records, tolerance.total):
        return replace(issue, tolerated=tolerance)
    allowed = tolerance.allowed
    least = allowed if allowed.endswith("%") else f"{int(allowed):,}"
    # The message names an issue in a baseline if nothing else does.
    named = issue.flagged is not None or issue.locations or issue.about
    more = f"; more than the {least} tolerated" if named else ""
    return replace(issue, message=f"{issue.message}{more}")


def is_counted(issue: Issue) -> bool:
    """Whether the number of records that an issue concerns is known.

    That of a damaged place may not be, unless the store says how many are out of reach.
    """
    if not issue.records:
        return False
    if issue.flagged is None:
        return True
    places = [location for location in issue.locations if location.detail]
    rest = sum(location.records for location in issue.locations if not location.detail)
    return rest > 0 or all(location.records for location in places)


def count_records(issues: Sequence[Issue]) -> int:
    """How many records the issues concern; a record that several of them name counts once."""
    named = [issue.flagged.addresses.array for issue in issues if issue.flagged is not None]
    distinct = len(sorted_distinct(np.concatenate(named))) if named else 0
    return distinct + sum(issue.records for issue in issues) - sum(map(len, named))
