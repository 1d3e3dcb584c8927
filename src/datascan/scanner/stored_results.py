"""What was measured in a shard, as bytes for a checkpoint, and back.

The metrics of the scan say which types are expected, and in which order; the bytes do not name
them. Whoever wrote the bytes can choose numbers and texts, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from datascan.metrics.base import Concatenated, Flagged, TallyMap
from datascan.metrics.duplicates import FingerprintTally
from datascan.metrics.faults import FaultTally
from datascan.metrics.labels import LabelTally
from datascan.metrics.shapes import ShapeTally
from datascan.plugins import describe_error
from datascan.records.block import Block
from datascan.records.shard import join_addresses
from datascan.scanner.forms import (
    SCALARS,
    DamagedError,
    Form,
    StoredArray,
    UnstorableError,
    make_form,
)
from datascan.scanner.guard import GuardedMetric, GuardedTally
from datascan.scanner.tasks import Metrics, PartialResult

DAMAGE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
"""What decoding raises for bytes that are not a result."""

MAX_RECORDS = 1 << 32
"""A shard has fewer records, since their addresses have 32 bits for the row."""


class ResultForms:
    """How the results of the ``shards`` shards of one scan are stored.

    Raises:
        UnstorableError: if the tallies of a metric cannot be stored; the message names it.
    """

    def __init__(self, metrics: Metrics, shards: int) -> None:
        self.shards = shards
        self.forms = {name: make_tally_form(name, metric) for name, metric in metrics.items()}
        tallies: Any = tuple[tuple(f.wire | None for f in self.forms.values())]  # type: ignore[misc]
        piece: Any = tuple[StoredArray, StoredArray, int, tallies]
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(
            tuple[int, list[piece]]
        )
        self._encoder = msgspec.msgpack.Encoder()

    def encode(self, shard: int, pieces: Sequence[PartialResult]) -> bytes:
        """The results of the parts of a shard.

        Raises:
            UnstorableError: if a tally is not of the type that its metric declares.
        """
        return self._encoder.encode((shard, [self._encode_piece(piece) for piece in pieces]))

    def decode(self, octets: bytes) -> tuple[int, list[PartialResult]]:
        """The number of a shard, and the results of its parts.

        Raises:
            DamagedError: if the bytes are not the results of this scan's metrics.
        """
        try:
            shard, stored = self._decoder.decode(octets)
            demand(0 <= shard < self.shards and len(stored) > 0, "a shard does not exist")
            pieces = [self._decode_piece(shard, piece) for piece in stored]
            check_pieces(shard, pieces)
        except DAMAGE as error:
            raise DamagedError(str(error)) from error
        return shard, pieces

    def _encode_piece(self, piece: PartialResult) -> tuple[Any, ...]:
        number = SCALARS[Concatenated].encode
        entries = piece.tallies.entries
        tallies = [
            None if entries.get(name) is None else form.encode(entries[name])
            for name, form in self.forms.items()
        ]
        return number(piece.shards), number(piece.records), int(piece.nbytes), tallies

    def _decode_piece(self, shard: int, stored: Sequence[Any]) -> PartialResult:
        shards, records = map(SCALARS[Concatenated].decode, stored[:2])
        for array in (shards.array, records.array):
            demand(array.ndim == 1 and array.dtype == np.int64, "a part has no number")
        demand(bool((shards.array == shard).all()), "a part is of another shard")
        demand(len(shards.array) == len(records.array) > 0, "the parts do not match")
        counts = records.array.tolist()
        demand(min(counts) >= 0 and sum(counts) < MAX_RECORDS, "a number of records is impossible")
        demand(stored[2] >= 0, "a number of bytes is impossible")
        found = zip(self.forms.items(), stored[3], strict=True)
        tallies = {name: form.decode(t) for (name, form), t in found if t is not None}
        return PartialResult(shards, records, stored[2], TallyMap(tallies))


def make_tally_form(name: str, metric: Callable[[Block], Any]) -> Form:
    """The form of the tallies of a metric, by the type that it is declared to return."""
    guarded = isinstance(metric, GuardedMetric)
    measure = metric.measure if isinstance(metric, GuardedMetric) else metric
    try:
        declared = get_type_hints(measure).get("return", Any)
        kinds = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
        form = make_form(Union[tuple(kind for kind in kinds if kind is not NoneType)])  # noqa: UP007
    except (UnstorableError, NameError, TypeError, RecursionError) as error:
        raise UnstorableError(f"the result of {name} cannot be stored: {error}") from error
    return make_guarded_form(form) if guarded else form


def make_guarded_form(form: Form) -> Form:
    """The form of the tallies of another package's check, or of its error."""
    text = SCALARS[str]

    def encode(guarded: GuardedTally) -> tuple[Any, Any]:
        error = None if guarded.error is None else text.encode(guarded.error)
        return None if guarded.value is None else form.encode(guarded.value), error

    def decode(stored: tuple[Any, Any]) -> GuardedTally:
        value, error = stored
        try:
            tally = None if value is None else form.decode(value)
        except Exception as raised:  # the code of others may raise anything
            raise DamagedError(describe_error(raised)) from raised
        return GuardedTally(tally, None if error is None else text.decode(error))

    wire: Any = form.wire
    return Form(tuple[wire | None, bytes | None], encode, decode)


