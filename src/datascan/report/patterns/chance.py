"""Whether a pattern may be chance: Fisher's exact test, corrected for how many were tried."""

from __future__ import annotations

from math import exp, lgamma, log

from datascan.report.examples import MIN_RECORDS

MIN_SHARE = 0.9
"""The share of a finding's records for which a pattern holds."""

RARER = 3
"""How many times rarer a pattern is among the others, unless half of all are in the finding."""

MAX_CHANCE = 1e-5
"""The probability of a pattern among records drawn at random, at most."""


def log_choose(total: int, chosen: int) -> float:
    """The logarithm of the binomial coefficient."""
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def bound_chance(matching: int, drawn: int, all_matching: int, total: int) -> float:
    """An upper bound of the probability that ``matching`` or more of ``drawn`` records match.

    They are drawn at random from ``total`` records, of which ``all_matching`` match: the tail of
    the hypergeometric distribution, bounded by a geometric series.
    """
    if matching * total <= drawn * all_matching:
        return 1.0
    others = total - all_matching
    log_first = (
        log_choose(all_matching, matching)
        + log_choose(others, drawn - matching)
        - log_choose(total, drawn)
    )
    left = (all_matching - matching) * (drawn - matching)
    ratio = left / ((matching + 1) * (others - drawn + matching + 1))
    return min(1.0, exp(min(0.0, log_first)) / (1 - ratio)) if ratio < 1 else 1.0


def bound_repeated(share: float, matching: int, drawn: int) -> float:
    """An upper bound of the probability that ``matching`` or more of ``drawn`` records match.

    Each matches with probability ``share``, by itself: the tail of the binomial distribution,
    bounded by a geometric series.
    """
    if share <= 0:
        return 0.0
    if matching <= drawn * share:
        return 1.0
    log_first = log_choose(drawn, matching) + matching * log(share)
    log_first += (drawn - matching) * log(1 - share)
    ratio = (drawn - matching) / (matching + 1) * share / (1 - share)
    return min(1.0, exp(min(0.0, log_first)) / (1 - ratio)) if ratio < 1 else 1.0


def holds(matching: int, drawn: int, others_matching: float, others: float) -> bool:
    """Whether a pattern holds for the records of a finding, and not for the others.

    ``matching`` of ``drawn`` records of the finding have it, ``others_matching`` of ``others``.
    """
    if drawn < MIN_RECORDS or matching < MIN_SHARE * drawn:
        return False
    return others_matching <= matching or matching * others >= RARER * others_matching * drawn
