"""Which classes of a dataset are which of those expected, by name or by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import pi, sqrt

from datascan.config.expectations import Labels
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import class_counts, class_name
from datascan.text import escape_surrogates


@dataclass(frozen=True, slots=True)
class ClassShare:
    """A class in words, and its share of the class labels: here, and as expected."""

    label: str
    here: float
    before: float


def expected_names(dataset: DatasetSummary, expected: Labels) -> dict[int, str] | None:
    """The name in ``expected.shares`` of every label that is expected.

    Names are compared where the classes of both have names, else numbers. None where ``expected``
    has names without numbers, and the dataset has numbers only.
    """
    shares = expected.shares or {}
    if not expected.named:
        return {int(name): name for name in shares}
    if dataset.plan.class_names:
        names = map(escape_surrogates, dataset.plan.class_names)
        return {label: name for label, name in enumerate(names) if name in shares}
    if expected.numbers is None:
        return None
    return {number: name for name, number in expected.numbers.items()}


def class_shares(
    dataset: DatasetSummary, expected: Labels, names: Mapping[int, str]
) -> tuple[ClassShare, ...]:
    """The shares of all classes that are here or expected; those expected first.

    Labels that the net ignores are left out of both.
    """
    targets, counts = dataset.options.check.targets, class_counts(dataset)
    total = sum(counts.values())
    ignored = None
    if targets is not None and targets.ignore_label is not None:
        ignored = names.get(targets.ignore_label)
    before = {name: s for name, s in (expected.shares or {}).items() if name != ignored}
    scale = sum(before.values()) or 1.0
    called = class_formatter(dataset, expected)
    here = dict.fromkeys(before, 0)
    others = []
    for label, count in counts.items():
        name = names.get(label)
        if name is None:
            others.append(ClassShare(called(label, ""), count / total, 0.0))
        else:
            here[name] = here.get(name, 0) + count
    labels = {name: label for label, name in names.items()}
    known = (
        ClassShare(
            called(labels.get(name), name), here[name] / total, before.get(name, 0.0) / scale
        )
        for name in here
    )
    return (*known, *others)


def class_formatter(dataset: DatasetSummary, expected: Labels) -> Callable[[int | None, str], str]:
    """What tells a class to people, from its label here (if any) and its expected name (or "").

    Its name where names are compared, else its number, and its name if either side has one.
    """
    own = dataset.plan.class_names
    if not expected.named:
        return lambda label, name: name if label is None else class_name(dataset, label)
    if own:
        called = dict(enumerate(own))
        return lambda label, name: name or called.get(-1 if label is None else label, f"{label}")
    return lambda label, name: f"{label} ({name})" if name else f"{label}"


def chance_of_absence(shares: tuple[ClassShare, ...], here: int, before: int | None) -> float:
    """The distance that chance alone exceeds in about one of twenty comparisons.

    Of samples of ``here`` and ``before`` records of the same classes: the difference of the shares
    of one class is about normal, with the variance p (1 - p) (1/here + 1/before) for the share p of
    both samples together, so the mean of its size is sqrt(2 / pi) of its deviation. The distance
    is half the sum of the sizes; two of its own deviations are added, k / (k - 1) for the k
    differences that add up to 0. Without ``before`` the expected shares are taken as exact.
    """
    weight = before / (here + before) if before else 1.0
    samples = 1 / here + (1 / before if before else 0.0)
    pooled = [weight * share.before + (1 - weight) * share.here for share in shares]
    variances = [p * (1 - p) * samples for p in pooled if 0 < p < 1]
    if not variances:
        return 0.0
    mean = sqrt(2 / pi) * sum(map(sqrt, variances))
    bound = len(variances) / max(1, len(variances) - 1)
    return (mean + 2 * sqrt((1 - 2 / pi) * bound * sum(variances))) / 2
