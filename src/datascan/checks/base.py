"""Base classes of rules and checks, and the issues that they yield."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.config.options import CheckOptions, Severity
from datascan.errors import DatascanError
from datascan.metrics.base import DatasetSummary, Flagged
from datascan.metrics.traits import WHOLE, Trait
from datascan.plugins import Plugin, leave_out, load, load_class, plugins_of, rule_target
from datascan.records.block import Block

if TYPE_CHECKING:
    from datascan.config.baseline import Acceptance

MANY = 0.05
"""The share of records above which a finding has one cause, and dropping them is not an option."""

MAX_EXAMPLES = 20
"""The maximum number of examples in a finding."""


class Tolerance(Struct, frozen=True):
    """How many ``records`` a rule names, of ``total`` read, and how many are ``allowed``.

    ``allowed`` is a share ("0.1%") or a number, as the user gave it.
    """

    records: int
    total: int
    allowed: str


@dataclass(frozen=True, slots=True, eq=False)
class Issue:
    """A problem that a rule found in the dataset; it becomes a finding once keys are looked up.

    ``records`` is exact. ``flagged`` holds every record concerned, and ``describe`` formats a fact
    as the detail shown to users. ``details`` describe anything other than a single record (a class,
    a batch size, a place in the store).
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
    """The name of the subject of each of ``details``, if they have names."""
    about: str = ""
    """Distinguishes several issues of one rule that do not name records: "batch size 32"."""
    accepted: Acceptance | None = None
    """The baseline entry that accepts the issue, if one does."""
    tolerated: Tolerance | None = None
    """How many of its records are tolerated, if the issue does not fail the scan for that."""
    partners: NDArray[np.int64] | None = None
    """For each flagged record, the address of the record that it was compared with, int64 (n,)."""
    locations: tuple[Location, ...] = ()
    """Everything that the issue covers besides ``flagged``; ``details`` show the first few."""
    badness: NDArray[np.float64] | None = None
    """For each flagged record, how bad it is, float64 (n,); None if all are equally bad."""
    is_bad: Callable[[NDArray[Any]], NDArray[np.bool_]] | None = None
    """Which values of a record make it bad, as bool of the same shape; it can be pickled.

    None unless the issue is about single values.
    """


TallyT = TypeVar("TallyT")


class Rule:
    """A rule has a name, a title, a severity and a fix. Its module's docstring is its page.

    Rules that measure records are checks; those in ``caffe/rules`` inspect nets and logs.
    """

    rule: ClassVar[str]
    title: ClassVar[str] = ""
    """What it finds, in plain words, for a reader who does not program: "Missing values (NaN)".

    At most 40 characters. Without one, the words of the rule's name are shown.
    """
    image_title: ClassVar[str] = ""
    """The title for a dataset of images, if it differs: "Same picture in two classes"."""
    severity: ClassVar[Severity]
    fix: ClassVar[str]
    subject: ClassVar[str] = ""
    """What the rule is about if its findings never name or count records; those have no share."""
    fix_many: ClassVar[str] = ""
    """The fix if more than 5% of the records are concerned, unless ``fix`` suits them, too.

    It is never to drop them: such a share has one cause, and the rest is another dataset.
    """


class Check(Rule, ABC, Generic[TallyT]):
    """A rule about records. Its module's docstring is the rule's page.

    Several checks may share one metric (``measure = staticmethod(...)``); it then runs once for
    all of them.
    """

    needs: ClassVar[tuple[Trait, ...]] = ()
    """What the dataset must have for the rule to apply."""

    measure: Callable[[Block], TallyT | None] | None
    """Measures one block. None if the check only uses what is known about every dataset."""

    @abstractmethod
    def evaluate(self, tally: TallyT, dataset: DatasetSummary) -> Iterator[Issue]:
        """Yield the issues of the whole dataset; ``tally`` is the sum over all its blocks."""

    def explain_inapplicable(self, dataset: DatasetSummary) -> str:
        """Why the rule does not apply to the dataset: "no labels"; "" if it does."""
        return next((trait.lack for trait in self.needs if not trait.has(dataset)), "")

    def can_judge(self, dataset: DatasetSummary) -> bool:
        """Whether enough was read: what only the whole can show is not judged by a part."""
        return WHOLE not in self.needs or WHOLE.has(dataset)

    def configure(self, options: CheckOptions) -> Self:  # noqa: ARG002  (most checks have no options)
        """The check configured by ``options``."""
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
        """An issue that does not name single records.

        If it has parts, ``details`` describe the first of them and ``locations`` are all of them.
        ``about`` distinguishes it from other issues of the same rule.
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
        partners: NDArray[np.int64] | None = None,
    ) -> Issue:
        """An issue that names every record in ``flagged``.

        ``partners``, int64 (n,), are the addresses of the records that they were compared with;
        reports append key and label of the partner to the detail.
        """
        return Issue(
            self.rule,
            severity or self.severity,
            message,
            self.fix,
            records=len(flagged.addresses.array),
            flagged=flagged,
            describe=describe,
            partners=partners,
        )


def load_rules(names: Iterable[str]) -> dict[str, type[Rule] | None]:
    """The rules of these names; None for another package's that cannot be used."""
    external = plugins_of("check")
    required = ("rule", "severity", "fix", "measure")
    return {
        name: load_class("check", name, Check, required)
        if name in external
        else cast("type[Rule]", load(rule_target(name)))
        for name in names
    }


def make_checks(kinds: Iterable[type[Check[Any]]], options: CheckOptions) -> list[Check[Any]]:
    """The checks under ``options``; a plug-in that raises while it is made is left out."""
    external = plugins_of("check")
    made = (make_check(kind, options, external.get(kind.rule)) for kind in kinds)
    return [check for check in made if check is not None]


def make_check(
    kind: type[Check[Any]], options: CheckOptions, plugin: Plugin | None
) -> Check[Any] | None:
    """A check under ``options``; None if it is that of ``plugin`` and cannot be made."""
    if plugin is None:
        return kind().configure(options)
    try:
        return kind().configure(options)
    except DatascanError:
        raise
    except Exception as error:  # noqa: BLE001  (the code of others may raise anything)
        leave_out(plugin, error)
        return None


MAX_LOCATIONS = 1000
"""If an issue has more parts, they become one location, which changes if any of them does."""


@dataclass(frozen=True, slots=True)
class Location:
    """A part of an issue.

    ``name`` identifies the fault from scan to scan, and includes the numbers that were found.
    ``detail`` is shown to users, and empty if the message already says it. ``records`` is the
    number of records lost here, not counting those that have keys.
    """

    name: str
    detail: str = ""
    records: int = 0


def locations_from(details: Iterable[str], count: int, *whole: bytes) -> tuple[Location, ...]:
    """A location for each of ``count`` details.

    If there are more than :data:`MAX_LOCATIONS`, they become one location, identified by their
    number and a hash of ``whole``, the data they derive from; ``details`` is then not read.
    """
    if count <= MAX_LOCATIONS:
        return tuple(Location(detail, detail) for detail in islice(details, count))
    return (Location(summarize_locations(count, *whole)),)


def summarize_locations(count: int, *whole: bytes) -> str:
    """A name for ``count`` parts that derive from ``whole``."""
    import hashlib  # noqa: PLC0415  (most scans do not need it, and it is slow to load)

    digest = hashlib.sha256()
    for part in whole:
        digest.update(len(part).to_bytes(8, "little") + part)
    return f"{count:,} in all, sha256 {digest.hexdigest()[:16]}"
