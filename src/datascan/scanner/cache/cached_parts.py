"""Uses what earlier scans have measured in parts that have not changed, and keeps what is read.

Whatever is wrong with the cache costs the cache and not the scan: it is said in one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from datascan._version import __version__
from datascan.executors.base import Progress
from datascan.metrics.base import metric_name
from datascan.metrics.faults import measure_faults
from datascan.native import LANGUAGE
from datascan.plugins import plugins_of
from datascan.plugins.installed import installed_versions
from datascan.readers.base import Reader
from datascan.records.part import FileState, PartIdentity, digest_facts, find_state
from datascan.records.shard import Plan
from datascan.scanner.cache.folder import CacheFolder
from datascan.scanner.cache.moved import move_pieces
from datascan.scanner.cache.part_file import (
    HEAD_BYTES,
    MAX_BYTES,
    AnotherVersionError,
    StoredPart,
    read_parts,
    write_parts,
)
from datascan.scanner.forms import DamagedError, UnstorableError
from datascan.scanner.guard import GuardedMetric
from datascan.scanner.stored_results import ResultForms
from datascan.scanner.tasks import KeptShards, Metrics, NullCheckpoint, PartialResult

MACHINE_FAULTS = frozenset({"reader-crash", "damaged-store", "missing-file"})
"""Rules of faults that may be due to the machine, such as a lack of memory or a disk that was away
for a moment. Parts with one of them are read again each time."""

SECOND = 10**9
TICK, COARSE_TICK = SECOND // 10, 2 * SECOND
"""How long a file may be changed without getting another time, in ns: on file systems whose times
have fractions of a second, and on others, such as FAT."""

WORDS = (
    "results of this dataset for other options, another version or another spelling of its path, "
    "which are not used"
)


@dataclass(frozen=True, kw_only=True)
class CacheContext:
    """A scan that uses a cache.

    Attributes:
        folder: where the files of the dataset are.
        fingerprint: of options and versions, 32 bytes.
        forms: how results are stored, as those of shard 0.
        identities: of those shards that have one, by index.
        progress: receives what is wrong with the cache.
        began: a time in ns before the dataset was planned.
    """

    folder: CacheFolder
    fingerprint: bytes
    forms: ResultForms
    identities: Mapping[int, PartIdentity]
    progress: Progress
    began: int


class CachedParts:
    """The results of the parts of one dataset: those that can be used, and those to keep.

    Attributes:
        finished: the results of each shard that need not be read, by its index.
        dates: when each of them was read, in seconds since 1970.
    """

    def __init__(self, context: CacheContext) -> None:
        self.context = context
        self.path = context.folder.file_for(context.fingerprint)
        self.finished: dict[int, list[PartialResult]] = {}
        self.dates: dict[int, int] = {}
        self._parts: dict[bytes, StoredPart] = {}
        self._is_changed = self._is_full = False
        self._nbytes = 0
        self._load()

    def keep(self, shard: int, pieces: Sequence[PartialResult]) -> None:
        """Keep the results of a shard that was read, unless they might not hold next time."""
        identity, began = self.context.identities.get(shard), self.context.began
        if identity is None or not is_settled(identity, began) or has_machine_faults(pieces):
            return
        try:
            body = self.context.forms.encode(0, move_pieces(pieces, shard, 0))
        except UnstorableError as error:
            if not self._is_full:
                self._is_full = True
                self._say(f"keeps only a part of this scan: {error}")
            return
        self._add(StoredPart.of(identity.digest, began // SECOND, body))
        self._is_changed = True

    def close(self) -> None:
        """Write the file if anything has changed, and drop files that are no longer used."""
        if not self._is_changed:
            with suppress(OSError):  # for ``drop_old``
                os.utime(self.path, follow_symlinks=False)
            return
        self._is_changed = False
        try:
            self.context.folder.create()
            write_parts(self.path, self.context.fingerprint, self._parts.values())
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            self._say(f"keeps nothing of this scan: cannot write to {self.path.parent}: {why}")
            return
        self.context.folder.drop_old()

    def _load(self) -> None:
        """Find the parts that have not changed; an unusable file is reported and ignored."""
        wanted: dict[bytes, list[int]] = {}
        for shard, identity in self.context.identities.items():
            wanted.setdefault(identity.digest, []).append(shard)
        try:
            has_old = self._use_parts(wanted)
        except FileNotFoundError:
            if self.context.folder.has_others():
                self._say(f"has {WORDS}")
            return
        except AnotherVersionError:
            self._reject("is of another version of datascan")
        except DamagedError as error:
            self._reject(f"is damaged ({error})")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            self._reject(f"cannot be read ({why})")
        else:
            self._is_changed = has_old

    def _use_parts(self, wanted: Mapping[bytes, Sequence[int]]) -> bool:
        """Use the parts of the file that are ``wanted``; whether there are others."""
        has_old = False
        for part in read_parts(self.path, self.context.fingerprint, frozenset(wanted)):
            if part is None:
                has_old = True
                continue
            _, pieces = self.context.forms.decode(bytes(part.body))
            for shard in wanted[part.digest]:
                self.finished[shard] = move_pieces(pieces, 0, shard)
                self.dates[shard] = part.read
            self._add(part)
        return has_old

    def _add(self, part: StoredPart) -> None:
        self._nbytes += len(part.octets)
        if self._nbytes <= MAX_BYTES - HEAD_BYTES:
            self._parts[part.digest] = part
        elif not self._is_full:
            self._is_full = True
            self._say(f"keeps only a part of this scan: more than {MAX_BYTES:,} bytes")

    def _reject(self, why: str) -> None:
        """Use nothing of the file, and say why."""
        self.finished, self.dates, self._parts, self._nbytes = {}, {}, {}, 0
        self._say(f"is not used: {self.path} {why}")

    def _say(self, text: str) -> None:
        self.context.progress.notify(f"the cache {text}")


def is_settled(identity: PartIdentity, began: int) -> bool:
    """Whether another change would show: the last one was some time before the scan ``began``."""
    tick = TICK if identity.changed % SECOND else COARSE_TICK
    return began - identity.changed >= tick


def has_machine_faults(pieces: Sequence[PartialResult]) -> bool:
    """Whether results have faults that may be due to the machine instead of the data."""
    name = metric_name(measure_faults)
    tallies = [found for piece in pieces if (found := piece.tallies.entries.get(name))]
    return any(not MACHINE_FAULTS.isdisjoint(tally.entries) for tally in tallies)


def open_cache(
    reader: Reader, plan: Plan, metrics: Metrics, progress: Progress, began: int
) -> KeptShards:
    """The results of those parts of the dataset that have not changed since they were read.

    ``began``: a time in ns before the dataset was planned. If nothing can be kept, ``progress`` has
    the reason.
    """
    path = reader.options.run.cache
    if path is None or not plan.shards:
        return NullCheckpoint()
    if any(is_below(path, folder) for folder in reader.paths):
        progress.notify(f"the cache is not used: {path} is inside of {reader.path}")
        return NullCheckpoint()
    try:
        forms = ResultForms(metrics, 1)
    except UnstorableError as error:
        progress.notify(f"the cache is not used: {error}")
        return NullCheckpoint()
    identities = identify_parts(reader, plan, metrics)
    if not identities:
        why = "a change of its parts might go unnoticed"
        progress.notify(f"the cache is not used for {reader.path}: {why}")
        return NullCheckpoint()
    whole = reader.identity
    places = [os.path.abspath(place) for place in (*reader.paths, *whole.paths)]  # noqa: PTH100  (keeps links)
    folder = CacheFolder.of(path, (reader.name, places, whole.part))
    return CachedParts(
        CacheContext(
            folder=folder,
            fingerprint=fingerprint(reader, metrics),
            forms=forms,
            identities=identities,
            progress=progress,
            began=began,
        )
    )


def identify_parts(reader: Reader, plan: Plan, metrics: Metrics) -> dict[int, PartIdentity]:
    """The identities of those shards that have one."""
    is_movable = not has_guarded(metrics)
    found = {}
    for shard in plan.shards:
        identity = reader.identify_part(shard)
        if identity is not None:
            found[shard.index] = identity if is_movable else identity.with_facts(shard.index)
    return found


def has_guarded(metrics: Metrics) -> bool:
    """Whether other packages measure something, whose tallies may have addresses anywhere."""
    return any(isinstance(metric, GuardedMetric) for metric in metrics.values())


def plugin_states() -> list[tuple[str, str, FileState]]:
    """The plug-ins that read, decode or measure, and the states of their modules.

    Someone who writes one changes it without changing the version of the package.
    """
    found = []
    for kind in ("check", "decoder", "reader"):
        for plugin in plugins_of(kind).values():
            spec = None
            with suppress(Exception):  # a package that cannot be found or imported
                spec = find_spec(plugin.target.partition(":")[0])
            path = "" if spec is None or spec.origin is None else spec.origin
            found.append((kind, plugin.target, find_state(path)))
    return found


def fingerprint(reader: Reader, metrics: Metrics) -> bytes:
    """A hash of everything else on which results depend: options and versions, 32 bytes."""
    plugins = plugin_states()
    packages = installed_versions() if plugins else reader.versions()
    return digest_facts(
        (
            __version__,
            sys.version_info[:3],
            np.__version__,
            LANGUAGE,
            sorted(packages.items()),
            reader.name,
            [str(path) for path in reader.paths],
            reader.options.read,
            reader.options.check,
            sorted(metrics),
            plugins,
        )
    )


def is_below(path: Path, folder: Path) -> bool:
    """Whether a path is a folder that is scanned, or is in it."""
    with suppress(ValueError):  # a name with a null byte
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    return True
