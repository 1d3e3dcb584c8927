"""What was measured in a shard, as bytes for a checkpoint, and back.

The metrics of the scan say which types are expected, and in which order; the bytes do not name
them. Whoever wrote the bytes can choose numbers and texts, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from datascan.metrics.base import Concatenated, TallyMap
from datascan.plugins import describe_error
from datascan.records.block import Block
from datascan.scanner.forms import (
    SCALARS,
    DamagedError,
    Form,
    StoredArray,
    UnstorableError,
    make_form,
)
from datascan.scanner.guard import GuardedMetric, GuardedTally
from datascan.scanner.possible_results import MAX_RECORDS, check_pieces, demand
from datascan.scanner.tasks import Metrics, PartialResult

DAMAGE = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)
"""What decoding raises for bytes that are not a result."""


class ResultForms:
    """How the results of the ``shards`` shards of one scan are stored.

    Raises:
        UnstorableError: if the tallies of a metric cannot be stored; the message names it.
    """

    def __init__(self, metrics: Metrics, shards: int) -> None:
        self.shards = shards
        self.forms = {name: make_tally_form(name, metric) for name, metric in metrics.items()}
        tallies: Any = tuple[tuple(f.wire | None for f in self.forms.values())]  # type: ignore[misc]  # types made at run time
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
        form = make_form(Union[tuple(kind for kind in kinds if kind is not NoneType)])  # noqa: UP007  (the kinds are known at run time only)
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
