"""Where results are kept for later scans if the user does not name a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from datascan.errors import UsageError


def default_cache_folder() -> Path:
    """The folder ``datascan`` in the user's folder for caches, as the system has it.

    Raises:
        UsageError: if the user has no home folder.
    """
    return user_caches() / "datascan"


def user_caches() -> Path:
    """The user's folder for caches.

    ``XDG_CACHE_HOME`` counts on every system if it is an absolute path, as its specification says
    (XDG Base Directory Specification 0.8).
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    if named and Path(named).is_absolute():
        return Path(named)
    local = os.environ.get("LOCALAPPDATA", "")
    if sys.platform == "win32" and local:
        return Path(local)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise UsageError("there is no home folder for a cache: give --cache=DIR") from error
    return home / "Library" / "Caches" if sys.platform == "darwin" else home / ".cache"
