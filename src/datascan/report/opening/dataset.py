"""The opening of the report of a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from datascan.checks.base import MANY, Issue
from datascan.config.options import Severity
from datascan.metrics.base import sorted_distinct
from datascan.report.figures import DatasetInfo
from datascan.report.opening.reasons import (
    BY_DETAIL,
    UNDECIDED,
    Reason,
    clause_of,
    decision_of,
    rank_of,
    reason_of,
    remedy_of,
    whole_rank,
)
from datascan.report.titles import holds_images
from datascan.text import pluralize

MAX_REASONS = 4
MAX_CLAUSES = 2
MAX_SENTENCES = 3


def open_dataset(
    issues: Sequence[Issue], dataset: DatasetInfo, *, complete: bool, all_read: bool = False
) -> list[str]:
    """At most three sentences: what cannot be used, what has to be decided, what is unusual.

    A record is counted once, in the first sentence that concerns it. ``all_read``: all records were
    read, even if the scan was stopped before every rule was judged.
    """
    counted = [issue for issue in issues if issue.accepted is None]
    accepted = len(issues) - len(counted)
    images = holds_images(dataset.backend, dataset.layout)
    groups = Groups.of(counted, images=images)
    subject = Subject(dataset, images, complete)
    sentences = [
        *describe_whole(groups.whole_errors),
        *describe_unusable(groups.unusable, subject),
        *describe_undecided(groups.undecided, subject),
        *describe_unusual(groups.unusual, groups.whole_warnings, subject),
    ]
    if not sentences:
        sentences = [describe_clean(subject, accepted)]
    if len(sentences) > MAX_SENTENCES:
        sentences = [*sentences[:2], "; ".join(sentences[2:])]
    if not complete and not all_read:
        sentences[-1] += "; the rest was not checked"
    return [f"{text[0].upper()}{text[1:]}." for text in sentences]


class Subject(Struct, frozen=True):
    """The records of a dataset, as a sentence calls them."""

    dataset: DatasetInfo
    images: bool
    complete: bool
    named: list[bool] = []
    """Not empty once a sentence has said how many records there are."""

    @property
    def noun(self) -> str:
        """What a record is called."""
        return "image" if self.images else "record"

    @property
    def all(self) -> str:
        """The records that were read: "5,000 images", "the first 1,000 images"."""
        dataset, records = self.dataset, pluralize(self.dataset.records, self.noun)
        if not self.complete:
            return f"the {records} that {'was' if dataset.records == 1 else 'were'} read"
        if dataset.sample is not None:
            return f"a sample of {records}"
        if dataset.limit is not None and dataset.records >= dataset.limit:
            return f"the first {records}"
        return records

    def some(self, count: int) -> str:
        """``count`` of the records: "21 of 5,000 images", later "18 images"."""
        if self.named:
            return pluralize(count, self.noun)
        self.named.append(True)
        return f"{count:,} of {self.all}"


class Share(Struct):
    """The distinct records of one sentence, by reason."""

    reasons: Counter[Reason] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many records there are."""
        return self.reasons.total()


class Groups(Struct):
    """The records of a dataset by what has to be done, and the rules about it as a whole."""

    unusable: Share
    undecided: Share
    unusual: Share
    whole_errors: list[tuple[str, int]]
    whole_warnings: list[tuple[str, int]]

    @classmethod
    def of(cls, issues: Sequence[Issue], *, images: bool) -> Groups:
        """Group ``issues``, each record under the first reason that concerns it."""
        ordered = sorted(issues, key=lambda issue: rank_of(issue.rule))
        errors = [i for i in ordered if i.severity is Severity.ERROR]
        warnings = [i for i in ordered if i.severity is Severity.WARNING]
        undecided = [i for i in (*errors, *warnings) if i.rule in UNDECIDED]
        taken = np.empty(0, np.int64)
        faulty = [i for i in errors if i.rule not in UNDECIDED]
        odd = [i for i in warnings if i.rule not in UNDECIDED]
        unusable, taken = share_out(faulty, taken, images=images)
        open_question, taken = share_out(undecided, taken, images=images)
        unusual, _ = share_out(odd, taken, images=images)
        return cls(
            unusable, open_question, unusual, [*whole_rules(errors)], [*whole_rules(warnings)]
        )


def share_out(
    issues: Iterable[Issue], taken: NDArray[np.int64], *, images: bool
) -> tuple[Share, NDArray[np.int64]]:
    """The records of ``issues`` that are not among ``taken``, and ``taken`` with them.

    ``taken`` and the result are addresses, int64 (n,), ascending.
    """
    share = Share()
    for issue in issues:
        if issue.flagged is None:
            continue
        addresses = issue.flagged.addresses.array
        order = np.argsort(addresses, kind="stable")
        ascending = addresses[order]
        is_new = ~contained(ascending, taken)
        is_new[1:] &= ascending[1:] != ascending[:-1]
        chosen = order[is_new]
        if not len(chosen):
            continue
        share.by_rule[issue.rule] += len(chosen)
        share.reasons.update(reasons_of(issue, chosen, images=images))
        taken = sorted_distinct(np.concatenate([taken, ascending[is_new]]))
    return share, taken


