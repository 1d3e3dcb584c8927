"""Places within a record: the bad values of a finding are in one column, channel or field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, prod

import numpy as np

from datascan.checks.constant_feature import find_channel_axis
from datascan.report.examples import MIN_RECORDS
from datascan.report.patterns.candidate import Candidate
from datascan.report.patterns.chance import MAX_CHANCE, MIN_SHARE, bound_repeated
from datascan.report.patterns.places import AxisPlaces, FoundPlaces, RecordPlaces

MAX_NAMED = 3
"""The most columns that are named one by one."""

RARE = 0.05
"""A further column is named if it has the bad values of this share of the records."""

WIDEST = 0.5
"""A range of columns is said if it has at most this share of them."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some of the ``length`` indices of an axis: those listed, or all from first to last."""

    axis: int
    length: int
    indices: tuple[int, ...]
    is_range: bool
    share: float

    @property
    def width(self) -> int:
        """The number of indices."""
        return self.indices[-1] - self.indices[0] + 1 if self.is_range else len(self.indices)

    def has(self, places: AxisPlaces) -> bool:
        """Whether all bad values of a record are within the span."""
        if self.is_range:
            return self.indices[0] <= places.first and places.last <= self.indices[-1]
        return places.listed is not None and set(places.listed) <= set(self.indices)


def find_values(found: FoundPlaces, records: int) -> Iterator[Candidate]:
    """Patterns in the places of bad values, which were read for some of a finding's ``records``."""
    by_record: dict[int, list[RecordPlaces]] = {}
    for place in found.records:
        by_record.setdefault(place.address, []).append(place)
    whole = len(by_record) == records
    if len(by_record) < MIN_RECORDS:
        return
    alone = [places[0] for places in by_record.values() if len(places) == 1]
    columns = Counter(place.column for place in alone)
    if not columns:
        return
    (name, count), *_ = columns.most_common(1)
    share = count / len(by_record)
    if share < MIN_SHARE:
        return
    inside = [place for place in alone if place.column == name]
    fields = len(found.columns)
    if fields > 1 and is_said(1 / fields, count, len(by_record), log(fields)):
        yield candidate("field", f"in field {name}", share, whole=whole)
    yield from find_spans(inside, len(by_record), whole=whole)


def candidate(kind: str, text: str, share: float, *, whole: bool) -> Candidate:
    """A pattern within records, which the other records do not have: their values are good."""
    nothing = np.empty(0, np.bool_)
    return Candidate(
        kind=kind, text=text, share=share, support=0.0, is_whole=whole, matching=nothing
    )


def is_said(rate: float, found: int, drawn: int, log_ways: float) -> bool:
    """Whether a place of this ``rate`` among all is not chance; ``log_ways``: of how many."""
    chance = bound_repeated(rate, found, drawn)
    return bool(chance == 0 or log(chance) + log_ways <= log(MAX_CHANCE))


def find_spans(inside: Sequence[RecordPlaces], records: int, *, whole: bool) -> Iterator[Candidate]:
    """The columns, channels or lines in which the bad values are; or that all values are bad."""
    sizes = [prod(place.shape) for place in inside]
    full = sum(place.count == size > 1 for place, size in zip(inside, sizes, strict=True))
    rate = sum(place.count for place in inside) / sum(sizes)
    # If nearly all values are bad, they may be all that some records have.
    is_chance = full < records and not is_said(rate ** min(sizes), full, records, 0.0)
    if full >= MIN_SHARE * records and not is_chance:
        yield candidate("values", "in every value", full / records, whole=whole)
        return
    dimensions = Counter(len(place.shape) for place in inside)
    (ndim, _), *_ = dimensions.most_common(1)
    same = [place for place in inside if len(place.shape) == ndim]
    spans = [span for axis in range(ndim) if (span := find_span(same, axis, records)) is not None]
    narrow = sorted(spans, key=lambda span: span.width / span.length)[:2]
    for span in sorted(narrow, key=lambda span: span.axis):
        text = describe_span(span, same[0].shape)
        yield candidate("values", f"in {text}", span.share, whole=whole)


