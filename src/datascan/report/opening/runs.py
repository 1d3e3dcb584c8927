"""The opening of the report of a net or a training log."""

from __future__ import annotations

from collections.abc import Sequence

from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.figures import LogFigures
from datascan.report.model import SourceReport
from datascan.report.titles import rule_title
from datascan.text import pluralize

MAX_TITLES = 3


def open_run(
    issues: Sequence[Issue], sources: Sequence[SourceReport], log: LogFigures | None
) -> list[str]:
    """At most three sentences: how training ended, what is wrong with the net, and its data."""
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
    return sentences or ["Nothing was found that needs attention in the net."]


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
    if log.cause == "none":
        return f"The loss was a number in all {pluralize(log.iterations, 'iteration')}."
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
