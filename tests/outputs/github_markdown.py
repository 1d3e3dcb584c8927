"""Markdown as GitHub reads it: rendered, and with what its filters link outside of code."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

TAGS = {"h2", "p", "code", "strong", "br"}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
"""What the output makes use of."""

LINKED = re.compile(
    r"@\w|#\d|\bgh-\d|https?://|ftp://|www\.|\w@\w|:\w+:|\$[^$]+\$|\bjavascript:", re.IGNORECASE
)
"""Mentions, issues, addresses, emoji and formulas, which filters find in the rendered text."""


class Page(HTMLParser):
    """The elements of a page, its text, and the text outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.words, self.prose, self._depth = "", "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert [name for name, _ in attrs if name != "style"] == []
        assert all(value.startswith("text-align:") for _, value in attrs)
        self.elements.append(tag)
        self._depth += tag == "code"

    def handle_endtag(self, tag):
        self._depth -= tag == "code"

    def handle_data(self, data):
        self.words += data
        self.prose += data if not self._depth else "\n"

    @property
    def tags(self) -> set[str]:
        return {*self.elements}

    @property
    def linked(self) -> list[str]:
        return LINKED.findall(self.prose)

    def all(self, tag: str) -> list[str]:
        return [one for one in self.elements if one == tag]


def read_as_github(text: str) -> Page:
    """The page that the Markdown is; it must be closed, so that nothing of it runs on."""
    page = Page(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert page._depth == 0
    return page
