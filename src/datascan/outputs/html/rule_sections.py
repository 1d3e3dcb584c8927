"""The pages of rules, as headings and paragraphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import cleandoc

from markupsafe import Markup, escape

from datascan.report import rule_pages

WHY = "Why it breaks training"
CODE = re.compile("``(.+?)``", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its paragraphs, as HTML."""

    heading: str
    paragraphs: tuple[Markup, ...]


def meaning(rule: str) -> str:
    """A rule in one line; empty if this version does not have the rule."""
    known = rule_pages.all_rules()
    return rule_pages.rule_summary(known[rule]) if rule in known else ""


def sections(rule: str) -> tuple[Section, ...]:
    """The page of a rule, why it matters first; nothing of an unknown rule."""
    if rule not in rule_pages.all_rules():
        return ()
    _, _, text = rule_pages.rule_page(rule).partition("\n\n")
    found: list[Section] = []
    for part in re.split(r"\n(?=\S)", text)[1:]:
        heading, _, body = part.partition("\n")
        paragraphs = re.split(r"\n\s*\n", cleandoc(body).strip())
        found.append(Section(heading.strip(), tuple(map(to_html, paragraphs))))
    return tuple(sorted(found, key=lambda section: section.heading != WHY))


def to_html(paragraph: str) -> Markup:
    """A paragraph as HTML, with code elements for text in double backquotes."""
    pieces = CODE.split(paragraph)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece)
        for i, piece in enumerate(pieces)
    )
