"""What a rule, a check and an issue are."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from datascan.config.options import CheckOptions, Severity
from datascan.errors import DatascanError
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.plugins import find_plugin, leave_out, load, load_class, rule_target
from datascan.records.block import Block

if TYPE_CHECKING:
    from datascan.config.baseline import Acceptance

MAX_EXAMPLES = 20
"""At most so many examples stand in a finding."""


@dataclass(frozen=True, slots=True, eq=False)
class Issue:
    """What a rule has to say about this dataset, before keys are looked up: a finding in the raw.

    ``records`` is exact. ``flagged`` holds every record it names, and ``describe`` turns a fact
    into the detail that people read. ``details`` are for what is no single record (a class, a
    batch size, a place in the store).
    """

    rule: str
    severity: Severity
    message: str
    fix: str
    records: int = 0
    flagged: Flagged | None = None
    describe: Callable[[Any], str] = str
    details: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Names of what ``details`` tell of, where they have names."""
    about: str = ""
    """Which of several judgements of one rule about no records it is: "batch size 32"."""
    accepted: Acceptance | None = None
    """Why it does not count, if it does not."""
    locations: tuple[Location, ...] = ()
    """All that it is about besides ``flagged``, of which ``details`` show the first few."""


TallyT = TypeVar("TallyT")


class Rule:
    """What every rule has: a name, a severity and a fix. Its module's docstring is its page.

    Rules that measure records are checks; those of ``caffe/rules`` look at nets and logs.
    """

    rule: ClassVar[str]
    severity: ClassVar[Severity]
    fix: ClassVar[str]


class Check(Rule, ABC, Generic[TallyT]):
    """A rule about records. Its module's docstring is the rule's page.

    ``measure`` may be a function that several checks share (``measure = staticmethod(...)``): it
    then runs once for all of them.
    """

    measure: Callable[[Block], TallyT | None] | None
    """None for a check that asks only what is known of every dataset."""

    @abstractmethod
    def evaluate(self, tally: TallyT, dataset: DatasetSummary) -> Iterator[Issue]:
        """Turn what was measured over the whole dataset into judgements."""

    def configure(self, options: CheckOptions) -> Self:  # noqa: ARG002  (most measure the same under all)
        """The check as ``options`` want it."""
        return self

    def dataset_issue(  # noqa: PLR0913  (all but the message by name, and optional)
        self,
        message: str,
        *,
        about: str = "",
        fix: str | None = None,
        severity: Severity | None = None,
        records: int = 0,
        details: Sequence[str] = (),
        locations: Sequence[Location] = (),
    ) -> Issue:
        """A judgement that names no single record; ``details`` tell its parts, if any.

        With parts, ``subjects`` are all of them, or what tells it from others of its rule.
        """
        return Issue(
            self.rule,
            severity or self.severity,
            message,
            fix or self.fix,
            records=records,
            details=tuple(details[:MAX_EXAMPLES]),
            about=about,
            locations=tuple(locations),
        )

    def record_issue(
        self,
        flagged: Flagged,
        message: str,
        describe: Callable[[Any], str] = str,
        *,
        severity: Severity | None = None,
    ) -> Issue:
        """A judgement that names every record in ``flagged``."""
        return Issue(
            self.rule,
            severity or self.severity,
            message,
            self.fix,
            records=len(flagged.addresses.array),
            flagged=flagged,
            describe=describe,
        )


def load_rule(name: str) -> type[Rule] | None:
    """The rule of that name; None if it is another package's and cannot be used."""
    if find_plugin("check", name) is None:
        return cast("type[Rule]", load(rule_target(name)))
    return load_class("check", name, Check, ("rule", "severity", "fix", "measure"))


def make_check(name: str, options: CheckOptions) -> Check[Any] | None:
    """The check of that name under ``options``; None if it is another package's and cannot be used.

    A plug-in that raises while it is made is left out.
    """
    kind, plugin = cast("type[Check[Any]] | None", load_rule(name)), find_plugin("check", name)
    if kind is None or plugin is None:
        return kind().configure(options) if kind is not None else None
    try:
        return kind().configure(options)
    except DatascanError:
        raise
    except Exception as error:  # noqa: BLE001  (the code of others may raise anything)
        leave_out(plugin, error)
        return None


MAX_LOCATIONS = 1000
"""More parts of a judgement than this are one subject: it changes if any of them does."""


@dataclass(frozen=True, slots=True)
class Location:
    """A part of what a judgement says.

    ``name`` is the same as long as it is the same fault, and holds the numbers that were found.
    ``detail`` is what people read of it, "" where the message says it already; ``records`` are
    those that it costs, beyond the records that have keys.
    """

    name: str
    detail: str = ""
    records: int = 0


def locations_from(details: Iterable[str], count: int, *whole: bytes) -> tuple[Location, ...]:
    """A subject for each of ``count`` details.

    More than :data:`MAX_LOCATIONS` are one, known by their number and a hash of ``whole``, from
    which they all follow; of ``details`` no more than that are drawn.
    """
    if count <= MAX_LOCATIONS:
        return tuple(Location(detail, detail) for detail in islice(details, count))
    return (Location(summarize_locations(count, *whole)),)


def summarize_locations(count: int, *whole: bytes) -> str:
    """A name for ``count`` parts that follow from ``whole``."""
    digest = hashlib.sha256()
    for part in whole:
        digest.update(len(part).to_bytes(8, "little") + part)
    return f"{count:,} in all, sha256 {digest.hexdigest()[:16]}"
