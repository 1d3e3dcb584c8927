"""Every bad record, not a sample: JSON Lines, one object per record and rule."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from datascan.model import ROW_BITS, Judgement
from datascan.reporting import shown
from datascan.scanning import Scanned


def lines(scanned: Scanned) -> Iterator[str]:
    """The lines, by index, then errors first, then by rule.

    Keys are looked up shard by shard, so that no more than one shard's keys are held.
    """
    judged = [j for j in sorted(scanned.judgements, key=rule_order) if j.flagged is not None]
    flagged = [j.flagged.addresses.array for j in judged if j.flagged is not None]
    if not flagged:
        return
    addresses = np.concatenate(flagged)
    source = np.repeat(np.arange(len(judged)), [len(part) for part in flagged])
    place = np.concatenate([np.arange(len(part)) for part in flagged])
    order = np.lexsort((source, addresses))
    shards = addresses[order] >> ROW_BITS
    edges = np.flatnonzero(np.diff(shards, prepend=-1, append=-1))
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield from shard_lines(scanned, judged, addresses, (source, place), order[start:end])


def rule_order(judgement: Judgement) -> tuple[int, str]:
    """Errors first, then by rule."""
    return -judgement.severity.rank, judgement.rule


def shard_lines(
    scanned: Scanned,
    judged: list[Judgement],
    addresses: np.ndarray[tuple[int], np.dtype[np.int64]],
    origin: tuple[np.ndarray[tuple[int], np.dtype[np.int64]], ...],
    chosen: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Iterator[str]:
    """The lines of one shard's records."""
    here = addresses[chosen]
    unique, which = np.unique(here, return_inverse=True)
    shard = scanned.dataset.plan.shards[int(here[0]) >> ROW_BITS]
    keys = scanned.reader.keys(shard, (unique & ((1 << ROW_BITS) - 1)).tolist())
    indices = scanned.dataset.indices(unique).tolist()
    source, place = (column[chosen].tolist() for column in origin)
    for at, number, row in zip(which.tolist(), source, place, strict=True):
        judgement = judged[number]
        assert judgement.flagged is not None  # noqa: S101  (only such judgements are passed)
        line = {
            "index": indices[at],
            "key": shown(keys[at]),
            "rule": judgement.rule,
            "severity": judgement.severity.value,
            "detail": judgement.describe(judgement.flagged.facts.array[row]),
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"
