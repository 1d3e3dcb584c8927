"""Inner loops, in C if a compiler was available when datascan was installed.

``fallback`` is the reference implementation in NumPy; ``kernels.c`` and ``epoch.c`` return
bit-identical results in a fraction of the time. ``DATASCAN_PLAIN=1`` in the environment selects
``fallback``. ``tables.c`` reads LevelDB tables; see ``datascan.readers.leveldb.tables``.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from datascan.native import fallback


def select_loops() -> Any:
    """The compiled functions, or ``fallback`` if they were not built."""
    if os.environ.get("DATASCAN_PLAIN"):
        return fallback
    try:
        from datascan.native import epoch, kernels  # noqa: PLC0415  (optional)
    except ImportError:
        return fallback
    return SimpleNamespace(**(vars(epoch) | vars(kernels)))


loops = select_loops()
"""The implementation in use; it has the functions of ``fallback``."""
