"""The findings of a report on a terminal: what was found, on which records, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import INDENT, NAME_WIDTH, Paper, columns, shorten
from datascan.text import format_percent

if TYPE_CHECKING:
    from datascan.report.figures import Accepted, Example, Finding

SHOWN_FINDINGS = 4
SHOWN_EXAMPLES = 3
MAX_EXAMPLES = 20
KEY_WIDTH = 48


def rule_lines(same: Sequence[Finding], records: int, paper: Paper) -> Iterator[str]:
    """The findings of one rule in a dataset of ``records`` records, and how to fix them."""
    first = same[0]
    rule = shorten(paper.plain(first.rule), min(KEY_WIDTH, paper.width - 8))
    known = first.accepted is not None
    mark = "accepted" if known else first.severity.upper()
    title, share = f"{mark:<8}{' ' * known}{rule}", share_of(same, records)
    fits = columns(title) + columns(share) <= paper.width
    yield paper.paint(title, "faint" if known else first.severity) + (share if fits else "")
    for finding in same[:SHOWN_FINDINGS]:
        less = "" if finding.severity == first.severity else f"({finding.severity}) "
        yield from finding_lines(finding, paper, less)
    if len(same) > SHOWN_FINDINGS:
        yield paper.paint(f"{INDENT}and {len(same) - SHOWN_FINDINGS:,} more of this rule", "faint")
    if first.accepted is not None:
        yield from paper.wrap(acceptance(first.accepted, paper), INDENT, INDENT)
        return
    if first.tolerated is not None:
        yield from paper.wrap(paper.plain(first.tolerated.text), INDENT, INDENT)
    # The first finding is the worst.
    yield from paper.wrap("-> " + paper.plain(first.fix), INDENT, "   ")


def acceptance(why: Accepted, paper: Paper) -> str:
    """Why a finding is accepted, and until when."""
    until = "" if why.expires is None else f" (until {why.expires.isoformat()})"
    return f"accepted: {paper.plain(why.reason)}{until}"


def share_of(same: Sequence[Finding], records: int) -> str:
    """The share of records in the only finding of a rule; empty if there are several findings."""
    count = same[0].records
    if len(same) > 1 or not 0 < count <= records:
        return ""
    return f"  {format_percent(count / records)} of records"


def finding_lines(finding: Finding, paper: Paper, severity: str = "") -> Iterator[str]:
    """A finding: its message and first examples; ``severity``, if it differs from the heading."""
    yield from paper.wrap(severity + paper.plain(finding.message), INDENT, INDENT)
    named = any(example.index is not None for example in finding.examples)
    shown = [e for e in finding.examples if e.index is not None or e.detail not in finding.message]
    for example in shown[:SHOWN_EXAMPLES]:
        yield from example_lines(example, paper)
    more = max(finding.records if named else 0, len(shown)) - SHOWN_EXAMPLES
    if more > 0:
        hint = "; --bad-records FILE lists them all" if named else ""
        least = "at least " if not named and len(finding.examples) >= MAX_EXAMPLES else ""
        for line in paper.wrap(f"and {least}{more:,} more{hint}", INDENT * 2, INDENT):
            yield paper.paint(line, "faint")


def example_lines(example: Example, paper: Paper) -> Iterator[str]:
    """One example: number and key of the record, and the detail."""
    detail = shorten(paper.plain(example.detail), NAME_WIDTH)
    if example.index is not None:
        key = shorten(paper.plain(example.key or ""), NAME_WIDTH)
        # Without separators, so that the index can be pasted.
        detail = f"#{example.index}  {key}  {detail}"
    yield from paper.wrap(detail, INDENT * 2, INDENT)
