"""What a sample of a layout is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RECORDS = 30


@dataclass(frozen=True)
class Sample:
    """The paths to scan, and the options that its owner would give."""

    paths: tuple[Path, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A layout: who writes it, and a function that builds a sample in an empty folder.

    ``fault`` says what is wrong with the faulty one. ``records``: how many its owner counts.
    """

    kind: str
    name: str
    fault: str
    records: int
    build: Callable[[Path, bool], Sample]


LAYOUTS: list[Layout] = []
"""All of them, in the order of the modules."""


def layout(
    kind: str, name: str, fault: str, records: int = RECORDS
) -> Callable[[Callable[[Path, bool], Sample]], Callable[[Path, bool], Sample]]:
    """Add a builder to ``LAYOUTS``."""

    def add(build: Callable[[Path, bool], Sample]) -> Callable[[Path, bool], Sample]:
        LAYOUTS.append(Layout(kind, name, fault, records, build))
        return build

    return add


def normal(seed: int, *shape: int, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    """Normally distributed numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def photos(seed: int, *shape: int) -> np.ndarray[Any, Any]:
    """Random bytes."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def classes(count: int, kinds: int = 3) -> np.ndarray[Any, Any]:
    """Labels 0, 1, 2, 0, 1, 2, ..."""
    return np.arange(count) % kinds


def with_nan(values: np.ndarray[Any, Any], faulty: bool, row: int = 7) -> np.ndarray[Any, Any]:
    """The values, with one NaN if ``faulty``."""
    if faulty:
        values = values.copy()
        values[row].flat[0] = np.nan
    return values
