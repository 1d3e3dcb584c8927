"""Inputs that are built to do harm, by format: each builds one in a folder, at random."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.case import Place
from tests.fuzz.hostile import folders, hdf5, images, leveldb, lmdb, saved, texts

Trick = Callable[[Place], list[str]]
"""Builds an input in a place, and returns the words of the command that reads it."""

FORMATS: dict[str, tuple[Trick, ...]] = {
    "lmdb": lmdb.TRICKS,
    "leveldb": leveldb.TRICKS,
    "hdf5": hdf5.TRICKS,
    "folders": folders.TRICKS,
    "images": images.TRICKS,
    "texts": texts.TRICKS,
    "saved": saved.TRICKS,
}
TRICKS: dict[str, Trick] = {
    f"{name}:{trick.__name__.replace('_', '-')}": trick
    for name, tricks in FORMATS.items()
    for trick in tricks
}
"""By name: its format, a colon, and what it does."""
