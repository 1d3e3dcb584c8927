"""What a judgement is about besides records that have keys: places, classes, features, numbers.

A baseline accepts a judgement subject by subject, so there is one for every part of it, also for
those that are not shown. Where there are very many, one stands for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

MOST_SUBJECTS = 1000
"""More parts of a judgement than this are one subject: it changes if any of them does."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A part of what a judgement says.

    ``name`` is the same as long as it is the same fault, and holds the numbers that were found.
    ``detail`` is what people read of it, "" where the message says it already; ``records`` are
    those that it costs, beyond the records that have keys.
    """

    name: str
    detail: str = ""
    records: int = 0


def subjects_told(details: Iterable[str], count: int, *whole: bytes) -> tuple[Subject, ...]:
    """A subject for each of ``count`` details.

    More than :data:`MOST_SUBJECTS` are one, known by their number and a hash of ``whole``, from
    which they all follow; of ``details`` no more than that are drawn.
    """
    if count <= MOST_SUBJECTS:
        return tuple(Subject(detail, detail) for detail in islice(details, count))
    return (Subject(many(count, *whole)),)


def many(count: int, *whole: bytes) -> str:
    """A name for ``count`` parts that follow from ``whole``."""
    digest = hashlib.sha256()
    for part in whole:
        digest.update(len(part).to_bytes(8, "little") + part)
    return f"{count:,} in all, sha256 {digest.hexdigest()[:16]}"
