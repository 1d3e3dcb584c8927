"""Base classes of rules about nets and logs, and the context that they evaluate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from msgspec import Struct, field

from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Training
from datascan.checks.base import Issue, Rule
from datascan.config.options import RunOptions, Severity
from datascan.logs.diagnosis import Diagnosis
from datascan.report.model import DatasetReport

MAX_ISSUES = 5000
"""How many findings of one rule about a net are listed."""

SOLVER = "solver"
"""The key of issues about the solver."""

NET = "net"
"""The key of issues about the net as a whole."""


class RunOutcome(Struct, frozen=True):
    """How a run of a training log ended.

    ``where`` is a prefix that names the run if there are several, ``about`` a suffix on the records
    that were read at the time; ``details`` name the records that explain the end.
    """

    diagnosis: Diagnosis
    where: str = ""
    about: str = ""
    details: tuple[str, ...] = ()
    fix: str = ""


class NetContext(Struct, frozen=True):
    """A net and its solver, and the results of scanning its sources.

    ``reports`` does not have an entry for a source that was not scanned. ``backends`` are the
    actual types of the stores, which may differ from those in the net. ``issues`` are those of the
    checks on the records, and ``outcomes`` are the ends of the runs in a log, ``damage`` the places
    at which the log is damaged. ``run`` has the limits for reading more files.
    """

    training: Training
    reports: Mapping[DataSource, DatasetReport] = {}
    backends: Mapping[DataSource, str] = {}
    issues: Mapping[DataSource, Sequence[Issue]] = {}
    outcomes: Sequence[RunOutcome] = ()
    damage: Sequence[str] = ()
    run: RunOptions = field(default_factory=RunOptions)


class NetRule(Rule, ABC):
    """A rule about nets or solvers. Its module's docstring is the rule's page."""

    subject = "a net, a solver or a log"

    @abstractmethod
    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Yield what is wrong, in the order of the net; duplicates are removed later."""

    def net_issue(
        self, key: str, text: str, *, fix: str | None = None, severity: Severity | None = None
    ) -> Issue:
        """An issue about the layer named ``key``, about the solver, or about the net as a whole."""
        place = key if key in (SOLVER, NET) else f"layer {key}"
        return Issue(
            self.rule,
            self.severity if severity is None else severity,
            f"{place}: {text}",
            fix or self.fix,
            details=(text,),
            keys=(key,),
        )


class LogRule(NetRule):
    """A rule about training logs, named after the cause that it reports."""

    def evaluate(self, context: NetContext) -> Iterator[Issue]:
        """Every run that ended for this cause."""
        return self.outcome_issues(context)

    def outcome_issues(self, context: NetContext) -> Iterator[Issue]:
        """Every run that ended for this cause: what the log shows, and which records it read."""
        for outcome in context.outcomes:
            diagnosis = outcome.diagnosis
            if diagnosis.cause == self.rule:
                yield Issue(
                    self.rule,
                    Severity.ERROR if diagnosis.grave else self.severity,
                    f"{outcome.where}{diagnosis.text}{outcome.about}",
                    outcome.fix or self.fix,
                    details=(diagnosis.text, *outcome.details),
                    keys=(diagnosis.output,) if diagnosis.output else (),
                    about=diagnosis.text,
                )


def evaluate_rules(rules: list[type[NetRule]], context: NetContext) -> list[Issue]:
    """The issues of all ``rules``; an issue that occurs in several phases is kept once."""
    return [issue for rule in rules for issue in evaluate_rule(rule, context)]


def evaluate_rule(rule: type[NetRule], context: NetContext) -> list[Issue]:
    """The issues of one rule; the last one counts those beyond the first ``MAX_ISSUES``."""
    issues: dict[tuple[str, str, tuple[str, ...]], Issue] = {}
    omitted: Issue | None = None
    more = 0
    for issue in rule().evaluate(context):
        key = (issue.rule, issue.message, issue.keys)
        if key in issues:
            continue
        if len(issues) < MAX_ISSUES:
            issues[key] = issue
        else:
            omitted, more = issue, more + 1
    if omitted is None:
        return list(issues.values())
    text = f"{more:,} more findings of this rule are not listed"
    return [*issues.values(), replace(omitted, message=text, details=(text,), keys=())]
