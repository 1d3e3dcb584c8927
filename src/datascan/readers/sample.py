"""Which records a sample has: blocks of neighbours, spread evenly over the dataset."""

from __future__ import annotations

MAX_BLOCKS = 512
"""The most blocks of a sample: each is read by itself, and a block of neighbours costs little more
than its first record."""

Spans = list[tuple[int, int]]
"""Ranges of indices of records, first <= index < stop, ascending."""


def sample_spans(sample: int | None, total: int, most: int = MAX_BLOCKS) -> Spans | None:
    """The blocks of a sample of ``sample`` of ``total`` records; None for all of them.

    There are at most ``most`` blocks. The gaps between them are equal, and those before the first
    and after the last are half as long. The blocks depend on the numbers alone.
    """
    if sample is None or sample >= total:
        return None
    blocks = min(sample, most)
    left_out = total - sample
    spans: Spans = []
    for block in range(blocks):
        taken, next_taken = block * sample // blocks, (block + 1) * sample // blocks
        first = taken + (2 * block + 1) * left_out // (2 * blocks)
        spans.append((first, first + next_taken - taken))
    return spans