def contained(values: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of ``values`` (n,) are among ``known``, which ascend."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    found: NDArray[np.bool_] = (
        known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    )
    return found


def reasons_of(issue: Issue, chosen: NDArray[np.int64], *, images: bool) -> Counter[Reason]:
    """How many of the ``chosen`` records of an issue have which reason."""
    from_detail = BY_DETAIL.get(issue.rule)
    if from_detail is None or issue.flagged is None:
        return Counter({reason_of(issue.rule, images=images): len(chosen)})
    facts = issue.flagged.facts.array[chosen].tolist()
    return Counter(from_detail(issue.describe(fact)) for fact in facts)


def whole_rules(issues: Iterable[Issue]) -> Iterator[tuple[str, int]]:
    """The rules with findings about the dataset as a whole, and how many records these cost."""
    lost: dict[str, int] = {}
    for issue in issues:
        named = 0 if issue.flagged is None else len(issue.flagged.addresses.array)
        if not named or issue.locations:
            lost[issue.rule] = lost.get(issue.rule, 0) + max(0, issue.records - named)
    yield from sorted(lost.items(), key=lambda item: whole_rank(item[0]))


def describe_whole(rules: Sequence[tuple[str, int]]) -> Iterator[str]:
    """A sentence about errors of the dataset as a whole."""
    if rules:
        clauses = join_clauses(rules)
        remedy = clause_of(rules[0][0])[1] or "see below"
        yield f"{clauses}: {remedy}"


def join_clauses(rules: Sequence[tuple[str, int]]) -> str:
    """What is wrong with the dataset as a whole, at most two clauses and a number of others."""
    shown = [clause(rule, lost) for rule, lost in rules[:MAX_CLAUSES]]
    more = len(rules) - len(shown)
    if more:
        shown.append(f"{pluralize(more, 'more point')} {'concerns' if more == 1 else 'concern'} it")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


LOSING = ("truncated-store", "damaged-store", "never-written", "reader-crash")
"""Rules whose records beyond those that they name are lost."""


def clause(rule: str, lost: int) -> str:
    """What is wrong with the dataset as a whole."""
    text = clause_of(rule)[0]
    return f"{text} ({pluralize(lost, 'record')} lost)" if lost and rule in LOSING else text


def describe_unusable(share: Share, subject: Subject) -> Iterator[str]:
    """A sentence about records that cannot be used."""
    if share.count:
        files = subject.dataset.backend == "images"
        remedies = {remedy_of(rule, files=files) for rule in share.by_rule}
        remedy = remedies.pop() if len(remedies) == 1 else "repair or replace them"
        if share.count == 1:
            remedy = remedy.replace("them", "it").replace("their labels", "its label")
        elif share.count > MANY * subject.dataset.records:
            remedy = "find the common cause"
        yield f"{subject.some(share.count)} cannot be used ({list_reasons(share)}): {remedy}"


def describe_undecided(share: Share, subject: Subject) -> Iterator[str]:
    """A sentence about records whose owner has to decide something."""
    clauses = []
    for rule, count in share.by_rule.items():
        one, several, request = decision_of(rule, images=subject.images)
        clauses.append(f"{subject.some(count)} {one if count == 1 else several}: {request}")
    if clauses:
        yield ", and ".join(clauses)


def describe_unusual(
    share: Share, whole: Sequence[tuple[str, int]], subject: Subject
) -> Iterator[str]:
    """A sentence about what is merely unusual: records, and the dataset as a whole."""
    parts = []
    if share.count:
        records = f"{share.count:,}" if subject.named else subject.some(share.count)
        verb = "is" if share.count == 1 else "are"
        parts.append(f"{records} {verb} unusual ({list_reasons(share)})")
    if whole:
        parts.append(join_clauses(whole))
    if parts:
        yield f"{', and '.join(parts)}; have a look"


def describe_clean(subject: Subject, accepted: int) -> str:
    """A sentence about a dataset without errors and warnings."""
    new = " new" if accepted else ""
    if not subject.dataset.records:
        return "no record was read"
    return f"nothing{new} was found that needs attention in {subject.all}"


def list_reasons(share: Share) -> str:
    """The reasons, the most frequent first: "10 cut off, 6 web pages, 5 empty".

    The numbers add up to the count; a single reason has none.
    """
    ordered = sorted(share.reasons.items(), key=lambda item: -item[1])
    if len(ordered) == 1:
        (one, several), count = ordered[0]
        return one if count == 1 else several
    shown = ordered if len(ordered) <= MAX_REASONS else ordered[: MAX_REASONS - 1]
    texts = [f"{count:,} {one if count == 1 else several}" for (one, several), count in shown]
    others = share.count - sum(count for _, count in shown)
    if others:
        texts.append(f"{others:,} for other reasons")
    return ", ".join(texts)
