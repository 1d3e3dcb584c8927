"""The pages of the rules: what each means, why it breaks training, how to fix it."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from inspect import cleandoc
from typing import Any

from datascan.discovery import classes
from datascan.errors import UsageError
from datascan.model import Check


def checks() -> dict[str, type[Check[Any]]]:
    """All checks under the names of their rules, errors first."""
    found: list[type[Check[Any]]] = classes("checks", Check)
    found.sort(key=lambda check: (-check.severity.rank, check.rule))
    return {check.rule: check for check in found}


def meaning(check: type[Check[Any]]) -> str:
    """A rule in one line."""
    return (check.__doc__ or "").strip().splitlines()[0]


def page(rule: str) -> str:
    """The page of a rule.

    Raises:
        UsageError: where there is no such rule; names the nearest one.
    """
    known = checks()
    if rule not in known:
        near = get_close_matches(rule, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "datascan explain lists all of them"
        raise UsageError(f"no such rule: {rule}; {hint}")
    check = known[rule]
    text = cleandoc(sys.modules[check.__module__].__doc__ or "")
    title = f"{rule} ({check.severity.value})"
    return f"{title}\n{'=' * len(title)}\n\n{text}\n"


def all_pages() -> str:
    """A list of all rules, then their pages."""
    known = checks()
    width = max(map(len, known))
    table = [f"{name:<{width}}  {c.severity.value:<7}  {meaning(c)}" for name, c in known.items()]
    return "\n".join([*table, "", *(f"\n{page(name)}" for name in known)])
