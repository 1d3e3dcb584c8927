"""Which known name a misspelt one means: strict, since forks of Caffe have many similar names."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

MAX_NAME = 100
"""Longer names are not compared."""

TINY, SHORT, LONG = 3, 5, 9
"""Fields, and messages and types, of this length may differ by one change; all others by two."""

PARAM = "_param"


@lru_cache(maxsize=1000)
def count_changes(left: str, right: str) -> int:
    """How many letters to insert, drop, replace or exchange with their neighbour.

    Optimal string alignment: Damerau's distance without overlapping changes.
    """
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        below = [i]
        for j, other in enumerate(right, 1):
            cost = min(row[j] + 1, below[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            below.append(cost)
        before, row = row, below
    return row[-1]


def find_misspelt(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``name`` is a slip of; None if it is not one.

    The same letters in another case or with other underscores are a slip, as is one change in a
    field of three letters, or in a type of five, or two in one of nine; in a type of four, only a
    letter doubled or two exchanged. Names that differ in a digit, or in their first
    letter, are taken for names of their own (ReLU6, Flip), as are those of another axis.
    """
    if not name or len(name) > MAX_NAME:
        return None
    # Nearly all names are ruled out by their first letter, which saves most of the time.
    first = name[0].lower()
    known = [other for other in known if other[0].lower() == first]
    best: tuple[int, str] | None = None
    for other in sorted(known):
        if name == other or are_siblings(name, other):
            continue
        both_messages = name.endswith(PARAM) and other.endswith(PARAM)
        end = PARAM if both_messages else ""
        # Forks name many layers like those of Caffe, but hardly any scalar fields.
        is_scalar = not end and other.islower()
        changes = count_slips(strip(name, end), strip(other, end), TINY if is_scalar else SHORT)
        if changes is not None and (best is None or changes < best[0]):
            best = changes, other
    return best[1] if best else None


def are_siblings(name: str, other: str) -> bool:
    """Whether two names differ by design: kernel_d and kernel_h, dilation and dilation_h."""
    if name.startswith(f"{other}_") or other.startswith(f"{name}_"):
        return True
    (head, _, tail), (other_head, _, other_tail) = name.rpartition("_"), other.rpartition("_")
    return bool(head) and head == other_head and len(tail) == len(other_tail) == 1


def strip(name: str, end: str) -> str:
    """The letters that count: without case, underscores and an ending that both names share."""
    return name.removesuffix(end).lower().replace("_", "")


def count_slips(name: str, other: str, short: int) -> int | None:
    """How many changes make ``other`` of ``name``; None if they are too many for a slip.

    A name of ``short`` letters may have one.
    """
    if name == other:
        return 0
    shorter = min(len(name), len(other))
    known = shorter if short == SHORT else len(other)
    allowed = (known >= short) + (shorter >= LONG)
    if shorter == SHORT - 1 and (is_doubled(name, other) or is_swapped(name, other)):
        return 1
    if not allowed or abs(len(name) - len(other)) > allowed or name[:1] != other[:1]:
        return None
    if digits_of(name) != digits_of(other):
        return None
    changes = count_changes(name, other)
    return changes if changes <= allowed else None


def is_doubled(name: str, other: str) -> bool:
    """Whether a letter is doubled in only one of two names: gama and gamma."""
    longer, shorter = sorted((name, other), key=len, reverse=True)
    return len(longer) == len(shorter) + 1 and any(
        longer[i] == longer[i - 1] and longer[:i] + longer[i + 1 :] == shorter
        for i in range(2, len(longer))
    )


def is_swapped(name: str, other: str) -> bool:
    """Whether two neighbouring letters after the first one are exchanged: tpye and type."""
    swapped = (name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(1, len(name) - 1))
    return other in swapped


def digits_of(name: str) -> str:
    """The digits of a name."""
    return "".join(letter for letter in name if letter.isdigit())
