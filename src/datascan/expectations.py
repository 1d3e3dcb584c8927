"""What a good dataset looks like: kept in a file, compared with others.

The file is TOML with comments, to be edited by hand; a table or key that is left out is not
checked. Classes go by name where class folders give names, else by number.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from datascan.settings import read_toml
from datascan.wording import in_shape

RECORDS_TOLERANCE = 0.1
LABEL_SHIFT = 0.1

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Range = tuple[Count, Count]


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many records there are, and by which share another dataset may have more or fewer."""

    count: Count
    tolerance: Annotated[float, Meta(ge=0)] = RECORDS_TOLERANCE


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shapes of records (or the least and most along each axis), dtypes, channels of images."""

    shapes: tuple[tuple[Count, ...], ...] | None = None
    axes: tuple[tuple[Range, ...], ...] | None = None
    dtypes: tuple[str, ...] | None = None
    channels: tuple[Count, ...] | None = None

    @property
    def known(self) -> str:
        """The shapes in words: "3x32x32", "(1..3)x(20..500)x(20..500)"."""
        words = [in_shape(shape) for shape in self.shapes or ()]
        words += [
            "x".join(str(a) if a == b else f"({a}..{b})" for a, b in axes) or "scalar"
            for axes in self.axes or ()
        ]
        if self.channels is not None:
            words.append(f"of {' or '.join(map(str, self.channels))} channels")
        return " or ".join(words[:3]) + (" ..." if len(words) > 3 else "") if words else "none"


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of every class, and how far the shares of another dataset may be from these."""

    shares: dict[str, Share]
    shift: Share = LABEL_SHIFT


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The range of all finite values; ``margin`` is what may be beyond it on either side."""

    min: float
    max: float
    margin: Annotated[float, Meta(ge=0)] = 0.0


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected of a dataset. What is None is not."""

    format: Literal["datascan-expectations/1"]
    records: Records | None = None
    data: Data | None = None
    labels: Labels | None = None
    values: Values | None = None

    @classmethod
    def read(cls, path: Path) -> Expectations:
        """Read a file.

        Raises:
            UsageError: where it does not hold expectations; says where.
        """
        return read_toml(path, cls, "expectations")

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether records may have this shape."""
        data = self.data
        if data is None or (data.shapes is None and data.axes is None):
            return True
        if shape in (data.shapes or ()):
            return True
        return any(
            len(axes) == len(shape)
            and all(low <= n <= high for n, (low, high) in zip(shape, axes, strict=True))
            and (data.channels is None or not shape or shape[0] in data.channels)
            for axes in data.axes or ()
        )
