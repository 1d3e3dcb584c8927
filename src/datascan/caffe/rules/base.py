"""What a rule about nets is, and what it may look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from datascan.caffe.log.diagnosis import Verdict
from datascan.caffe.net.sources import DataSource
from datascan.caffe.net.training import Training
from datascan.checks.base import Judgement, Rule
from datascan.report.model import Report

SOLVER = "solver"
"""The key of findings about the solver."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run of a training log ended, in words.

    ``where`` says which of several runs it was, ``about`` the records that it read at the time;
    ``details`` name those that explain it.
    """

    verdict: Verdict
    where: str = ""
    about: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A net and its solver, and what the scans of its sources found.

    ``reports`` has no entry for a source that was not scanned; ``backends`` are what the stores
    are, which need not be what the net calls them; ``found`` is what checks said of the records.
    """

    training: Training
    reports: Mapping[DataSource, Report] = field(default_factory=dict)
    backends: Mapping[DataSource, str] = field(default_factory=dict)
    found: Mapping[DataSource, Sequence[Judgement]] = field(default_factory=dict)
    endings: Sequence[Ending] = ()


class NetRule(Rule, ABC):
    """One rule about nets or solvers. Its module's docstring is the rule's page."""

    @abstractmethod
    def judge(self, evidence: Evidence) -> Iterator[Judgement]:
        """What is wrong, in the order of the net; the same twice counts once."""

    def about(self, key: str, text: str, *, fix: str | None = None) -> Judgement:
        """A judgement about the layer named ``key``, or about the solver."""
        place = SOLVER if key == SOLVER else f"layer {key}"
        return Judgement(
            self.rule,
            self.severity,
            f"{place}: {text}",
            fix or self.fix,
            details=(text,),
            keys=(key,),
        )


class LogRule(NetRule):
    """A rule about training logs, named after the cause that it tells of."""

    def judge(self, evidence: Evidence) -> Iterator[Judgement]:
        """Every run that ended for this cause."""
        return self.ended(evidence)

    def ended(self, evidence: Evidence) -> Iterator[Judgement]:
        """Every run that ended for this cause: what the log shows, and which records it read."""
        for ending in evidence.endings:
            verdict = ending.verdict
            if verdict.cause == self.rule:
                yield Judgement(
                    self.rule,
                    self.severity,
                    f"{ending.where}{verdict.told}{ending.about}",
                    self.fix,
                    details=(verdict.told, *ending.details),
                    keys=(verdict.output,) if verdict.output else (),
                    about=verdict.told,
                )


def judged(rules: list[type[NetRule]], evidence: Evidence) -> list[Judgement]:
    """Everything that ``rules`` say; what several phases have in common is said once."""
    found: dict[tuple[str, str, tuple[str, ...]], Judgement] = {}
    for rule in rules:
        for judgement in rule().judge(evidence):
            found.setdefault((judgement.rule, judgement.message, judgement.keys), judgement)
    return list(found.values())
