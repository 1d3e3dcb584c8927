"""The records that a dataset had before, so that of two equal ones the new one is the duplicate.

A baseline keeps them as a Bloom filter of their keys: 10 bits for each record, which need not be
readable. It never forgets a key. It takes 1 in 120 new keys for a known one; of such records the
later one in store order counts as the duplicate, as without a filter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from datascan.config.identity import DatasetIdentity, relative_names, resolve_spellings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BITS_PER_KEY = 10
HASHES = 7
"""Bits that each key sets: the best number for 10 bits per key."""

MAX_KNOWN = 1_000_000
"""The records of a larger dataset are not kept: their filter would take over 1.7 MB of text."""

Name = Annotated[str, Meta(min_length=1)]


class KnownRecords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The records of one dataset when its findings were accepted.

    ``dataset`` and ``part`` name it as in a baseline's entries. ``filter``: base64 of the bits.
    """

    dataset: Name | tuple[Name, ...]
    records: Annotated[int, Meta(ge=1)]
    filter: Name
    part: Name | None = None

    @classmethod
    def of(
        cls, keys: Iterable[Sequence[str]], records: int, file: Path, identity: DatasetIdentity
    ) -> KnownRecords:
        """The ``records`` records with these keys; ``file`` is the baseline to write them to."""
        import numpy as np  # noqa: PLC0415  (no other command needs it this early)

        bits = np.zeros(-(-records * BITS_PER_KEY // 8) * 8, np.bool_)
        for some in keys:
            bits[find_places(some, len(bits))] = True
        text = base64.b64encode(np.packbits(bits).tobytes()).decode()
        names = relative_names(file, identity.paths)
        return cls(names[0] if len(names) == 1 else names, records, text, identity.part or None)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The paths of the dataset."""
        return (self.dataset,) if isinstance(self.dataset, str) else self.dataset

    def covers(self, file: Path, identity: DatasetIdentity) -> bool:
        """Whether these are records of this dataset; ``file`` is the baseline that has them."""
        return is_of_dataset(self.datasets, self.part, file, identity)

    def unpack(self) -> bytes:
        """The bits.

        Raises:
            ValueError: if ``filter`` is not the base64 of that many bits.
        """
        try:
            bits = base64.b64decode(self.filter, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(str(error)) from error
        if len(bits) != -(-self.records * BITS_PER_KEY // 8):
            raise ValueError("it has another size than the number of records requires")
        return bits


def are_known(packed: bytes, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Whether there was a record of each key, according to an unpacked filter, bool (n,)."""
    import numpy as np  # noqa: PLC0415  (no other command needs it this early)

    bits = np.frombuffer(packed, np.uint8)
    places = find_places(keys, 8 * len(bits))
    found = bits[places >> 3] >> (7 - (places & 7)).astype(np.uint8) & 1
    return np.asarray(found.all(axis=1))


def find_places(keys: Sequence[str], size: int) -> NDArray[np.int64]:
    """The places of the bits of each key in a filter of ``size`` bits, int64 (n, HASHES)."""
    import numpy as np  # noqa: PLC0415  (no other command needs it this early)
    import xxhash  # noqa: PLC0415  (the same)

    packed = b"".join(xxhash.xxh3_128_digest(key.encode("utf-8", "surrogatepass")) for key in keys)
    first, step = np.frombuffer(packed, ">u8").astype(np.uint64).reshape(-1, 2).T
    steps = step[:, None] * np.arange(HASHES, dtype=np.uint64)
    return ((first[:, None] + steps) % np.uint64(size)).astype(np.int64)


def is_of_dataset(
    datasets: Sequence[str], part: str | None, file: Path, identity: DatasetIdentity
) -> bool:
    """Whether all of these paths, relative to ``file``, and the part are those of a dataset."""
    if part is not None and part.strip("/") != identity.part:
        return False
    return all(resolve_spellings(name, file) & identity.spellings for name in datasets)
