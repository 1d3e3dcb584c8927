"""Which examples have a picture: as many of each rule as of the others, if there are too many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from datascan.report.figures import Finding


def share_examples(findings: Iterable[Finding], most: int) -> list[int]:
    """Indices of at most ``most`` records among the examples, the rules in turn.

    The first example of each rule comes before the second of any.
    """
    by_rule: dict[str, dict[int, None]] = {}
    for finding in findings:
        of_rule = by_rule.setdefault(finding.rule, {})
        for example in finding.examples:
            if example.index is not None:
                of_rule.setdefault(example.index)
    return list(islice(dict.fromkeys(in_turn(by_rule.values())), most))


def in_turn(groups: Iterable[Iterable[int]]) -> Iterator[int]:
    """The first of each group, the second of each, and so on."""
    for row in zip_longest(*groups):
        yield from (one for one in row if one is not None)
