"""Labels from the words of a list: numbers, or names of classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
"""Not all that Python takes for a number: 1_0 is a name."""

LEADING = re.compile(r"[+-]?[0-9]+")
MAX_DIGITS = 9
"""What atoi makes of more is not defined."""

LONG = 60


@dataclass(frozen=True, eq=False)
class ParsedLabels:
    """Labels as a list has them, one a line.

    ``values``, int64 or float64 (n,), and ``present``, bool (n,), are None where no line has a
    label. ``names`` are those of the classes 0, 1, ... where labels are names. ``odd``: by line,
    the words that are no numbers where the labels are numbers; these are not ``present``.
    """

    values: NDArray[Any] | None = None
    present: NDArray[np.bool_] | None = None
    names: tuple[str, ...] = ()
    bad_labels: dict[int, str] = field(default_factory=dict)


def parse_labels(words: Sequence[str]) -> ParsedLabels:
    """Labels from words, "" for none: numbers where at least half of them are, else names.

    Numbers keep their values; names are numbered in the order of their code points.
    """
    given = [i for i, word in enumerate(words) if word]
    if not given:
        return ParsedLabels()
    present = np.array([bool(word) for word in words])
    odd = {i: words[i] for i in given if not NUMBER.fullmatch(words[i])}
    if 2 * len(odd) > len(given):
        names = sorted({words[i] for i in given})
        rank = {name: i for i, name in enumerate(names)}
        return ParsedLabels(
            np.array([rank.get(word, 0) for word in words], np.int64), present, (*names,)
        )
    present[list(odd)] = False
    told = [word if known else "0" for word, known in zip(words, present.tolist(), strict=True)]
    if all(WHOLE.fullmatch(word) for word in told):
        return ParsedLabels(np.array([int(word) for word in told], np.int64), present, (), odd)
    return ParsedLabels(np.array([float(word) for word in told]), present, (), odd)


def find_mistyped(word: str) -> str:
    """What is wrong with a word among numbers; Caffe reads it with C's atoi."""
    told = f"label {word if len(word) <= LONG else word[:LONG] + '...'!r} is no number"
    start = LEADING.match(word)
    digits = start[0] if start else "0"
    return f"{told}; Caffe reads it as {int(digits)}" if len(digits) <= MAX_DIGITS else told
