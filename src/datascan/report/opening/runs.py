"""The opening of the report of a net or a training log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.figures import LogFigures
from datascan.report.model import SourceReport
from datascan.report.titles import rule_title
from datascan.text import pluralize

MAX_TITLES = 3
MAX_SENTENCES = 3
MAX_NAMES = 6

FORK_RULE = "not-understood"
SAID_RULES = frozenset({FORK_RULE, "missing-file"})
"""Rules whose notes are said even in a report that needs no reading."""


def open_run(
    issues: Sequence[Issue],
    sources: Sequence[SourceReport],
    log: LogFigures | None,
    not_checked: Sequence[str] = (),
) -> list[str]:
    """At most three sentences: how training ended, what is wrong with the net, and its data.

    If nothing is wrong, they say which parts were ``not_checked``, and what else was noted.
    """
    counted = [issue for issue in issues if issue.accepted is None]
    cause = log.cause if log is not None else "none"
    errors = titles_of(counted, Severity.ERROR, but=cause)
    warnings = titles_of(counted, Severity.WARNING, but=cause)
    sentences = [] if log is None else [describe_end(log)]
    if errors:
        sentences.append(f"Correct before training: {errors}.")
    elif warnings:
        sentences.append(f"Have a look: {warnings}.")
    if data := describe_data(sources):
        sentences.append(data)
    return sentences or [*describe_calm_net(counted, not_checked)][:MAX_SENTENCES]


def describe_calm_net(issues: Sequence[Issue], not_checked: Sequence[str]) -> Iterator[str]:
    """What there is to say of a net without errors and warnings: never more than was checked."""
    part = "the parts of the net that were checked" if not_checked else "the net"
    yield f"Nothing was found that needs attention in {part}."
    notes = [issue.about or " ".join(issue.details) for issue in issues if issue.rule in SAID_RULES]
    if not_checked and not any(issue.rule == FORK_RULE for issue in issues):
        names, more = ", ".join(not_checked[:MAX_NAMES]), len(not_checked) - MAX_NAMES
        notes.insert(0, f"not checked: {names}" + (f" and {more:,} more" if more > 0 else ""))
    yield from (f"{note[:1].upper()}{note[1:]}." for note in notes)


def titles_of(issues: Sequence[Issue], severity: Severity, *, but: str) -> str:
    """The titles of the rules with issues of this severity, except the rule ``but``."""
    rules = dict.fromkeys(i.rule for i in issues if i.severity is severity and i.rule != but)
    titles = [uncapitalized(rule_title(rule)) for rule in list(rules)[:MAX_TITLES]]
    more = len(rules) - len(titles)
    return ", ".join([*titles, *([f"and {pluralize(more, 'more point')}"] if more else [])])


def uncapitalized(title: str) -> str:
    """A title within a sentence; an acronym at its beginning stays."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def describe_end(log: LogFigures) -> str:
    """How training ended."""
    if log.cause == "none" and log.last_finite_iteration is None:
        return "The log has no loss."
    if log.cause == "none":
        return "Every loss in the log is finite."
    at = log.first_nonfinite_iteration
    place = f" (iteration {at:,})" if at is not None else ""
    text = f"{rule_title(log.cause)}{place}"
    if log.culprits:
        number = pluralize(len(log.culprits), "record")
        verb = "has" if len(log.culprits) == 1 else "have"
        text += f": {number} among those read at the time {verb} errors"
    return f"{text}."


def describe_data(sources: Sequence[SourceReport]) -> str:
    """Which share of the datasets that the net reads has errors; "" if they have no errors."""
    bad = sum(any(f.severity == "error" and not f.accepted for f in s.findings) for s in sources)
    if not bad:
        return ""
    if len(sources) == 1:
        return "The dataset that the net reads has errors."
    verb = "has" if bad == 1 else "have"
    return f"{bad:,} of {pluralize(len(sources), 'dataset')} that the net reads {verb} errors."
