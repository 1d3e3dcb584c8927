"""What a rule about nets is, and what it may look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from datascan.caffe.log.diagnosis import Diagnosis
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Training
from datascan.checks.base import Issue, Rule
from datascan.report.model import DatasetReport

SOLVER = "solver"
"""The key of findings about the solver."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run of a training log ended, in words.

    ``where`` says which of several runs it was, ``about`` the records that it read at the time;
    ``details`` name those that explain it.
    """

    verdict: Diagnosis
    where: str = ""
    about: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NetContext:
    """A net and its solver, and what the scans of its sources found.

    ``reports`` has no entry for a source that was not scanned; ``backends`` are what the stores
    are, which need not be what the net calls them; ``found`` is what checks said of the records.
    """

    training: Training
    reports: Mapping[DataSource, DatasetReport] = field(default_factory=dict)
    backends: Mapping[DataSource, str] = field(default_factory=dict)
    found: Mapping[DataSource, Sequence[Issue]] = field(default_factory=dict)
    endings: Sequence[RunOutcome] = ()


class NetRule(Rule, ABC):
    """One rule about nets or solvers. Its module's docstring is the rule's page."""

    @abstractmethod
    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """What is wrong, in the order of the net; the same twice counts once."""

    def net_issue(self, key: str, text: str, *, fix: str | None = None) -> Issue:
        """A judgement about the layer named ``key``, or about the solver."""
        place = SOLVER if key == SOLVER else f"layer {key}"
        return Issue(
            self.rule,
            self.severity,
            f"{place}: {text}",
            fix or self.fix,
            details=(text,),
            keys=(key,),
        )


class LogRule(NetRule):
    """A rule about training logs, named after the cause that it tells of."""

    def evaluate(self, evidence: NetContext) -> Iterator[Issue]:
        """Every run that ended for this cause."""
        return self.outcome_issue(evidence)

    def outcome_issue(self, evidence: NetContext) -> Iterator[Issue]:
        """Every run that ended for this cause: what the log shows, and which records it read."""
        for ending in evidence.endings:
            verdict = ending.verdict
            if verdict.cause == self.rule:
                yield Issue(
                    self.rule,
                    self.severity,
                    f"{ending.where}{verdict.text}{ending.about}",
                    self.fix,
                    details=(verdict.text, *ending.details),
                    keys=(verdict.output,) if verdict.output else (),
                    about=verdict.text,
                )


def evaluate_rules(rules: list[type[NetRule]], evidence: NetContext) -> list[Issue]:
    """Everything that ``rules`` say; what several phases have in common is said once."""
    found: dict[tuple[str, str, tuple[str, ...]], Issue] = {}
    for rule in rules:
        for judgement in rule().evaluate(evidence):
            found.setdefault((judgement.rule, judgement.message, judgement.keys), judgement)
    return list(found.values())
