"""How many bad records are tolerated: a share of the records, or a number of them, for a rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from msgspec import Struct

from datascan.config.option_field import show
from datascan.errors import UsageError
from datascan.plugins import load, plugins_of, require_rules, rule_target

PERCENT = r"([0-9]{1,3}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})\s*%"
COUNT = r"[0-9]{1,18}"
NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*%?"


class Allowance(Struct, frozen=True):
    """What is tolerated of a rule: ``share`` of the records that were read, or ``count`` of them.

    Exactly one of the two is set.
    """

    share: Fraction | None = None
    count: int | None = None

    @classmethod
    def of(cls, text: str) -> Allowance:
        """The allowance that :func:`read_tolerance` has returned for a rule."""
        if text.endswith("%"):
            return cls(share=Fraction(text[:-1]) / 100)
        return cls(count=int(text))

    def covers(self, records: int, total: int) -> bool:
        """Whether ``records`` of ``total`` are tolerated."""
        if self.share is not None:
            return records <= self.share * total
        return self.count is not None and records <= self.count


def read_tolerance(value: Any, place: str) -> tuple[tuple[str, str], ...]:
    """The pairs of rule and allowance that a user gave: "0.1%" or "500".

    Raises:
        UsageError: if an allowance, or its rule, cannot be one; says at which ``place``.
        TypeError, ValueError: if the value is not pairs at all.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise TypeError("neither a table nor pairs")
    pairs = [tuple(pair) for pair in (value.items() if isinstance(value, Mapping) else value)]
    found: dict[str, str] = {}
    for pair in pairs:
        if len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError("not a pair of rule and number")
        rule, allowance = pair
        require_rules([rule], f"{place}: ")
        if subject := subject_of(rule):
            raise UsageError(
                f"{place}: {rule} cannot be tolerated: it is about {subject}, so it has no number "
                f"of records to compare (--severity {rule}=info or --ignore {rule}?)"
            )
        if rule in found:
            raise UsageError(f"{place}: {rule} is given twice")
        found[rule] = parse_allowance(rule, allowance, place)
    return tuple(found.items())


def subject_of(rule: str) -> str:
    """What a rule is about if it does not name records; "" if it does."""
    if rule in plugins_of("check"):
        return ""
    subject: str = load(rule_target(rule)).subject
    return subject


def parse_allowance(rule: str, value: Any, place: str) -> str:
    """An allowance in its shortest form: "0.1%" or "500".

    Raises:
        UsageError: if it is not a share from 0% to 100% or a whole number of at least 0.
    """
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if isinstance(value, bool):
        text = ""
    if re.fullmatch(COUNT, text):
        return str(int(text))
    percent = re.fullmatch(PERCENT, text)
    if percent and Decimal(percent[1]) <= 100:
        return f"{Decimal(percent[1]).normalize():f}%"
    raise UsageError(f"{place}: {rule}={explain(value, text)}")


def explain(value: Any, text: str) -> str:
    """What is wrong with an allowance, beginning with it."""
    is_shown = isinstance(value, str) or (bool(text) and isinstance(value, int | float))
    shown = text if is_shown and len(text) < 40 else show(value)
    if not text and isinstance(value, str):
        return f"{shown} lacks the share or number of records that is tolerated: 0.1% or 500"
    if not re.fullmatch(NUMBER, text):
        return f"{shown} is not a share (0.1%) or a whole number of records (500)"
    if text.startswith("-"):
        return f"{shown} is negative; tolerated is a share (0.1%) or a whole number of records"
    if text.endswith("%"):
        return f"{shown} is above 100%" if Decimal(text[:-1]) > 100 else f"{shown} is too exact"
    if "." in text:
        return f"{shown} can mean two things: {text}% of the records, or a whole number of them?"
    return f"{shown} is too large"
