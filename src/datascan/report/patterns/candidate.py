"""Patterns that hold, and which of them are said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.report.figures import Pattern
from datascan.text import escape_surrogates

KINDS = (
    "field",
    "values",
    "file",
    "folder",
    "class",
    "keys",
    "rows",
    "extension",
    "camera",
    "date",
    "changed",
)
"""In the order in which they are said; of two that say the same, the first is said."""

SAME = 1.5
"""Patterns say the same if they hold for about as many records, up to this factor."""

MIN_NARROWED = 10
"""This many of the others must have a pattern to see whether another one narrows it down."""


class Candidate(Struct, frozen=True, eq=False, kw_only=True):
    """A pattern that holds for a ``share`` of a finding's records.

    ``support`` is the share of all records of the dataset for which it holds; ``is_whole`` whether
    all records of the finding were compared. ``matching``, bool (m,): for which of a sample of the
    other records it holds.
    """

    kind: str
    text: str
    share: float
    support: float
    is_whole: bool
    matching: NDArray[np.bool_]


def choose_said(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The narrowest of the ``candidates``, and one that narrows it down."""
    if not candidates:
        return []
    ordered = sorted(candidates, key=lambda one: KINDS.index(one.kind))
    narrowest = min(one.support for one in ordered)
    first = next(one for one in ordered if one.support <= SAME * narrowest)
    inside = np.count_nonzero(first.matching)
    if inside < MIN_NARROWED:
        return [first]
    for other in ordered:
        if len(other.matching) != len(first.matching):
            continue  # another sample
        both = np.count_nonzero(first.matching & other.matching)
        if other is not first and 2 * both <= inside:
            return sorted([first, other], key=lambda one: KINDS.index(one.kind))
    return [first]


def describe(said: Sequence[Pattern], wholes: Sequence[bool]) -> str:
    """Patterns as a phrase: "all in column 7, rows 20,000 to 22,999; 96% of class 3 (dog)"."""
    pairs = zip(said, wholes, strict=True)
    shares = ((describe_share(one.share, whole), one.text) for one, whole in pairs)
    return "; ".join(
        f"{share} {', '.join(join_texts([text for _, text in same]))}"
        for share, same in groupby(shares, key=lambda pair: pair[0])
    )


def describe_share(share: float, whole: bool) -> str:  # noqa: FBT001  (one of a pair)
    """A share in words."""
    if share == 1:
        return "all" if whole else "nearly all"
    return f"{int(share * 100)}%"


def join_texts(texts: Sequence[str]) -> Iterator[str]:
    """Texts without the "in" of all but the first."""
    for place, text in enumerate(texts):
        yield text.removeprefix("in ") if place and texts[0].startswith("in ") else text


def to_pattern(one: Candidate) -> Pattern:
    """A candidate as reports have it."""
    return Pattern(kind=one.kind, text=escape_surrogates(one.text), share=round(one.share, 4))
