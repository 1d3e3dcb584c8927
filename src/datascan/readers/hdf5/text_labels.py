"""Labels that are text: each word is a class, under a number that all files share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.readers.hdf5.files import legible
from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.missing_rows import open_dataset
from datascan.readers.hdf5.rows import OpenDataset
from datascan.records.block import Labels

WHOLE = re.compile(rb"[+-]?[0-9]{1,18}")
STEP = 1 << 16
"""Words are gathered from so many rows at a time."""


@dataclass(frozen=True, slots=True)
class TextLabels:
    """Numbers of words; ``names`` are the classes, none where all words are whole numbers."""

    numbers: Mapping[bytes, int] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, words: Iterable[bytes]) -> TextLabels:
        """Numbers for ``words``: their own, or their places in alphabetical order."""
        given = sorted(set(words) - {b""})
        if all(WHOLE.fullmatch(word) for word in given):
            return cls({word: int(word) for word in given})
        return cls({word: i for i, word in enumerate(given)}, tuple(map(legible, given)))

    def labels(self, words: NDArray[Any] | None, rows: NDArray[np.int64], records: int) -> Labels:
        """Labels of ``records``, of which ``rows`` have ``words``; an empty word is no label."""
        values = np.zeros(records, np.int64)
        present = np.zeros(records, np.bool_)
        for row, word in zip(rows.tolist(), () if words is None else words.tolist(), strict=True):
            present[row] = word in self.numbers
            values[row] = self.numbers.get(word, 0)
        return Labels(values, present)


def read_text_labels(file: Any, column: DatasetInfo, limit: int | None) -> set[bytes]:
    """The words of a column of text, or of its first ``limit`` rows, as far as it can be read."""
    rows = column.rows if limit is None else min(limit, column.rows)
    reading = OpenDataset(open_dataset(file, column.path), column)
    found: set[bytes] = set()
    for first in range(0, rows, STEP):
        for slab in reading.read(first, min(first + STEP, rows)):
            if slab.values is not None:
                found.update(slab.array.tolist())
    return found
