"""Faults that a process has caused which was writing to the dataset during the scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datascan.metrics.base import DatasetSummary, Flagged, TallyMap, metric_name
from datascan.metrics.faults import FaultTally, measure_faults
from datascan.readers.base import Reader
from datascan.records.shard import group_by_shard
from datascan.records.writer import Writer

RULE = "live-writer"


def settle_writer(reader: Reader, before: Any, dataset: DatasetSummary) -> DatasetSummary:
    """The dataset with its writer, if it has one, which is blamed for what it may have caused.

    ``before``: what the reader observed before it planned.
    """
    writer = reader.find_writer(before)
    if writer is None:
        return dataset
    name = metric_name(measure_faults)
    found = dataset.tallies.get(name)
    if found is None:
        return dataset if writer.by_record else replace(dataset, writer=writer)
    split = Split(reader, before, dataset, writer)
    for rule, tally in found.entries.items():
        split.add(rule, tally)
    if not split.is_affected:
        return dataset if writer.by_record else replace(dataset, writer=writer)
    tallies = {**dataset.tallies, name: TallyMap(split.entries())}
    return replace(dataset, tallies=tallies, writer=writer)


class Split:
    """Faults by rule, divided into those that the writer may have caused, and all others."""

    def __init__(
        self, reader: Reader, before: Any, dataset: DatasetSummary, writer: Writer
    ) -> None:
        self.reader, self.before, self.dataset, self.writer = reader, before, dataset, writer
        self.kept: dict[str, FaultTally] = {}
        self.details: dict[int, list[str]] = {}
        self.places: list[tuple[str, int]] = []

    @property
    def is_affected(self) -> bool:
        """Whether the writer may have caused any."""
        return bool(self.details or self.places)

    def add(self, rule: str, tally: FaultTally) -> None:
        """Divide the faults of a rule."""
        if rule not in self.writer.rules:
            self.kept[rule] = tally
            return
        addresses, facts = tally.records.addresses.array, tally.records.facts.array
        changed = self._were_changed(addresses)
        for address, fact in zip(addresses[changed].tolist(), facts[changed], strict=True):
            self.details.setdefault(address, []).append(str(fact))
        locations = tally.locations if self.writer.by_record else ()
        if not self.writer.by_record:
            self.places += tally.locations
        if len(addresses) > changed.sum() or locations:
            rest = Flagged.of(addresses[~changed], facts[~changed])
            self.kept[rule] = FaultTally(rest, locations)

    def entries(self) -> Mapping[str, FaultTally]:
        """All faults by rule; those of the writer are under a rule of their own."""
        addresses = np.array(sorted(self.details), np.int64)
        facts = np.empty(len(addresses), object)
        facts[:] = ["; ".join(self.details[address]) for address in addresses.tolist()]
        blamed = FaultTally(Flagged.of(addresses, facts), tuple(self.places))
        return {**self.kept, RULE: blamed}

    def _were_changed(self, addresses: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each record may have been changed, bool (n,)."""
        changed = np.ones(len(addresses), np.bool_)
        if self.writer.by_record:
            for group in group_by_shard(addresses):
                shard = self.dataset.plan.shards[group.shard]
                rows = group.rows.tolist()
                changed[group.positions] = self.reader.were_changed(shard, rows, self.before)
        return changed
