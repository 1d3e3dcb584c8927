"""What is known of the records of a finding and of a sample of the others."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary, sorted_distinct
from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.chance import MAX_CHANCE, bound_chance, holds
from datascan.scanner.small_records import MAX_SHARDS, choose_records, spread

Numbers = NDArray[np.int64]
Truths = NDArray[np.bool_]

MAX_SAMPLE = 4_096
"""The most records of a finding, and of the others, whose keys are compared."""


class Concerned(Struct, frozen=True, eq=False):
    """The records of one issue, and a sample of the others.

    ``positions``, int64 (n,), are those of all its records, ascending, and ``others``, int64 (m,),
    those of the sample, among the ``records`` of the dataset. ``compared`` are those positions
    whose keys are compared.
    """

    positions: Numbers
    compared: Numbers
    others: Numbers
    records: int

    @classmethod
    def of(cls, dataset: DatasetSummary, addresses: Numbers, *, seekable: bool) -> Concerned:
        """The records at ``addresses``, and a sample of the others, evenly spread.

        Unless the dataset is ``seekable``, records of at most 16 shards are compared.
        """
        positions = sorted_distinct(dataset.positions(addresses))
        sample = spread(dataset.records, MAX_SAMPLE)
        compared = positions
        if not seekable and len(dataset.counts) > MAX_SHARDS:
            sample = dataset.positions(choose_records(dataset))
            compared = keep_shards(dataset, positions)
        compared = compared[spread(len(compared), MAX_SAMPLE)]
        others = sample[~is_in(sample, positions)]
        return cls(positions, compared, others, dataset.records)

    @property
    def left(self) -> int:
        """The number of all other records."""
        return self.records - len(self.positions)

    def test(
        self,
        *,
        kind: str,
        text: str,
        mine: Truths,
        theirs: Truths,
        ways: float = 1.0,
    ) -> Candidate | None:
        """A pattern that ``mine`` records have, of those compared, and ``theirs`` of the others.

        None if it does not hold, holds for the others as well, or may be chance. ``ways``: how many
        such patterns there could be, besides those that are as frequent as this one.
        """
        found, compared = int(np.count_nonzero(mine)), len(mine)
        among, others = int(np.count_nonzero(theirs)), len(theirs)
        if not others:
            return None
        estimate = among * self.left / others * compared / len(self.positions)
        if not holds(found, compared, estimate, self.left * compared / len(self.positions)):
            return None
        all_found = found + among
        chance = bound_chance(found, compared, all_found, compared + others)
        # There are at most 1 / q patterns of one kind that a share q of the records has.
        if chance * ways * (compared + others) / all_found > MAX_CHANCE:
            return None
        share, rate = found / compared, among / others
        support = (share * len(self.positions) + rate * self.left) / self.records
        return Candidate(
            kind=kind,
            text=text,
            share=share,
            support=support,
            is_whole=compared == len(self.positions),
            matching=theirs,
        )


def is_in(values: Numbers, ascending: Numbers) -> Truths:
    """Which of ``values`` are among the ``ascending`` ones, bool (n,)."""
    places = np.searchsorted(ascending, values)
    places[places == len(ascending)] = 0
    return (
        np.asarray(ascending[places] == values) if len(ascending) else np.zeros(len(values), bool)
    )


def keep_shards(dataset: DatasetSummary, positions: Numbers, most: int = MAX_SHARDS) -> Numbers:
    """The positions in at most ``most`` shards, evenly spread over those that have any."""
    shards = np.searchsorted(dataset.starts, positions, side="right") - 1
    having = sorted_distinct(shards)
    return positions[is_in(shards, having[spread(len(having), most)])]
