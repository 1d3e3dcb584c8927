"""Matches the classes of a dataset with the expected ones, by name or by number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import pi, sqrt

from msgspec import Struct

from datascan.config.expectations import Labels
from datascan.metrics.base import DatasetSummary
from datascan.metrics.labels import count_classes, format_class
from datascan.text import escape_surrogates


class ClassShare(Struct, frozen=True):
    """A class as shown to users, its share of the class labels, and the share expected."""

    label: str
    actual: float
    expected: float


def match_expected_names(dataset: DatasetSummary, expected: Labels) -> dict[int, str] | None:
    """The name in ``expected.shares`` of every label that is expected.

    Names are compared if the classes of both have names, otherwise numbers. None if ``expected``
    has names without numbers and the dataset has only numbers.
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


def compute_class_shares(
    dataset: DatasetSummary, expected: Labels, names: Mapping[int, str]
) -> tuple[ClassShare, ...]:
    """The shares of all classes that occur or are expected; expected classes first.

    The label that the net ignores is excluded from both.
    """
    targets, counts = dataset.options.check.targets, count_classes(dataset)
    total = sum(counts.values())
    ignored = None
    if targets is not None and targets.ignore_label is not None:
        ignored = names.get(targets.ignore_label)
    expected_shares = {name: s for name, s in (expected.shares or {}).items() if name != ignored}
    scale = sum(expected_shares.values()) or 1.0
    format_label = class_formatter(dataset, expected)
    known_counts = dict.fromkeys(expected_shares, 0)
    unexpected = []
    for label, count in counts.items():
        name = names.get(label)
        if name is None:
            unexpected.append(ClassShare(format_label(label, ""), count / total, 0.0))
        else:
            known_counts[name] = known_counts.get(name, 0) + count
    labels = {name: label for label, name in names.items()}
    known = (
        ClassShare(
            format_label(labels.get(name), name),
            count / total,
            expected_shares.get(name, 0.0) / scale,
        )
        for name, count in known_counts.items()
    )
    return (*known, *unexpected)


def class_formatter(dataset: DatasetSummary, expected: Labels) -> Callable[[int | None, str], str]:
    """A function that formats a class, given its label here (if any) and expected name (or "").

    It gives the name if names are compared, otherwise the number, with a name if either side has
    one.
    """
    own = dataset.plan.class_names
    if not expected.named:
        return lambda label, name: name if label is None else format_class(dataset, label)
    if own:
        own_names = dict(enumerate(own))
        return lambda label, name: name or own_names.get(-1 if label is None else label, f"{label}")
    return lambda label, name: f"{label} ({name})" if name else f"{label}"


def estimate_chance_distance(
    shares: tuple[ClassShare, ...], actual: int, expected: int | None
) -> float:
    """The distance that chance alone exceeds in about one of twenty comparisons.

    It compares two samples of the same classes, of ``actual`` and ``expected`` records. The
    difference of the shares of one class is about normal, with variance
    p (1 - p) (1/actual + 1/expected), where p is its share in both samples together; the mean
    of its absolute value is sqrt(2 / pi) times its standard deviation. The distance is half the
    sum of the absolute values. Two standard deviations of that sum are added, with a factor
    k / (k - 1) for the variance because the k differences add up to 0. Without ``expected`` the
    expected shares are taken as exact.
    """
    weight = expected / (actual + expected) if expected else 1.0
    samples = 1 / actual + (1 / expected if expected else 0.0)
    pooled = [weight * share.expected + (1 - weight) * share.actual for share in shares]
    variances = [p * (1 - p) * samples for p in pooled if 0 < p < 1]
    if not variances:
        return 0.0
    mean = sqrt(2 / pi) * sum(map(sqrt, variances))
    bound = len(variances) / max(1, len(variances) - 1)
    return (mean + 2 * sqrt((1 - 2 / pi) * bound * sum(variances))) / 2
