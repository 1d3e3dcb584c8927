"""Versions of installed packages, by the names of the folders that hold their metadata."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from functools import cache

DIST_INFO = r"(.+?)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info"


def find_versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those of ``packages`` that are installed.

    Importing ``importlib.metadata`` would take longer than scanning a small dataset.
    """
    known = installed_versions()
    wanted = {name: normalize(name) for name in packages}
    return {name: known[plain] for name, plain in wanted.items() if plain in known}


@cache
def installed_versions() -> dict[str, str]:
    """The version of every installed package; of several, the one that is imported."""
    found: dict[str, str] = {}
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208  (much faster)
        except OSError:
            continue
        for name in names:
            if name.endswith("-info") and (parts := re.fullmatch(DIST_INFO, name)):
                found.setdefault(normalize(parts[1]), parts[2])
    return found


def normalize(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
