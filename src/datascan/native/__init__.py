"""Inner loops, compiled where a C compiler was at hand when datascan was installed.

``fallback`` says in NumPy what each of them does; ``kernels.c`` and ``epoch.c`` do the same, to the
last bit, in a fraction of the time. ``DATASCAN_PLAIN=1`` in the environment chooses ``fallback``.
``tables.c`` stands for LevelDB itself, see ``datascan.readers.leveldb.tables``.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from datascan.native import fallback


def select_loops() -> Any:
    """The compiled functions, or ``fallback`` where they are not."""
    if os.environ.get("DATASCAN_PLAIN"):
        return fallback
    try:
        from datascan.native import epoch, kernels  # noqa: PLC0415  (there may be none)
    except ImportError:
        return fallback
    return SimpleNamespace(**(vars(epoch) | vars(kernels)))


loops = select_loops()
"""Where the functions of ``fallback`` are to be taken from."""