def demand(holds: bool, why: str) -> None:  # noqa: FBT001
    """Raise :class:`DamagedError` unless a condition holds."""
    if not holds:
        raise DamagedError(why)


def check_pieces(shard: int, pieces: Sequence[PartialResult]) -> None:
    """Raise :class:`DamagedError` if tallies contradict the numbers of records."""
    total = sum(int(piece.records.array.sum()) for piece in pieces)
    start = int(join_addresses(np.array([shard]), np.array([0]))[0])
    check_address = partial(check_addresses, start, start + total)
    for piece in pieces:
        records = int(piece.records.array.sum())
        for tally in iter_tallies(piece.tallies.entries):
            check_tally(tally, records, check_address)


def iter_tallies(entries: Mapping[Any, Any]) -> Iterator[Any]:
    """All tallies, also those in maps."""
    for tally in entries.values():
        if isinstance(tally, GuardedTally):
            continue
        if isinstance(tally, TallyMap):
            yield from iter_tallies(tally.entries)
        else:
            yield tally


def check_addresses(start: int, stop: int, addresses: Concatenated) -> None:
    """Raise :class:`DamagedError` unless all addresses are those of records of a shard."""
    array = addresses.array
    demand(array.ndim == 1 and array.dtype == np.int64, "addresses are not numbers")
    inside = bool(((array >= start) & (array < stop)).all())
    demand(inside, "an address is not in its shard")


def check_tally(tally: Any, records: int, check: Callable[[Concatenated], None]) -> None:
    """Raise :class:`DamagedError` if a tally contradicts the number of records of its part."""
    if isinstance(tally, FaultTally):
        check_tally(tally.records, records, check)
        demand(tally.records.facts.array.dtype == object, "a fault has no text")
    elif isinstance(tally, Flagged):
        check(tally.addresses)
        demand(len(tally.facts.array) == len(tally.addresses.array), "facts do not match")
    elif isinstance(tally, LabelTally):
        check(tally.unlabeled)
        values, present = tally.values.array, tally.present.array
        demand(values.shape == present.shape == (records,), "labels do not match the records")
        demand(values.dtype != object and present.dtype == bool, "labels are not numbers")
    elif isinstance(tally, FingerprintTally):
        prints = tally.fingerprints.array
        demand(
            prints.shape == (records,) and prints.dtype == np.uint64, "fingerprints do not match"
        )
    elif isinstance(tally, ShapeTally):
        check_runs(tally, check)


def check_runs(tally: ShapeTally, check: Callable[[Concatenated], None]) -> None:
    """Raise :class:`DamagedError` if runs of records are not in their shard."""
    runs = tally.runs.array
    demand(runs.ndim == 2 and runs.shape[1:] == (3,) and runs.dtype == np.int64, "no runs")
    kinds, first, lengths = runs.T
    demand(bool(((kinds >= 0) & (kinds < len(tally.kinds))).all()), "a run has no kind")
    demand(bool(((lengths > 0) & (lengths < MAX_RECORDS)).all()), "a run has no records")
    check(Concatenated((first,)))
    check(Concatenated((first + lengths - 1,)))
