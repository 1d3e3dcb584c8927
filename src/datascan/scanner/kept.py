"""What earlier scans have kept, in a cache, in a checkpoint or in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import numpy as np

from datascan.executors.base import Progress
from datascan.readers.base import Reader
from datascan.records.shard import Plan
from datascan.scanner.result import CacheUse
from datascan.scanner.tasks import KeptShards, Metrics, NullCheckpoint, PartialResult


class KeptTogether:
    """Several places in which finished shards are saved, such as a cache and a checkpoint."""

    def __init__(self, places: Sequence[KeptShards]) -> None:
        self.places = places
        self.finished: dict[int, list[PartialResult]] = {}
        self.dates: Mapping[int, int] | None = None
        for place in places:
            self.finished |= place.finished
            if place.dates is not None:
                self.dates = place.dates

    def keep(self, shard: int, pieces: Sequence[PartialResult]) -> None:
        """Save a finished shard."""
        for place in self.places:
            place.keep(shard, pieces)

    def close(self) -> None:
        """Save no more shards."""
        for place in self.places:
            place.close()


@contextmanager
def kept_shards(
    reader: Reader, plan: Plan, metrics: Metrics, progress: Progress, began: int
) -> Iterator[KeptShards]:
    """The shards that earlier scans have saved, if the user wants them saved; closed at the end.

    ``began``: a time in ns before the dataset was planned.

    Raises:
        OutputError: if the user's checkpoint cannot be read or written.
    """
    run = reader.options.run
    places: list[KeptShards] = []
    if run.resume is not None:
        from datascan.scanner.checkpoint import open_checkpoint  # noqa: PLC0415  (rarely used)

        places.append(open_checkpoint(reader, plan, metrics, progress))
    if run.cache is not None:
        from datascan.scanner.cache.cached_parts import open_cache  # noqa: PLC0415  (rarely used)

        places.append(open_cache(reader, plan, metrics, progress, began))
    kept: KeptShards = NullCheckpoint()
    if places:
        kept = places[0] if len(places) == 1 else KeptTogether(places)
    with closing(kept):
        yield kept


def describe_use(total: PartialResult, kept: KeptShards) -> CacheUse | None:
    """How many parts of what was scanned were read, or not; None without a cache."""
    if kept.dates is None:
        return None
    parts = np.unique(total.shards.array).tolist()
    dates = [kept.dates[part] for part in parts if part in kept.dates]
    return CacheUse(len(parts) - len(dates), len(dates), min(dates, default=None))
