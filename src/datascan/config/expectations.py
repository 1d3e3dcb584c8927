"""Expectations: a description of a good dataset, in a file, that others are compared with.

The file is TOML with comments, to be edited by hand. A table or key that is left out is not
checked; an invalid one (a minimum above the maximum) is rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from datascan.config.toml import read_toml
from datascan.text import format_shape

RECORDS_TOLERANCE = 0.1
LABEL_SHIFT = 0.1

MAX_DIGITS = 309
"""The number of digits of the largest float, because labels may be floats."""

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Range = tuple[Count, Count]


class Records(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of records, and the share by which another dataset may have more or fewer."""

    count: Count
    tolerance: Annotated[float, Meta(ge=0)] = RECORDS_TOLERANCE

    def __post_init__(self) -> None:
        require(isfinite(self.tolerance), "tolerance is not finite")


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shapes of records (or minimum and maximum along each axis), dtypes, numbers of channels.

    Records with three axes have channels, along the first axis.
    """

    shapes: tuple[tuple[Count, ...], ...] | None = None
    axes: tuple[tuple[Range, ...], ...] | None = None
    dtypes: tuple[str, ...] | None = None
    channels: tuple[Count, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("shapes", "axes", "dtypes", "channels"):
            require_not_empty(name, getattr(self, name))
        for low, high in (limits for axes in self.axes or () for limits in axes):
            require(low <= high, f"the minimum of an axis is above its maximum: {low} > {high}")
        for dtype in self.dtypes or ():
            require(is_dtype(dtype), f"{dtype!a} is not a dtype (such as uint8, float32)")

    @property
    def summary(self) -> str:
        """What is expected, in words: "3x32x32", "(1..3)x(20..500)x(20..500)"."""
        words = [format_shape(shape) for shape in self.shapes or ()]
        words += [
            "x".join(str(a) if a == b else f"({a}..{b})" for a, b in axes) or "scalar"
            for axes in self.axes or ()
        ]
        text = " or ".join(words[:3]) + (" ..." if len(words) > 3 else "")
        if self.channels is None or (words and self.shapes_imply_channels):
            return text
        noun = "channel" if self.channels == (1,) else "channels"
        channels = f"{' or '.join(map(str, self.channels))} {noun}"
        return f"{text} with {channels}" if words else channels

    @property
    def shapes_imply_channels(self) -> bool:
        """Whether the shapes already show the numbers of channels."""
        return not self.axes and all(map(self.admits_channels, self.shapes or ()))

    def admits_channels(self, shape: tuple[int, ...]) -> bool:
        """Whether records of this shape have an expected number of channels."""
        return self.channels is None or (len(shape) == 3 and shape[0] in self.channels)

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether records may have this shape."""
        if not self.admits_channels(shape):
            return False
        if self.shapes is None and self.axes is None:
            return True
        return shape in (self.shapes or ()) or any(
            len(axes) == len(shape)
            and all(low <= n <= high for n, (low, high) in zip(shape, axes, strict=True))
            for axes in self.axes or ()
        )


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The kind of labels and, for classes, the share of each.

    ``shares`` are relative to their sum, and keyed by class name, or by number if classes have no
    names. ``shift`` is the largest allowed distance of another dataset's shares. ``numbers`` maps
    names to class numbers. ``learned_from`` is the number of labels that the shares come from.
    """

    kind: Literal["class", "regression"] = "class"
    shift: Share = LABEL_SHIFT
    learned_from: Count | None = None
    shares: dict[str, Share] | None = None
    numbers: dict[str, int] | None = None

    def __post_init__(self) -> None:
        shares, numbers = self.shares or {}, self.numbers or {}
        if self.kind == "regression":
            require(not shares and not numbers, "regression targets have no shares or numbers")
            return
        require(self.shares is not None, "object missing required field `shares`")
        require(sum(shares.values()) > 0, "no class has a share above 0")
        for name in numbers:
            require(name in shares, f"numbers has a class that has no share: {name!a}")
        names = {number: name for name, number in numbers.items()}
        for name, number in numbers.items():
            require(names[number] == name, f"{name!a} and {names[number]!a} are both {number}")

    @property
    def named(self) -> bool:
        """Whether the classes have names rather than just numbers."""
        return self.numbers is not None or not all(map(is_number, self.shares or ()))


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The range of all finite values; they may exceed it by ``margin`` on either side.

    The range may be open: min may be -inf, max may be inf.
    """

    min: float
    max: float
    margin: Annotated[float, Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        for name in ("min", "max"):
            require(not isnan(getattr(self, name)), f"{name} is not a number")
        require(self.min <= self.max, f"min is above max: {self.min:g} > {self.max:g}")
        require(self.min < float("inf") and self.max > float("-inf"), "the range is empty")
        require(isfinite(self.margin), "margin is not finite")


def require(holds: bool, complaint: str) -> None:  # noqa: FBT001  (a condition, not a switch)
    """Raise ValueError unless ``holds``; msgspec adds the place in the file to the message."""
    if not holds:
        raise ValueError(complaint)


def require_not_empty(name: str, values: Sequence[Any] | None) -> None:
    """Raise ValueError if a list is empty, because no dataset could match it."""
    require(values is None or len(values) > 0, f"{name} is empty (leave it out to skip the check)")


def is_dtype(name: str) -> bool:
    """Whether this is the name of a dtype."""
    import numpy as np  # noqa: PLC0415  (only needed if a file names dtypes)

    try:
        return np.dtype(name).name == name
    except (TypeError, ValueError, SyntaxError):
        return False


def is_number(name: str) -> bool:
    """Whether a class name is just a number: "7", but not "07"."""
    digits = name.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS
    return plain and (digits == name == "0" or digits[0] != "0")


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected of a dataset; None means that there is no expectation."""

    format: Literal["datascan-expectations/1"]
    records: Records | None = None
    data: Data | None = None
    labels: Labels | None = None
    values: Values | None = None

    @classmethod
    def read(cls, path: Path) -> Expectations:
        """Read a file.

        Raises:
            UsageError: if it is not a valid file of expectations; the message names the place.
        """
        return read_toml(path, cls, "expectations")

    def admits(self, shape: tuple[int, ...]) -> bool:
        """Whether records may have this shape."""
        return self.data is None or self.data.admits(shape)
