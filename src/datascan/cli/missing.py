"""What this installation lacks: a line for a library, and, once, for the compiled loops."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = {
    "PIL": ("pillow", "decodes images"),
    "google": ("protobuf google-crc32c", "read Datums and LevelDB"),
    "google_crc32c": ("google-crc32c", "reads LevelDB"),
    "h5py": ("h5py", "reads HDF5"),
    "jinja2": ("jinja2", "writes HTML"),
    "lmdb": ("lmdb", "reads LMDB"),
    "msgspec": ("msgspec", "reads and writes options and reports"),
    "numpy": ("numpy", "computes everything"),
    "simplejpeg": ("simplejpeg", "decodes JPEG"),
    "tomlkit": ("tomlkit", "writes expectations and baselines"),
    "tqdm": ("tqdm", "shows progress"),
    "xxhash": ("xxhash", "finds duplicates"),
}
"""Modules that datascan imports: what installs them, and what they do."""

SLOW = "the loops in C were not built, so scans run slower; with a C compiler: pip install datascan"


def describe_missing(error: BaseException) -> str | None:
    """One line for a library that cannot be imported; None for any other error."""
    if not isinstance(error, ImportError) or not error.name:
        return None
    found = PACKAGES.get(error.name.partition(".")[0])
    if found is None:
        return None
    package, purpose = found
    what = "is not installed" if isinstance(error, ModuleNotFoundError) else f"cannot load: {error}"
    return f"{error.name}, which {purpose}, {what} (pip install {package})"


def describe_slowness() -> str | None:
    """A line if the loops were not compiled: once per machine and user, then None.

    Also None if that cannot be remembered, as in a read-only home.
    """
    from datascan.native import LANGUAGE

    if LANGUAGE == "c" or os.environ.get("DATASCAN_PLAIN"):
        return None
    with suppress(OSError, RuntimeError):  # there is no home, it is read-only, or it was said
        marker = cache_folder() / "datascan" / "slow-loops-said"
        marker.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker.touch(exist_ok=False)
        return SLOW
    return None


def cache_folder() -> Path:
    """The user's folder for caches.

    Raises:
        RuntimeError: if the user has no home.
    """
    from pathlib import Path

    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home())
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    # XDG Base Directory Specification 0.8: a relative path is ignored.
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"
