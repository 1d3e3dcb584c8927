"""A page, read back: its elements, words, scripts and styles."""

from __future__ import annotations

from html.parser import HTMLParser

MOST = 2_000_000
TAGS = {"script": 2, "style": 1, "link": 1}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Reading(HTMLParser):
    """All elements, attributes and words of a page, and what its scripts and styles hold."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.inside, self.words = [], {}, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        tag = self.elements[-1][0] if self.elements else ""
        if tag in {"script", "style"} and self.cdata_elem == tag:
            self.inside.setdefault((tag, self.elements[-1][1].get("type")), []).append(data)
        else:
            self.words += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read_safely(text):
    """The page, read, if there is nothing in it that could run or ask for anything."""
    page = Reading(text)
    for tag, count in TAGS.items():
        assert len(page.all(tag)) == count
    assert not {tag for tag, _ in page.elements} & {"iframe", "object", "embed", "form", "base"}
    for tag, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("src", "data:image/").startswith("data:image/")
        assert attributes.get("href", "#").startswith(("#", "data:,"))
        assert tag != "script" or "src" not in attributes
    return page


def held_in(text):
    """The data of a page."""
    return Reading(text).inside["script", "application/json"][0]
