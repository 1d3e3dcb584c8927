"""Inner loops, compiled if a C compiler was available when datascan was installed.

``fallback`` and ``table_blocks`` define in Python what each of them does. ``kernels.c``,
``epoch.c`` and ``tables.c`` do the same, bit for bit, in a fraction of the time.
``DATASCAN_PLAIN=1`` in the environment selects Python.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from datascan.native import fallback, table_blocks


def select_loops() -> Any:
    """The compiled functions, or the Python ones if they are not installed."""
    plain = SimpleNamespace(**(vars(table_blocks) | vars(fallback)))
    if os.environ.get("DATASCAN_PLAIN"):
        return plain
    try:
        from datascan.native import epoch, kernels, tables  # noqa: PLC0415  (may be missing)
    except ImportError:
        return plain
    return SimpleNamespace(**(vars(epoch) | vars(kernels) | vars(tables)))


loops = select_loops()
"""The functions of ``fallback`` and ``table_blocks``, as fast as they are available."""
