"""The findings of a report on a terminal: what was found, on which records, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from datascan.outputs.terminal.paper import INDENT, NAME_WIDTH, Paper, columns, shorten
from datascan.report.summary import spread_shown
from datascan.report.titles import finding_title
from datascan.text import format_percent

if TYPE_CHECKING:
    from datascan.report.figures import Accepted, DatasetInfo, Example, Finding

SHOWN_FINDINGS = 4
SHOWN_EXAMPLES = 3
MAX_EXAMPLES = 20
KEY_WIDTH = 48


def rule_lines(same: Sequence[Finding], dataset: DatasetInfo, paper: Paper) -> Iterator[str]:
    """The findings of one rule in a dataset, and how to fix them."""
    first = same[0]
    yield from heading(same, dataset, paper)
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


def heading(same: Sequence[Finding], dataset: DatasetInfo, paper: Paper) -> Iterator[str]:
    """Severity and title of a rule, its name, and the share of records."""
    first = same[0]
    known = first.accepted is not None
    mark = "accepted" if known else first.severity.upper()
    widest = min(KEY_WIDTH, paper.width - 10)
    title = shorten(paper.plain(finding_title(first, dataset)), widest)
    line = f"{mark:<8}{' ' * known}{title}"
    name = f"[{shorten(paper.plain(first.rule), widest)}]"
    full = f"{line}  {name}"
    share = share_of(same, dataset.records)
    colour = "faint" if known else first.severity
    if columns(full) > paper.width:
        yield paper.paint(line, colour)
        yield f"{INDENT}{paper.paint(name, 'faint')}"
        return
    fits = columns(full) + columns(share) <= paper.width
    yield f"{paper.paint(line, colour)}  {paper.paint(name, 'faint')}{share if fits else ''}"


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
    yield from paper.wrap(severity + paper.plain(finding.statement), INDENT, INDENT)
    named = any(example.index is not None for example in finding.examples)
    shown = [e for e in finding.examples if e.index is not None or e.detail not in finding.message]
    for place in spread_shown([example.index for example in shown], SHOWN_EXAMPLES):
        yield from example_lines(shown[place], paper)
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
