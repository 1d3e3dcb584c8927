"""Labels of a list as text: numbers, or names of classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(
    r"[+-]?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
"""Stricter than Python's float(): 1_0 is a name."""

LEADING_INTEGER = re.compile(r"[+-]?[0-9]+")
MAX_DIGITS = 9
"""The result of atoi() is undefined for more digits."""

MAX_SHOWN = 60


class ParsedLabels(Struct, frozen=True, eq=False):
    """The labels of a list, one per line.

    ``values``, int64 or float64 (n,), and ``present``, bool (n,), are None if no line has a
    label. ``names``: the names of classes 0, 1, ... if labels are names. ``bad_labels``: by line,
    labels that are not numbers although most are; these are not ``present``.
    """

    values: NDArray[Any] | None = None
    present: NDArray[np.bool_] | None = None
    names: tuple[str, ...] = ()
    bad_labels: dict[int, str] = {}


def parse_labels(words: Sequence[str]) -> ParsedLabels:
    """Parse labels ("" is a missing one): as numbers if at least half of them are, else as names.

    Numbers keep their values; names are numbered by code point order.
    """
    labeled = [i for i, word in enumerate(words) if word]
    if not labeled:
        return ParsedLabels()
    present = np.array([bool(word) for word in words])
    bad_labels = {i: words[i] for i in labeled if not NUMBER.fullmatch(words[i])}
    if 2 * len(bad_labels) > len(labeled):
        names = sorted({words[i] for i in labeled})
        numbers = {name: i for i, name in enumerate(names)}
        return ParsedLabels(
            np.array([numbers.get(word, 0) for word in words], np.int64), present, (*names,)
        )
    present[list(bad_labels)] = False
    texts = [word if known else "0" for word, known in zip(words, present.tolist(), strict=True)]
    if all(INTEGER.fullmatch(text) for text in texts):
        values: NDArray[Any] = np.array([int(text) for text in texts], np.int64)
    else:
        values = np.array([float(text) for text in texts])
    return ParsedLabels(values, present, bad_labels=bad_labels)


def describe_bad_label(word: str) -> str:
    """What is wrong with a label among numbers, and what Caffe reads, which uses C's atoi()."""
    shown = word if len(word) <= MAX_SHOWN else word[:MAX_SHOWN] + "..."
    text = f"label {shown!r} is not a number"
    match = LEADING_INTEGER.match(word)
    digits = match[0] if match else "0"
    return f"{text}; Caffe reads it as {int(digits)}" if len(digits) <= MAX_DIGITS else text
