"""A page for each rule, from the docstring of its module."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from inspect import cleandoc

from datascan.checks.base import Rule
from datascan.report.rule_pages import all_rules
from datascan.report.titles import class_title
from website.markdown import inline, paragraphs

HEADING = re.compile(r"^(\S.*)\n(?=    )", re.MULTILINE)


def rule_pages() -> dict[str, str]:
    """The pages of all rules by name, as Markdown."""
    return {name: rule_page(rule) for name, rule in all_rules().items()}


def rule_page(rule: type[Rule]) -> str:
    """The page of a rule: its severity, its summary, and the sections of its docstring."""
    text = cleandoc(sys.modules[rule.__module__].__doc__ or rule.__doc__ or "")
    summary, _, rest = text.partition("\n\n")
    head = f"# {class_title(rule)}\n\n"
    head += f"`{rule.rule}`: **{inline(summary)}** Severity: {rule.severity.value}.\n"
    return "\n".join([head, *sections(rest)])


def sections(text: str) -> Iterator[str]:
    """The sections of a docstring: a line that is not indented, then indented paragraphs."""
    parts = HEADING.split(text)
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        yield f"## {title}\n\n{paragraphs(cleandoc(body))}\n"