def find_span(same: Sequence[RecordPlaces], axis: int, records: int) -> Span | None:
    """The few indices, or the range, of an axis that has the bad values of 90% of the records."""
    (length, _), *_ = Counter(place.shape[axis] for place in same).most_common(1)
    places = [place.axes[axis] for place in same if place.shape[axis] == length]
    if length < 2 or len(places) < MIN_SHARE * records:
        return None
    return best_span(places, axis, length, records)


def best_span(places: Sequence[AxisPlaces], axis: int, length: int, records: int) -> Span | None:
    """The first of the possible spans that holds and is not chance."""
    for indices, is_range in options(places):
        span = Span(axis, length, indices, is_range, 0.0)
        count = sum(span.has(one) for one in places)
        rate = span.width / length
        if rate > WIDEST or count < MIN_SHARE * records:
            continue
        ways = 2 * log(length) if is_range else span.width * log(length)
        if is_said(rate, count, records, ways):
            return Span(axis, length, indices, is_range, count / records)
    return None


def options(places: Sequence[AxisPlaces]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Spans that may hold: the most frequent indices, then ranges of all, then of most records."""
    frequent = Counter(one.listed for one in places if one.listed is not None)
    few: set[int] = set()
    covered = 0
    for listed, count in sorted(frequent.items(), key=lambda item: (-item[1], item[0])):
        is_rare = covered >= MIN_SHARE * len(places) and count < RARE * len(places)
        if is_rare or len(few | set(listed)) > MAX_NAMED:
            break
        few |= set(listed)
        covered += count
    if few:
        yield tuple(sorted(few)), False
    firsts, lasts = sorted(one.first for one in places), sorted(one.last for one in places)
    cut = int((1 - MIN_SHARE) / 2 * len(places))
    for skipped in dict.fromkeys((0, cut)):
        first, last = firsts[skipped], lasts[len(lasts) - 1 - skipped]
        if first < last:
            yield (first, last), True


def describe_span(span: Span, shape: tuple[int, ...]) -> str:
    """A span in words: "column 7", "channels 0 and 2", "the last 16 values"."""
    axes = [axis for axis, length in enumerate(shape) if length != 1]
    noun = name_axis(span.axis, axes, find_channel_axis(shape))
    first, last = span.indices[0], span.indices[-1]
    is_run = span.is_range or span.indices == tuple(range(first, last + 1))
    if is_run and span.width > 1 and len(axes) == 1:
        if first == 0:
            return f"the first {span.width:,} values"
        if last == span.length - 1:
            return f"the last {span.width:,} values"
    if len(axes) > 1 and noun == "row":
        return describe_row(span, first, last)
    if span.is_range and span.width > 1:
        return f"{noun}s {first:,} to {last:,}"
    *before, end = (f"{index:,}" for index in span.indices)
    if span.width == 1:
        return f"{noun} {first:,}"
    return f"{noun}s {', '.join(before)} and {end}"


def describe_row(span: Span, first: int, last: int) -> str:
    """Rows of a record, as opposed to rows of the dataset."""
    if span.width == 1:
        ends = {0: "the first row", span.length - 1: "the last row"}
        return f"{ends.get(first, f'row {first:,}')} of each record"
    if span.is_range:
        return f"rows {first:,} to {last:,} of each record"
    return f"rows {' and '.join(f'{index:,}' for index in span.indices)} of each record"


def name_axis(axis: int, axes: Sequence[int], channels: int | None) -> str:
    """What an index of an axis is called, among the ``axes`` that are longer than 1."""
    if axis == channels:
        return "channel"
    plain = [one for one in axes if one != channels]
    if axis == plain[-1]:
        return "column"
    return "row" if axis == plain[-2] else f"axis {axis} index"
