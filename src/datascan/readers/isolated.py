"""A reader that plans and looks up keys in a worker process, with the limits of the options."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace as replace_in

from datascan.config.identity import DatasetIdentity
from datascan.decoders.base import Tracker
from datascan.executors.select import isolate
from datascan.plugins import Plugin
from datascan.plugins.external import LEFT_OUT
from datascan.readers.base import Reader
from datascan.records.block import Block, Fault
from datascan.records.shard import Plan, Shard
from datascan.text import escape_surrogates

PLANNED_BYTES = 1 << 20
"""Bytes of a dataset for which planning may take a second more than a record may.

Planning reads an index, at most, so a slow disk is not mistaken for a reader that hangs.
"""

BLOCK_BYTES = 512
"""The unit of ``st_blocks``."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call of a reader's method."""

    method: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the method returned, and what it changed in its process.

    After ``plan``, that is the reader. ``warned``: its warnings; ``left_out``: plug-ins that cannot
    be used. ``failure`` says why there is no result instead: "killed by SIGSEGV".
    """

    result: Any = None
    reader: Reader | None = None
    warned: tuple[tuple[type[Warning], str], ...] = ()
    left_out: dict[Plugin, str] = field(default_factory=dict)
    failure: str = ""


class IsolatedReader(Reader):
    """A reader whose ``plan``, ``keys`` and ``find_missing`` run in a worker process.

    The process starts with the first call and lives until the reader is closed. ``read`` and
    ``count_rows`` are called by executors, which have workers of their own. ``on_tick`` is called
    about ten times a second while ``plan`` runs, and may end it by an exception.
    """

    def __init__(self, reader: Reader, on_tick: Callable[[], None]) -> None:
        super().__init__(reader.paths, reader.options)
        self.reader = reader
        # Class variables of other readers, but this one has those of what it isolates.
        vars(self).update(
            name=reader.name, accepts_many=reader.accepts_many, is_seekable=reader.is_seekable
        )
        self._on_tick = on_tick
        self._is_planning = False
        self._workers = ExitStack()
        self._call: Callable[[Request], Answer] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_on_tick": None, "_workers": None, "_call": None}

    @property
    def identity(self) -> DatasetIdentity:
        """The dataset as a baseline knows it."""
        return self.reader.identity

    @classmethod
    def accepts(cls, path: Path) -> bool:  # noqa: ARG003
        """Always False: the reader that it isolates has been chosen already."""
        return False

    def plan(self) -> Plan:
        """The plan of the reader; without shards, and with the reason as a fault, if it fails."""
        self._is_planning = True
        try:
            answer = self._ask(Request("plan"))
        finally:
            self._is_planning = False
        if answer.failure:
            why = f"{self.path} could not be planned: {answer.failure}"
            fault = Fault(None, "reader-crash", escape_surrogates(why))
            return Plan(shards=(), layout="unknown", nbytes=0, faults=(fault,))
        plan: Plan = answer.result
        return plan

    def read(self, shard: Shard, track: Tracker, *, decode: bool = True) -> Iterator[Block]:
        """The blocks of the reader, in this process."""
        return self.reader.read(shard, track, decode=decode)

    def keys(self, shard: Shard, rows: Sequence[int]) -> list[str]:
        """The keys of the reader; "?" if they cannot be looked up."""
        answer = self._ask(Request("keys", (shard, rows)))
        return ["?"] * len(rows) if answer.failure else list(answer.result)

    def count_rows(self, shard: Shard, track: Tracker) -> int:
        """The count of the reader, in this process."""
        return self.reader.count_rows(shard, track)

    def describe_start(self, shard: Shard) -> str:
        """The words of the reader."""
        return self.reader.describe_start(shard)

    def find_missing(self, records: int) -> Iterator[Fault]:
        """The faults of the reader."""
        answer = self._ask(Request("find_missing", (records,)))
        if answer.failure:
            why = f"whether all of the {records:,} records were found is unknown: {answer.failure}"
            yield Fault(None, "reader-crash", why)
        else:
            yield from answer.result

    def close(self) -> None:
        """End the worker, and close the reader."""
        self._call = None
        self._workers.close()
        self.reader.close()

    def _tick(self) -> None:
        # A scan that is cancelled still reports what it has found, with the keys.
        if self._is_planning:
            self._on_tick()

    def _ask(self, request: Request) -> Answer:
        if self._call is None:
            self.reader.preload()
            run = self.options.run
            limit = run.timeout + stored_bytes(self.path) // PLANNED_BYTES
            isolated = isolate(
                partial(serve, self.reader),
                lambda _, reason: Answer(failure=reason),
                replace_in(run, timeout=limit),
                lambda *_: self._tick(),
            )
            self._call = self._workers.enter_context(isolated)
        answer = self._call(request)
        LEFT_OUT.update(answer.left_out)
        for category, text in answer.warned:
            warnings.warn(text, category, stacklevel=2)
        if answer.reader is not None:
            # The same object: later workers start from it.
            vars(self.reader).update(vars(answer.reader))
        return answer


def serve(reader: Reader, request: Request) -> Answer:
    """Call the method, in the worker."""
    known = dict(LEFT_OUT)
    with warnings.catch_warnings(record=True) as warned:
        result = getattr(reader, request.method)(*request.arguments)
        if not isinstance(result, Plan):
            result = list(result)
    left_out = {plugin: why for plugin, why in LEFT_OUT.items() if plugin not in known}
    return Answer(
        result,
        reader if request.method == "plan" else None,
        tuple((warning.category, str(warning.message)) for warning in warned),
        left_out,
    )


def stored_bytes(path: Path) -> int:
    """About how many bytes a file, or the files of a folder, take on disk; holes do not count."""
    try:
        if not path.is_dir():
            return allocated_bytes(path.stat())
        with os.scandir(path) as entries:
            return sum(allocated_bytes(entry.stat()) for entry in entries)
    except OSError:
        return 0


def allocated_bytes(status: os.stat_result) -> int:
    """The bytes that a file takes on disk, if the system counts them; otherwise, its size."""
    return getattr(status, "st_blocks", status.st_size // BLOCK_BYTES) * BLOCK_BYTES
