"""How much of a report a page shows, so that it is small enough to be mailed."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAX_BYTES = 1_900_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The most findings, examples, thumbnails, points and so on of a report; the longest text."""

    findings: int
    examples: int
    text: int
    thumbnails: int
    points: int
    rows: int
    sources: int = 20
    reports: int = 100
    strips: int = 20
    """The most reports on a page that show where in the store their classes are."""

    def shared(self, reports: int) -> Limits:
        """The limits of each of several reports on one page."""
        share = max(1, reports)
        return replace(
            self,
            findings=max(20, self.findings // share),
            thumbnails=self.thumbnails // share,
            points=max(500, self.points // share),
            strips=1 if share <= self.strips else 0,
        )


LIMITS = (
    Limits(findings=300, examples=20, text=240, thumbnails=60, points=20_000, rows=200),
    Limits(findings=150, examples=20, text=120, thumbnails=60, points=10_000, rows=100),
    Limits(findings=100, examples=5, text=60, thumbnails=20, points=5_000, rows=40, reports=50),
    Limits(40, examples=3, text=40, thumbnails=0, points=1_000, rows=20, reports=20),
    Limits(40, examples=3, text=40, thumbnails=0, points=1_000, rows=20, reports=10, strips=1),
    Limits(20, 2, text=40, thumbnails=0, points=500, rows=10, sources=5, reports=5, strips=0),
    Limits(20, 2, text=40, thumbnails=0, points=500, rows=10, sources=0, reports=3, strips=0),
)
"""Tried in this order until the page is small enough; with the last, it always is."""


def short(text: str, width: int) -> str:
    """Text of at most ``width`` characters, cut in the middle."""
    if len(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{text[: width - 1 - half]}…{text[len(text) - half :]}"
