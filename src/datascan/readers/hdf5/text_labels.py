"""Text labels: each distinct text is a class, with the same number in all files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.readers.hdf5.files import decode_name
from datascan.readers.hdf5.inventory import DatasetInfo
from datascan.readers.hdf5.references import RootFile
from datascan.readers.hdf5.rows import OpenDataset
from datascan.records.block import Labels

INTEGER = re.compile(rb"[+-]?[0-9]{1,18}")
ROWS_PER_STEP, BYTES_PER_STEP = 1 << 16, 1 << 24
MAX_TEXTS, MAX_TEXTS_BYTES = 1 << 22, 1 << 28
"""How many class names there may be, and how long all of them together."""


class TextLabels(Struct, frozen=True):
    """The numbers of labels. ``names``: the class names, empty if all labels are integers."""

    numbers: Mapping[bytes, int] = {}
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[bytes]) -> TextLabels:
        """Number the labels: by their own value if all are integers, else in sorted order."""
        labels = sorted(set(texts) - {b""})
        if all(INTEGER.fullmatch(label) for label in labels):
            return cls({label: int(label) for label in labels})
        return cls({label: i for i, label in enumerate(labels)}, tuple(map(decode_name, labels)))

    def make_labels(
        self, texts: NDArray[Any] | None, rows: NDArray[np.int64], records: int
    ) -> Labels:
        """Labels of ``records`` records. Only ``rows`` have ``texts``; an empty one is missing."""
        values = np.zeros(records, np.int64)
        present = np.zeros(records, np.bool_)
        for row, text in zip(rows.tolist(), () if texts is None else texts.tolist(), strict=True):
            present[row] = text in self.numbers
            values[row] = self.numbers.get(text, 0)
        return Labels(values, present)


def read_text_labels(root: RootFile, info: DatasetInfo, limit: int | None) -> set[bytes]:
    """The distinct readable texts of a dataset, or of its first ``limit`` rows.

    Raises:
        ValueError: if there are too many.
    """
    rows = info.rows if limit is None else min(limit, info.rows)
    dataset = OpenDataset(root, root.open(info.path), info)
    texts: set[bytes] = set()
    step = max(1, min(ROWS_PER_STEP, BYTES_PER_STEP // max(1, info.record_bytes)))
    for first in range(0, rows, step):
        for part in dataset.read(first, min(first + step, rows)):
            if part.values is not None:
                texts.update(part.array.tolist())
        if len(texts) > MAX_TEXTS or sum(map(len, texts)) > MAX_TEXTS_BYTES:
            raise ValueError(f"it has more than {len(texts):,} different texts")
    return texts
