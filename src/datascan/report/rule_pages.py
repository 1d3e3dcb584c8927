"""The pages of the rules: what each one means, why it breaks training, how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from difflib import get_close_matches
from inspect import cleandoc

from datascan.checks.base import Rule, load_rules
from datascan.errors import UsageError
from datascan.plugins import rule_names, unusable
from datascan.report.titles import class_title


def all_rules() -> dict[str, type[Rule]]:
    """All rules by name, errors first."""
    found = [rule for rule in load_rules(rule_names()).values() if rule is not None]
    found.sort(key=lambda check: (-check.severity.rank, check.rule))
    return {check.rule: check for check in found}


def rule_summary(check: type[Rule]) -> str:
    """A rule in one line."""
    return ((check.__doc__ or "").strip() or check.rule).splitlines()[0]


def list_rules() -> list[tuple[str, str, str]]:
    """Name, severity and title of all rules, errors first."""
    return [(name, check.severity.value, class_title(check)) for name, check in all_rules().items()]


def rule_page(rule: str) -> str:
    """The page of a rule.

    Raises:
        UsageError: if there is no such rule; suggests similar names.
    """
    known = all_rules()
    if rule in rule_names() and rule not in known:
        raise unusable("check", rule)
    if rule not in known:
        near = nearest(rule.lower(), known)
        hint = f"did you mean {' or '.join(near)}?" if near else "datascan explain lists them all"
        raise UsageError(f"no such rule: {rule}; {hint}")
    check = known[rule]
    text = cleandoc(sys.modules[check.__module__].__doc__ or check.__doc__ or "")
    title = f"{rule} ({check.severity.value}): {class_title(check)}"
    return f"{title}\n{'=' * len(title)}\n\n{text}\n"


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """The name that ``word`` misspells, else up to three similar ones."""
    known = list(known)
    misspelt = get_close_matches(word, known, n=1, cutoff=0.85)
    alike = misspelt or get_close_matches(word, known, n=3, cutoff=0.6)
    within = [] if misspelt else [name for name in known if word in name]
    return list(dict.fromkeys([*alike, *within]))[:3]


def all_pages() -> str:
    """A table of all rules, followed by their pages."""
    known = list_rules()
    width = max(len(name) for name, _, _ in known)
    table = [f"{name:<{width}}  {severity:<7}  {title}" for name, severity, title in known]
    return "\n".join([*table, "", *(f"\n{rule_page(name)}" for name, _, _ in known)])
